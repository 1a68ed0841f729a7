"""BM25 agrees with the formula written out, whatever the corpus."""

import math
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.errors import SnapshotError
from embeddings.indexes.bm25 import lexical_index
from embeddings.indexes.bm25.lexical_index import FILES, Bm25Index
from tests.indexes.masks import excluding

# Few enough to collide, and odd enough to trip sorting and encoding
term = st.one_of(st.sampled_from(["a", "aa", "b", "é", "目标", "\U00020000", "\uffff", "\ud800", "c++", ""]), st.text())
corpora = st.lists(st.lists(term, max_size=12), min_size=1, max_size=20)

PAPERS = [
    ["sparse", "matrix", "matrix", "factor"],
    ["dense", "matrix"],
    ["目标", "检测", "clip"],
    [],
    ["sparse", "clip", "clip", "clip", "prune", "network", "weight"],
]


def built(papers: Sequence[Sequence[str]], folder: Path) -> Bm25Index:
    lexical_index.build(iter(papers), len(papers), folder)
    return Bm25Index.load(folder, excluding(len(papers)))


def idf(papers: Sequence[Sequence[str]], term: str) -> float:
    having = sum(term in paper for paper in papers)
    return math.log(1 + (len(papers) - having + 0.5) / (having + 0.5))


def formula(papers: Sequence[Sequence[str]], query: Sequence[str], k1: float = 1.5, b: float = 0.75) -> list[float]:
    average = sum(map(len, papers)) / len(papers)
    scores = []
    for paper in papers:
        score = 0.0
        for term in query:
            if tf := Counter(paper)[term]:
                score += idf(papers, term) * tf / (tf + k1 * (1 - b + b * len(paper) / average))
        scores.append(score)
    return scores


@settings(deadline=None)  # writes files
@given(papers=corpora, strange=st.lists(term, max_size=3), rng_seed=st.integers(0, 1000))
def test_scores_agree_with_the_formula(papers: list[list[str]], strange: list[str], rng_seed: int) -> None:
    known = [term for paper in papers for term in paper]
    query = [*np.random.default_rng(rng_seed).permutation(np.array(known, dtype=object))[:6], *strange]
    with tempfile.TemporaryDirectory() as folder:
        index = built(papers, Path(folder))
        scores = index.scores(query)
        assert scores.dtype == np.float32
        np.testing.assert_allclose(scores, formula(papers, query), rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(scores, index.scores(query[::-1]))
        ceiling = sum(idf(papers, term) for term in query)
        assert index.max_score(query) == pytest.approx(ceiling)
        assert np.all(scores <= ceiling + 1e-4)
        assert len(index) == len(papers)


@settings(deadline=None)  # writes files
@given(papers=corpora)
def test_cosines_compare_what_the_terms_add_to_the_score(papers: list[list[str]]) -> None:
    names = sorted({term for paper in papers for term in paper})
    added = np.array([formula(papers, [name]) for name in names]).reshape(len(names), len(papers)).T
    lengths = np.linalg.norm(added, axis=1, keepdims=True)
    directions = np.divide(added, lengths, out=np.zeros_like(added), where=lengths > 0)
    with tempfile.TemporaryDirectory() as folder:
        index = built(papers, Path(folder))
        for row in range(len(papers)):
            others = np.arange(len(papers))[::-1]
            cosines = index.cosines(index.term_vector(row), others)
            np.testing.assert_allclose(cosines, directions[others] @ directions[row], atol=1e-5)
            assert cosines.dtype == np.float32 and np.all((cosines >= 0) & (cosines <= 1))
            of_text, of_paper = index.text_vector(papers[row]), index.term_vector(row)
            np.testing.assert_array_equal(of_text.terms, of_paper.terms)
            np.testing.assert_allclose(of_text.weights, of_paper.weights, atol=1e-5)
        assert index.cosines(index.term_vector(0), np.empty(0, dtype=np.int64)).shape == (0,)
        assert not len(index.text_vector(["a term that no paper has"]).terms)


@pytest.mark.parametrize(("papers_a_block", "postings_a_block"), [(1, 1), (2, 3), (100, 7)])
def test_blocks_do_not_show(
    tmp_path: Path, papers_a_block: int, postings_a_block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "blocks").mkdir()
    built(PAPERS * 9, tmp_path / "whole")
    monkeypatch.setattr(lexical_index, "_BLOCK_PAPERS", papers_a_block)
    monkeypatch.setattr(lexical_index, "_BLOCK_POSTINGS", postings_a_block)
    built(PAPERS * 9, tmp_path / "blocks")
    for name in FILES:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "blocks" / name).read_bytes()


