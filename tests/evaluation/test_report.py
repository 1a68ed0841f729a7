"""Evaluation measures the results that the service returns, for each query."""

import json
from pathlib import Path

import numpy as np
import pytest

from embeddings.errors import InvalidOption, QrelsError
from embeddings.evaluation import plotting, qrels_files
from embeddings.evaluation.report import EvaluationReport, evaluate
from embeddings.queries import Mode, SearchOptions
from embeddings.search.query_encoder import QueryEncoder
from embeddings.search.searcher import Searcher
from embeddings.snapshots.snapshot import Snapshot
from tests.conftest import SEEDS
from tests.evaluation.test_qrels import write_collection, write_lines

ITEMS = SEEDS.parent / "benchmarks" / "known_items" / "seeds.jsonl"


@pytest.fixture(scope="module")
def encoder_of_queries(snapshot: Snapshot) -> QueryEncoder:
    return QueryEncoder(snapshot)


@pytest.fixture(scope="module")
def evaluation(snapshot: Snapshot, encoder_of_queries: QueryEncoder) -> EvaluationReport:
    items = qrels_files.read_known_items(ITEMS)
    return evaluate(snapshot, encoder_of_queries, items, [Mode.HYBRID, Mode.DENSE], known_items=True)


def test_every_seed_has_one_english_and_one_chinese_query(snapshot: Snapshot) -> None:
    rows = [json.loads(line) for line in ITEMS.read_text(encoding="utf-8").splitlines()]
    ids = sorted(paper.id for paper in snapshot.papers(0, 100))
    for language in ("en", "zh"):
        assert sorted(row["paper"] for row in rows if row["language"] == language) == ids


def test_known_items_are_grouped_by_language_direction(evaluation: EvaluationReport) -> None:
    groups = evaluation.modes[Mode.HYBRID].groups
    assert {direction: group.queries for direction, group in groups.items()} == {
        "en → en": 34,
        "en → zh": 8,
        "zh → en": 34,
        "zh → zh": 8,
    }
    assert groups["en → en"].estimates["hit@1"].mean >= 33 / 34
    assert (evaluation.judged, evaluation.missing, evaluation.left_out, evaluation.baseline) == (42, 0, 0, Mode.DENSE)


def test_measures_agree_with_the_ranks_of_the_searchers_hits(evaluation: EvaluationReport, searcher: Searcher) -> None:
    rows = [json.loads(line) for line in ITEMS.read_text(encoding="utf-8").splitlines()]
    for i in range(0, len(rows), 7):
        hits = [hit.paper.id for hit in searcher.search(rows[i]["text"], SearchOptions(top_k=42)).hits]
        rank = hits.index(rows[i]["paper"]) + 1
        scores = evaluation.modes[Mode.HYBRID].values
        assert (scores["MRR"][i], scores["hit@1"][i]) == (pytest.approx(1 / rank), rank == 1)


def test_modes_are_compared_with_the_baseline_on_the_same_queries(evaluation: EvaluationReport) -> None:
    hybrid, dense = evaluation.modes[Mode.HYBRID], evaluation.modes[Mode.DENSE]
    assert dense.differences == {}
    for name in ("hit@1", "MRR"):
        assert hybrid.differences[name].mean == pytest.approx(np.mean(hybrid.values[name] - dense.values[name]))
    assert hybrid.overall.estimates["MRR"].mean == pytest.approx(hybrid.values["MRR"].mean())


def test_a_collection_may_have_queries_by_text_and_by_paper(
    tmp_path: Path, snapshot: Snapshot, encoder_of_queries: QueryEncoder
) -> None:
    collection = qrels_files.read_collection(write_collection(tmp_path / "few", snapshot))
    found = evaluate(snapshot, encoder_of_queries, collection, [Mode.HYBRID], baseline=Mode.DENSE)
    assert found.queries == ("t", "p") and list(found.modes) == [Mode.HYBRID, Mode.DENSE]
    values = found.modes[Mode.HYBRID].values
    assert set(values) == {"nDCG@10", "MAP", "recall@100", "MRR", "hit@1"}
    assert values["recall@100"].tolist() == [0.5, 1.0]  # one of two judged papers is not in the snapshot
    plotting.differences(found, tmp_path / "few.svg")
    assert "<svg" in (tmp_path / "few.svg").read_text(encoding="utf-8")


def test_queries_by_paper_need_no_encoder(tmp_path: Path, snapshot: Snapshot) -> None:
    folder = write_collection(tmp_path / "few", snapshot)
    write_lines(folder / "queries.jsonl", [{"id": "p", "paper": "1"}])
    encoder = QueryEncoder(snapshot)
    found = evaluate(snapshot, encoder, qrels_files.read_collection(folder), [Mode.HYBRID, Mode.LEXICAL])
    assert encoder._loaded is None and list(found.modes) == [Mode.HYBRID]
    both = evaluate(snapshot, encoder, qrels_files.read_collection(folder), [Mode.HYBRID], baseline=Mode.DENSE)
    assert encoder._loaded is None and list(both.modes) == [Mode.HYBRID, Mode.DENSE]
    with pytest.raises(InvalidOption, match="nothing to plot"):
        plotting.differences(found, tmp_path / "few.svg")


def test_a_collection_without_a_runnable_query_is_an_error(
    tmp_path: Path, snapshot: Snapshot, encoder_of_queries: QueryEncoder
) -> None:
    folder = write_collection(tmp_path / "few", snapshot)
    write_lines(folder / "queries.jsonl", [{"id": "p", "paper": "other"}])
    with pytest.raises(QrelsError, match="no query of few can be run"):
        evaluate(snapshot, encoder_of_queries, qrels_files.read_collection(folder), [Mode.HYBRID])


@pytest.mark.parametrize(
    ("name", "collections", "modes"),
    [("a.pdf", 1, ["hybrid", "dense"]), ("a.svg", 2, ["hybrid", "dense"]), ("a.svg", 1, ["hybrid"])],
)
def test_an_impossible_plot_is_rejected_before_the_evaluation(name: str, collections: int, modes: list[str]) -> None:
    with pytest.raises(InvalidOption, match="--plot"):
        plotting.check(Path(name), [Path("x")] * collections, [Mode(mode) for mode in modes])
