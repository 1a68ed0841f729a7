"""What each leg finds, whatever the kind of index, agrees with comparing everything."""

import dataclasses
import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from embeddings.build.job import build
from embeddings.encoders.encoder import Encoder
from embeddings.queries import Filters, SearchOptions, Stage
from embeddings.ranking import retrieval
from embeddings.ranking.fusion import alike, fuse
from embeddings.ranking.retrieval import Ranked, Retriever
from embeddings.ranking.smoothing import smooth
from embeddings.search.searcher import Searcher
from embeddings.snapshots.snapshot import Snapshot
from embeddings.texts.terms import terms
from tests.build.test_job import options, write_corpus

PAPERS = 400


@pytest.fixture(scope="module", params=["Flat", "IVF8,SQ8", "HNSW8,SQ8"])
def many(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """More papers than are fused, under an exact and two approximate indexes."""
    folder = tmp_path_factory.mktemp("many")
    report = build([str(write_corpus(folder / "corpus.jsonl", PAPERS))], options(folder, index=request.param))
    return Snapshot.open(report.folder)


@pytest.fixture(scope="module")
def query(encoder: Encoder) -> NDArray[np.float32]:
    embeddings = encoder.encode_queries(["sparse regression in setting number 17"]).embeddings
    return np.asarray(embeddings[0])


@pytest.fixture(params=[True, False], ids=["scanned", "searched"])
def scanning(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to a filtered answer: reading all admitted rows, and searching the index among them."""
    if not request.param:
        monkeypatch.setattr(retrieval, "_SCANNED_ROWS", 0)


@pytest.mark.usefixtures("scanning")
def test_dense_finds_as_many_as_there_are_with_their_true_cosines(many: Snapshot, query: NDArray[np.float32]) -> None:
    exact = np.asarray(many.embeddings) @ query
    for admitted in (None, np.arange(PAPERS) % 3 == 0, np.arange(PAPERS) < 2, np.zeros(PAPERS, dtype=np.bool_)):
        allowed = np.arange(PAPERS) if admitted is None else np.flatnonzero(admitted)
        for depth in (1, 10, PAPERS * 2):
            ranked = Retriever(many).dense(query, admitted, depth)
            assert len(ranked) == len(set(ranked.rows.tolist())) == min(depth, len(allowed))
            assert set(ranked.rows.tolist()) <= set(allowed.tolist())
            np.testing.assert_allclose(ranked.scores, exact[ranked.rows], atol=1e-5)
            assert np.all(np.diff(ranked.scores) <= 0)
            assert ranked.complete == (depth >= len(allowed))


def test_lexical_orders_all_that_match_by_bm25(many: Snapshot, query: NDArray[np.float32]) -> None:
    asked = terms("sparse regression setting 17")
    scores = many.lexical.scores(asked)
    for depth in (1, 7, PAPERS * 2):
        ranked = Retriever(many).lexical(query, asked, None, depth)
        np.testing.assert_array_equal(ranked.relevance, -np.sort(-scores[scores > 0])[:depth])
        assert ranked.complete == (depth >= np.count_nonzero(scores))
    odd = np.arange(PAPERS) % 2 == 1
    assert np.all(Retriever(many).lexical(query, asked, odd, 50).rows % 2 == 1)


def test_hybrid_is_the_fused_order_and_then_the_dense_one(many: Snapshot, query: NDArray[np.float32]) -> None:
    asked = terms("sparse regression setting 17")
    ranked = Retriever(many).hybrid(query, asked, None, PAPERS, without=frozenset(Stage) - {Stage.WORDS})
    assert sorted(ranked.rows.tolist()) == list(range(PAPERS)) and ranked.complete
    assert np.all(np.diff(ranked.relevance) <= 0)
    relevance = fuse(ranked.scores, many.lexical.scores(asked)[ranked.rows], many.lexical.ceiling(asked))
    fused = ~np.isnan(ranked.parts["fused"])
    np.testing.assert_allclose(ranked.relevance[fused], relevance[fused], atol=1e-6)
    assert 200 <= fused.sum() < PAPERS and np.all(np.diff(fused.astype(int)) <= 0)
    assert np.all(np.diff(ranked.scores[~fused]) <= 0)


def test_each_stage_adds_what_its_formula_says(many: Snapshot, query: NDArray[np.float32]) -> None:
    asked = terms("sparse regression setting 17")
    ranked = Retriever(many).hybrid(query, asked, None, 10)
    vectors = np.asarray(many.embeddings)[ranked.rows]
    titles = np.asarray(many.titles)[ranked.rows].astype(np.float32)
    titled = titles.any(axis=1)
    assert titled.any() and not titled.all()
    expected = (titles @ query) / np.where(titled, np.linalg.norm(titles, axis=1), np.nan)
    np.testing.assert_allclose(ranked.parts["title"], expected, atol=1e-5)

    def fused(cosines: NDArray[np.float32]) -> NDArray[np.float32]:
        meaning = np.where(titled, (cosines + 0.25 * expected) / 1.25, cosines)
        return 0.55 * meaning + 0.45 * many.lexical.scores(asked)[ranked.rows] / many.lexical.ceiling(asked)

    best = vectors[np.argsort(-fused(vectors @ query), kind="stable")[:2]]
    moved = query + 0.5 * best.mean(axis=0)
    np.testing.assert_allclose(ranked.parts["feedback"], vectors @ moved / np.linalg.norm(moved), atol=1e-5)
    np.testing.assert_allclose(ranked.parts["fused"], fused(ranked.parts["feedback"]), atol=1e-5)
    np.testing.assert_allclose(ranked.relevance, smooth(ranked.parts["fused"], vectors), atol=1e-5)


def test_related_is_the_weighed_order_and_then_the_dense_one(many: Snapshot) -> None:
    others = np.arange(PAPERS) != 17
    ranked = Retriever(many).related(17, others, PAPERS)
    assert sorted(ranked.rows.tolist()) == np.flatnonzero(others).tolist() and ranked.complete
    assert np.all(np.diff(ranked.relevance) <= 0)
    np.testing.assert_allclose(ranked.scores, np.asarray(many.embeddings)[ranked.rows] @ many.embeddings[17], atol=1e-5)
    weighed = ~np.isnan(ranked.parts["lexical"])
    assert weighed.sum() == 100 and np.all(np.diff(ranked.scores[~weighed]) <= 0)
    near = ranked[weighed]
    likeness = many.lexical.likeness(17, near.rows)
    np.testing.assert_array_equal(near.parts["lexical"], likeness)
    smoothed = smooth(alike(near.scores, likeness), np.asarray(many.embeddings)[near.rows])
    np.testing.assert_allclose(near.relevance, smoothed, atol=1e-5)
    bare = Retriever(many).related(17, others, PAPERS, without=frozenset(Stage))
    np.testing.assert_array_equal(bare.rows, Retriever(many).dense(many.vectors([17])[0], others, PAPERS).rows)


def test_a_deeper_look_never_changes_what_was_seen(many: Snapshot, query: NDArray[np.float32]) -> None:
    asked = terms("sparse regression setting 17")
    looks: list[Ranked] = [Retriever(many).hybrid(query, asked, None, depth) for depth in (10, 200, 250, PAPERS)]
    related = [Retriever(many).related(17, np.arange(PAPERS) != 17, depth) for depth in (10, 100, 150, PAPERS)]
    for shallow, deep in [*itertools.pairwise(looks), *itertools.pairwise(related)]:
        assert deep.rows[: len(shallow)].tolist() == shallow.rows.tolist()
        np.testing.assert_array_equal(deep.relevance[: len(shallow)], shallow.relevance)


def test_pages_of_every_kind_join(many: Snapshot, encoder: Encoder) -> None:
    searcher = Searcher(many, encoder.encode_queries)
    for asked in (SearchOptions(), SearchOptions(diversity=0.5), SearchOptions(filters=Filters(year_from=2010))):
        whole = searcher.search("graph networks", dataclasses.replace(asked, top_k=PAPERS))
        found: list[str] = []
        while len(found) < len(whole.hits):
            page = searcher.search("graph networks", dataclasses.replace(asked, top_k=70, offset=len(found)))
            found += [hit.paper.id for hit in page.hits]
            assert page.exhausted == (len(found) == len(whole.hits))
        assert found == [hit.paper.id for hit in whole.hits]
