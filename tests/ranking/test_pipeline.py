"""What the pipeline finds, whatever the kind of index, agrees with comparing everything."""

import dataclasses
import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from embeddings.build.job import build
from embeddings.encoders.encoder import Encoder
from embeddings.indexes.faiss import vector_index
from embeddings.queries import Filters, SearchOptions
from embeddings.ranking import pipeline
from embeddings.ranking.candidates import Candidates, QueryKind, RankingQuery
from embeddings.ranking.stage_names import OPTIONAL, StageName
from embeddings.ranking.stages.smoothing import smooth
from embeddings.ranking.weights import WEIGHTS
from embeddings.search import ranking_queries
from embeddings.search.searcher import Searcher
from embeddings.snapshots.snapshot import Snapshot
from embeddings.texts.terms import terms
from tests.build.test_job import options, write_corpus

PAPERS = 400
TERMS = tuple(terms("sparse regression setting 17"))


@pytest.fixture(scope="module", params=["Flat", "IVF8,SQ8", "HNSW8,SQ8"])
def many(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """More papers than are ranked, under an exact and two approximate indexes."""
    folder = tmp_path_factory.mktemp("many")
    report = build([str(write_corpus(folder / "corpus.jsonl", PAPERS))], options(folder, index=request.param))
    return Snapshot.open(report.folder)


@pytest.fixture(scope="module")
def vector(encoder: Encoder) -> NDArray[np.float32]:
    embeddings = encoder.encode_queries(["sparse regression in setting number 17"]).embeddings
    return np.asarray(embeddings[0])


@pytest.fixture(params=[True, False], ids=["scanned", "searched"])
def scanning(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to a filtered answer: reading all admitted rows, and searching the index among them."""
    if not request.param:
        monkeypatch.setattr(vector_index, "SCANNED_ROWS", 0)


def by_text(many: Snapshot, vector: NDArray[np.float32], **changes: object) -> RankingQuery:
    query = RankingQuery(
        kind=QueryKind.TEXT, vector=vector, terms=TERMS, max_lexical=many.lexical.max_score(TERMS), language="en"
    )
    return dataclasses.replace(query, **changes)  # type: ignore[arg-type]


def by_paper(many: Snapshot, row: int = 17, **changes: object) -> RankingQuery:
    return dataclasses.replace(ranking_queries.of_paper(row, SearchOptions(), many), **changes)  # type: ignore[arg-type]


@pytest.mark.usefixtures("scanning")
def test_dense_finds_as_many_as_there_are_with_their_true_cosines(many: Snapshot, vector: NDArray[np.float32]) -> None:
    exact = np.asarray(many.embeddings) @ vector
    for exclude in ((), range(0, PAPERS, 3), range(2, PAPERS), range(PAPERS)):
        allowed = sorted(set(range(PAPERS)) - set(exclude))
        for depth in (1, 10, PAPERS * 2):
            found = pipeline.dense(by_text(many, vector, exclude=tuple(exclude)), depth, many)
            assert len(found) == len(set(found.rows.tolist())) == min(depth, len(allowed))
            assert set(found.rows.tolist()) <= set(allowed)
            np.testing.assert_allclose(found.similarity, exact[found.rows], atol=1e-5)
            assert np.all(np.diff(found.similarity) <= 0)
            assert found.complete == (depth > len(allowed))


def test_lexical_orders_all_that_match_by_bm25(many: Snapshot, vector: NDArray[np.float32]) -> None:
    scores = many.lexical.scores(TERMS)
    query = by_text(many, vector)
    for depth in (1, 7, PAPERS * 2):
        found = pipeline.lexical(query, depth, many)
        np.testing.assert_array_equal(found.stages[StageName.LEXICAL], -np.sort(-scores[scores > 0])[:depth])
        np.testing.assert_allclose(found.score, found.stages[StageName.LEXICAL] / query.max_lexical, atol=1e-6)
        assert found.complete == (depth >= np.count_nonzero(scores))
    even = tuple(range(0, PAPERS, 2))
    assert np.all(pipeline.lexical(by_text(many, vector, exclude=even), 50, many).rows % 2 == 1)


def test_ranked_candidates_come_first_and_then_the_dense_order(many: Snapshot, vector: NDArray[np.float32]) -> None:
    only_words = tuple(stage for stage in OPTIONAL if stage is not StageName.LEXICAL)
    found = pipeline.search(by_text(many, vector, without=only_words), PAPERS, many)
    assert sorted(found.rows.tolist()) == list(range(PAPERS))
    assert np.all(np.diff(found.score) <= 0)
    share = many.lexical.scores(TERMS)[found.rows] / many.lexical.max_score(TERMS)
    fused = ~np.isnan(found.stages[StageName.FUSION])
    np.testing.assert_allclose(found.score[fused], (0.55 * found.similarity + 0.45 * share)[fused], atol=1e-6)
    assert 200 <= fused.sum() < PAPERS and np.all(np.diff(fused.astype(int)) <= 0)
    assert np.all(np.diff(found.similarity[~fused]) <= 0)


def test_each_stage_adds_what_its_formula_says(many: Snapshot, vector: NDArray[np.float32]) -> None:
    found = pipeline.search(by_text(many, vector), 10, many)
    vectors = np.asarray(many.embeddings)[found.rows]
    titles = np.asarray(many.titles)[found.rows].astype(np.float32)
    titled = titles.any(axis=1)
    assert titled.any() and not titled.all()
    title_cosines = (titles @ vector) / np.where(titled, np.linalg.norm(titles, axis=1), np.nan)
    np.testing.assert_allclose(found.stages[StageName.TITLE], title_cosines, atol=1e-5)
    share = many.lexical.scores(TERMS)[found.rows] / many.lexical.max_score(TERMS)

    def fused(cosines: NDArray[np.float32]) -> NDArray[np.float32]:
        semantic = np.where(titled, (cosines + 0.25 * title_cosines) / 1.25, cosines)
        return np.asarray(0.55 * semantic + 0.45 * share, dtype=np.float32)

    best = vectors[np.argsort(-fused(vectors @ vector), kind="stable")[:2]]
    moved = vector + 0.5 * best.mean(axis=0)
    feedback = found.stages[StageName.FEEDBACK]
    np.testing.assert_allclose(feedback, vectors @ moved / np.linalg.norm(moved), atol=1e-5)
    np.testing.assert_allclose(found.stages[StageName.FUSION], fused(feedback), atol=1e-5)
    np.testing.assert_allclose(found.score, smooth(found.stages[StageName.FUSION], vectors, 0.2), atol=1e-5)


def test_related_papers_are_ranked_by_meaning_and_words(many: Snapshot) -> None:
    found = pipeline.search(by_paper(many), PAPERS, many)
    assert sorted(found.rows.tolist()) == sorted(set(range(PAPERS)) - {17})
    assert np.all(np.diff(found.score) <= 0)
    cosines = np.asarray(many.embeddings)[found.rows] @ many.embeddings[17]
    np.testing.assert_allclose(found.similarity, cosines, atol=1e-5)
    ranked = ~np.isnan(found.stages[StageName.FUSION])
    assert ranked.sum() == 100 and np.all(np.diff(found.similarity[~ranked]) <= 0)
    near = found[ranked]
    words = many.lexical.cosines(many.lexical.term_vector(17), near.rows)
    np.testing.assert_allclose(near.stages[StageName.LEXICAL], words, atol=1e-6)
    fused = np.asarray((near.similarity + words) / 2, dtype=np.float32)
    smoothed = smooth(fused, np.asarray(many.embeddings)[near.rows], 0.2)
    np.testing.assert_allclose(near.score, smoothed, atol=1e-5)
    bare = pipeline.search(by_paper(many, without=OPTIONAL), PAPERS, many)
    dense = pipeline.dense(by_paper(many), PAPERS, many)
    np.testing.assert_array_equal(bare.rows, dense.rows)


def test_a_deeper_look_never_changes_what_was_seen(many: Snapshot, vector: NDArray[np.float32]) -> None:
    by_words = [pipeline.search(by_text(many, vector), depth, many) for depth in (10, 200, 250, PAPERS)]
    related = [pipeline.search(by_paper(many), depth, many) for depth in (10, 100, 150, PAPERS)]
    for shallow, deep in [*itertools.pairwise(by_words), *itertools.pairwise(related)]:
        assert deep.rows[: len(shallow)].tolist() == shallow.rows.tolist()
        np.testing.assert_allclose(deep.score[: len(shallow)], shallow.score, atol=1e-6)


def test_pages_of_every_kind_join(many: Snapshot, encoder: Encoder) -> None:
    searcher = Searcher(many, encoder.encode_queries)
    for asked in (SearchOptions(), SearchOptions(diversity=0.5), SearchOptions(filters=Filters(year_from=2010))):
        whole = searcher.search("graph networks", dataclasses.replace(asked, top_k=PAPERS))
        scores = [hit.score for hit in whole.hits]
        assert scores == sorted(scores, reverse=True) and 0 <= scores[-1] and scores[0] <= 1
        found: list[str] = []
        while len(found) < len(whole.hits):
            page = searcher.search("graph networks", dataclasses.replace(asked, top_k=70, offset=len(found)))
            found += [hit.paper.id for hit in page.hits]
            assert page.exhausted == (len(found) == len(whole.hits))
        assert found == [hit.paper.id for hit in whole.hits]


def test_every_stage_has_a_module_of_its_name_and_runs_for_some_kind_of_query() -> None:
    assert [stage.name for stage in pipeline.STAGES] == list(StageName)
    assert {name for weights in WEIGHTS.values() for name in weights.stages} == set(StageName)
    assert all(stage.description for stage in pipeline.STAGES)


def test_stages_change_neither_their_arguments_nor_the_order_of_other_queries(
    many: Snapshot, vector: NDArray[np.float32]
) -> None:
    query = by_text(many, vector)
    near = pipeline.dense(query, 200, many)
    before = Candidates(near.rows.copy(), near.similarity.copy(), near.score.copy())
    pipeline.rank(near, query, many)
    np.testing.assert_array_equal(near.rows, before.rows)
    np.testing.assert_array_equal(near.score, before.score)
    assert not near.stages