def test_the_same_papers_give_the_same_files_and_no_others(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        built(PAPERS, tmp_path / name)
        assert sorted(path.name for path in (tmp_path / name).iterdir()) == sorted(FILES)
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_k1_and_b_are_those_of_the_formula(tmp_path: Path) -> None:
    lexical_index.build(PAPERS, len(PAPERS), tmp_path, k1=0.9, b=0.4)
    scores = Bm25Index.load(tmp_path).scores(["matrix", "clip"])
    np.testing.assert_allclose(scores, formula(PAPERS, ["matrix", "clip"], 0.9, 0.4), rtol=1e-5)


def test_a_corpus_without_terms_and_a_query_without_terms_score_nothing(tmp_path: Path) -> None:
    assert built([[], []], tmp_path).scores(["matrix"]).tolist() == [0, 0]
    index = built(PAPERS, tmp_path)
    assert index.scores([]).tolist() == [0] * len(PAPERS)
    assert index.max_score([]) == 0


def test_many_threads_get_the_same_scores(tmp_path: Path) -> None:
    index = built(PAPERS * 200, tmp_path)
    queries = [paper * 2 for paper in PAPERS] * 40
    expected = [index.scores(query) for query in queries]
    best = [index.best(query, 10) for query in queries]
    with ThreadPoolExecutor(8) as pool:
        np.testing.assert_array_equal(list(pool.map(index.scores, queries)), expected)
        for found, alone in zip(pool.map(lambda query: index.best(query, 10), queries), best, strict=True):
            np.testing.assert_array_equal(found, alone)


@settings(deadline=None)  # writes files
@given(papers=corpora, query=st.lists(term, max_size=8), most=st.integers(1, 25), data=st.data())
def test_the_best_and_the_scores_of_some_are_those_of_all(
    papers: list[list[str]], query: list[str], most: int, data: st.DataObject
) -> None:
    admitted = data.draw(st.none() | st.lists(st.booleans(), min_size=len(papers), max_size=len(papers)).map(np.array))
    some = data.draw(st.lists(st.integers(0, len(papers) - 1)).map(lambda rows: np.array(rows, dtype=np.int64)))
    with tempfile.TemporaryDirectory() as folder:
        index = built(papers, Path(folder))
        for asked in (query, query + papers[0]):
            check_best(index, asked, most, admitted)
            np.testing.assert_array_equal(index.scores_of(asked, some), index.scores(asked)[some])


@settings(deadline=None, max_examples=200)
@given(rng_seed=st.integers(0, 2**32), most=st.integers(1, 60), admit=st.sampled_from([None, 0.5, 0.05, 0.0]))
def test_the_best_are_those_of_ordering_all(language: Bm25Index, rng_seed: int, most: int, admit: float | None) -> None:
    random = np.random.default_rng(rng_seed)
    admitted = None if admit is None else random.random(len(language)) < admit
    for asked in (
        zipf(random, int(random.integers(1, 12))),
        zipf(random, 80),
        ["0", "1", "2"],
        ["0", "0", "150", "199"],
    ):
        check_best(language, asked, most, admitted)


def check_best(index: Bm25Index, asked: list[str], most: int, admitted: NDArray[np.bool_] | None) -> None:
    """Compare with scoring every paper and ordering them all, equal ones by row."""
    scores = index.scores(asked)
    allowed = scores > 0 if admitted is None else (scores > 0) & admitted
    expected = np.flatnonzero(allowed)[np.argsort(-scores[allowed], kind="stable")][:most]
    exclude = () if admitted is None else tuple(np.flatnonzero(~admitted).tolist())
    rows, values = index.best(asked, most, exclude=exclude)
    assert rows.tolist() == expected.tolist()
    np.testing.assert_array_equal(values, scores[expected])


@pytest.fixture(scope="module")
def language(tmp_path_factory: pytest.TempPathFactory) -> Bm25Index:
    """Words as frequent as those of a language, in more papers than are looked at; some papers twice."""
    random = np.random.default_rng(0)
    papers = [zipf(random, int(random.integers(0, 60))) for _ in range(3_501)]
    return built(papers + papers[:500], tmp_path_factory.mktemp("language"))


def zipf(random: np.random.Generator, count: int) -> list[str]:
    """Terms of which the n-th commonest is said in proportion to 1 / n."""
    return [str(rank) for rank in np.minimum(200 ** random.random(count), 199).astype(int)]


def test_a_wrong_count_of_papers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"5 papers .* 4 were announced"):
        lexical_index.build(PAPERS, 4, tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_or_broken_file_is_one_clear_error(tmp_path: Path, name: str) -> None:
    built(PAPERS, tmp_path)
    whole = (tmp_path / name).read_bytes()
    for broken in (b"", b"no array", whole[: len(whole) // 2], whole[:-4]):
        (tmp_path / name).write_bytes(broken)
        with pytest.raises(SnapshotError, match=r"build the snapshot anew"):
            Bm25Index.load(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(SnapshotError, match=name):
        Bm25Index.load(tmp_path)


def test_files_of_two_corpora_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    built(PAPERS[:2], tmp_path / "other")
    built(PAPERS, tmp_path)
    (tmp_path / lexical_index.ROWS).write_bytes((tmp_path / "other" / lexical_index.ROWS).read_bytes())
    with pytest.raises(SnapshotError, match="do not belong together"):
        Bm25Index.load(tmp_path)
    np.save(tmp_path / lexical_index.SCORES, np.zeros((2, 2)))
    with pytest.raises(SnapshotError, match=r"float64 of shape \(2, 2\)"):
        Bm25Index.load(tmp_path)
