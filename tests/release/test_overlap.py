"""Overlap and rank-biased overlap satisfy their laws and agree with the definition, summed to a large depth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.release.overlap import overlap, rank_biased_overlap

rankings = st.lists(st.sampled_from("abcdefghijkl"), unique=True, max_size=10)


@given(rankings)
def test_equal_rankings_overlap_completely(ranking: list[str]) -> None:
    assert overlap(ranking, ranking) == 1.0
    assert rank_biased_overlap(ranking, ranking) == pytest.approx(1.0)


@given(rankings, rankings)
def test_overlaps_are_symmetric_and_between_0_and_1(first: list[str], second: list[str]) -> None:
    for measure in (overlap, rank_biased_overlap):
        assert 0.0 <= measure(first, second) <= 1.0
        assert measure(first, second) == pytest.approx(measure(second, first))


@given(rankings.filter(bool))
def test_rankings_without_a_common_hit_do_not_overlap(ranking: list[str]) -> None:
    others = [hit.upper() for hit in ranking]
    assert overlap(ranking, others) == 0.0 == rank_biased_overlap(ranking, others)
    assert overlap(ranking, []) == 0.0 == rank_biased_overlap(ranking, [])


@given(st.integers(1, 10).flatmap(lambda n: st.tuples(*[st.permutations("abcdefghijkl").map(lambda r: r[:n])] * 2)))
def test_rank_biased_overlap_is_the_weighted_agreement_of_all_depths(both: tuple[list[str], list[str]]) -> None:
    # The definition (Webber et al. 2010, equation 4), assuming that the agreement at the end continues
    first, second = both
    p, end = 0.9, len(first)
    agreement = [len(set(first[:d]) & set(second[:d])) / d for d in range(1, end + 1)]
    expected = (1 - p) * sum(agreement[min(d, end) - 1] * p ** (d - 1) for d in range(1, 2_000))
    assert rank_biased_overlap(first, second, p) == pytest.approx(expected, abs=1e-9)


def test_a_change_at_the_top_counts_more_than_one_at_the_end() -> None:
    ranking = list("abcdefghij")
    top, end = ["x", *ranking[1:]], [*ranking[:-1], "x"]
    assert overlap(ranking, top) == overlap(ranking, end) == pytest.approx(0.9)
    assert rank_biased_overlap(ranking, top) < rank_biased_overlap(ranking, end)
