"""The gate's queries are reproducible, cover all languages, and are at most 200."""

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from embeddings.errors import QrelsError
from embeddings.evaluation.qrels import Qrels, Query
from embeddings.release import query_set
from embeddings.release.comparison import PaperCounts
from embeddings.snapshots.snapshot import Snapshot
from tests.evaluation.test_qrels import write_lines


def test_added_and_removed_papers_are_counted(snapshot: Snapshot, tmp_path: Path) -> None:
    same = query_set.compare_papers(snapshot.papers_db, snapshot.papers_db)
    assert same.counts == PaperCounts(before=42, after=42, added=0, removed=0)
    assert list(same.common) == sorted(snapshot.papers_db.ids())


def test_the_sample_has_each_paper_and_its_first_sentence_with_alternating_languages(snapshot: Snapshot) -> None:
    change = query_set.compare_papers(snapshot.papers_db, snapshot.papers_db)
    queries = query_set.sample(change, snapshot.papers_db).queries
    by_paper = [query.paper for query in queries if query.paper is not None]
    assert len(by_paper) == 42 and len(queries) == 84
    assert Counter(snapshot.paper(paper).language for paper in by_paper[:16]) == {"en": 8, "zh": 8}
    for query in queries:
        if query.text is not None:
            paper = snapshot.paper(query.id.removeprefix("text "))
            assert query.text[:20] in paper.abstract and query.language == paper.language


def test_the_same_200_of_many_saved_queries_are_selected_in_any_order() -> None:
    queries = [Query(id=str(i), text=f"query {i}") for i in range(500)]
    everything = Qrels(name="many", queries=tuple(queries), grades={})
    chosen = query_set.limit(everything).queries
    random.Random(0).shuffle(queries)
    again = query_set.limit(replace(everything, queries=tuple(queries))).queries
    assert len(chosen) == 200 and {q.text for q in chosen} == {q.text for q in again}


def test_queries_are_added_once(tmp_path: Path) -> None:
    snapshots = tmp_path / "snapshots"
    assert query_set.load(snapshots) is None
    first = write_lines(tmp_path / "first.jsonl", [{"text": "a"}, {"paper": "ARXIV:1"}, {"text": "a"}])
    assert query_set.add(snapshots, first) == (2, 2)
    second = write_lines(tmp_path / "second.jsonl", [{"text": "问题", "paper": "ARXIV:1"}, {"text": "a"}])
    assert query_set.add(snapshots, second) == (1, 3)
    saved = query_set.load(snapshots)
    assert saved is not None and [query.text for query in saved.queries] == ["a", None, "问题"]


def test_invalid_queries_are_not_saved(tmp_path: Path) -> None:
    with pytest.raises(QrelsError, match="neither `text` nor `paper`"):
        query_set.add(tmp_path, write_lines(tmp_path / "wrong.jsonl", [{"query": "a"}]))
    assert not (tmp_path / query_set.FILE).exists()
