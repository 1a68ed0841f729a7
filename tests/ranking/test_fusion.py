"""Laws of fusion, for any cosines and any BM25."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.ranking.candidates import Candidates, QueryKind, RankingQuery
from embeddings.ranking.fusion import fused as fused_score
from embeddings.ranking.fusion import with_titles as with_titles_weighted
from embeddings.ranking.stage_names import StageName
from embeddings.ranking.stages.cross_language import estimate
from embeddings.ranking.weights import WEIGHTS

TITLE_WEIGHT = 0.25

cosine = st.floats(-1, 1, width=32)
bm25 = st.floats(0, 40, width=32)
candidates = st.lists(st.tuples(cosine, bm25), min_size=1, max_size=50)
ceilings = st.floats(40, 1000)


def fuse(
    cosines: NDArray[np.float32],
    lexical: NDArray[np.float32],
    max_lexical: float,
    kind: QueryKind = QueryKind.TEXT,
) -> NDArray[np.float32]:
    rows = np.arange(len(cosines))
    query = RankingQuery(kind=kind, vector=np.zeros(2, np.float32), max_lexical=max_lexical)
    return fused_score(Candidates(rows, cosines, cosines, {StageName.LEXICAL: lexical}), query, WEIGHTS[kind])


def with_titles(semantic: NDArray[np.float32], titles: NDArray[np.float32]) -> NDArray[np.float32]:
    return with_titles_weighted(semantic, titles, TITLE_WEIGHT)


def column(values: list[float]) -> NDArray[np.float32]:
    return np.array(values, dtype=np.float32)


def relevance(pairs: list[tuple[float, float]], ceiling: float) -> NDArray[np.float32]:
    return fuse(column([pair[0] for pair in pairs]), column([pair[1] for pair in pairs]), ceiling)


@given(pairs=candidates, ceiling=ceilings, more=st.floats(0.001, 1))
def test_more_of_either_is_never_worse(pairs: list[tuple[float, float]], ceiling: float, more: float) -> None:
    before = relevance(pairs, ceiling)
    assert np.all(relevance([(dense + more, words) for dense, words in pairs], ceiling) >= before)
    assert np.all(relevance([(dense, words + more) for dense, words in pairs], ceiling) >= before)


@given(pairs=candidates, ceiling=ceilings)
def test_words_decide_between_equal_cosines_and_cosines_between_equal_words(
    pairs: list[tuple[float, float]], ceiling: float
) -> None:
    (dense, words), more = pairs[0], 0.01 * ceiling
    assert fuse(column([dense]), column([words + more]), ceiling) > fuse(column([dense]), column([words]), ceiling)
    assert fuse(column([dense + 0.01]), column([words]), ceiling) > fuse(column([dense]), column([words]), ceiling)


@given(cosines=st.lists(cosine, min_size=1, max_size=50), ceiling=st.one_of(st.just(0.0), ceilings))
def test_without_a_common_term_the_cosines_give_the_order(cosines: list[float], ceiling: float) -> None:
    dense = column(cosines)
    fused = fuse(dense, np.zeros_like(dense), ceiling)
    assert np.all(np.diff(fused[np.argsort(dense)]) >= 0)


@given(pairs=candidates, ceiling=ceilings, rng_seed=st.integers(0, 1000))
def test_the_order_of_candidates_does_not_matter_nor_who_else_is_there(
    pairs: list[tuple[float, float]], ceiling: float, rng_seed: int
) -> None:
    fused = relevance(pairs, ceiling)
    order = np.random.default_rng(rng_seed).permutation(len(pairs))
    np.testing.assert_array_equal(relevance([pairs[i] for i in order], ceiling), fused[order])
    np.testing.assert_array_equal(relevance(pairs[:1], ceiling), fused[:1])


@given(pairs=candidates, ceiling=ceilings)
def test_relevance_is_at_most_one(pairs: list[tuple[float, float]], ceiling: float) -> None:
    assume(all(words <= ceiling for _, words in pairs))
    fused = relevance(pairs, ceiling)
    assert fused.dtype == np.float32
    assert np.all(np.abs(fused) <= 1)


@given(pairs=st.lists(st.tuples(cosine, cosine), min_size=1, max_size=50))
def test_a_title_lies_in_the_average_and_without_one_the_cosine_stays(pairs: list[tuple[float, float]]) -> None:
    whole, titles = column([pair[0] for pair in pairs]), column([pair[1] for pair in pairs])
    averaged = with_titles(whole, titles)
    np.testing.assert_allclose(averaged * (1 + TITLE_WEIGHT), whole + TITLE_WEIGHT * titles, atol=1e-5)
    titles[0] = np.nan
    unknown = with_titles(whole, titles)
    assert unknown[0] == whole[0]
    np.testing.assert_array_equal(unknown[1:], averaged[1:])
    assert averaged.dtype == unknown.dtype == np.float32


@given(pairs=st.lists(st.tuples(cosine, st.floats(0, 1, width=32)), min_size=1, max_size=50))
def test_papers_are_compared_half_by_meaning_and_half_by_words(pairs: list[tuple[float, float]]) -> None:
    dense, words = column([pair[0] for pair in pairs]), column([pair[1] for pair in pairs])
    np.testing.assert_allclose(fuse(dense, words, 1.0, QueryKind.PAPER), (dense + words) / 2, atol=1e-6)


@given(pairs=candidates, rng_seed=st.integers(0, 1000))
def test_shares_are_estimated_for_papers_in_another_language_only(
    pairs: list[tuple[float, float]], rng_seed: int
) -> None:
    foreign = np.random.default_rng(rng_seed).random(len(pairs)) < 0.5
    assume(foreign.any() and not foreign.all())
    dense, words = column([pair[0] for pair in pairs]), column([pair[1] for pair in pairs])
    shares = words / np.float32(words.max() + 1)
    estimated = estimate(dense, shares, foreign)
    np.testing.assert_array_equal(estimated[~foreign], shares[~foreign])
    assert np.all(estimated >= shares) and np.all(estimated <= 1.0001) and estimated.dtype == np.float32
    order = np.argsort(dense[foreign], kind="stable")
    own_only = np.where(foreign, np.float32(0), shares)
    assert np.all(np.diff(estimate(dense, own_only, foreign)[foreign][order]) >= 0), "nearer is estimated no less"


def test_the_estimate_grows_with_the_cosine() -> None:
    dense, shares = column([0.2, 0.4, 0.6, 0.4, 0.9]), column([0.1, 0.2, 0.3, 0, 0])
    foreign = np.array([False, False, False, True, True])
    expected = [0.2, 0.2 * (0.9 / 0.4) ** 1.5]
    np.testing.assert_allclose(estimate(dense, shares, foreign)[3:], expected, atol=1e-5)
    np.testing.assert_allclose(estimate(dense, shares * 2.5, foreign)[3:], [0.5, 1], atol=1e-5)


def test_nothing_to_fuse_is_nothing() -> None:
    assert fuse(column([]), column([]), 1.0).shape == (0,)
