"""What a new snapshot is asked is the same each time, of all languages, and never more than 200 queries."""

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from embeddings.errors import QrelsError
from embeddings.evaluation.qrels import Qrels, Query
from embeddings.release import query_set
from embeddings.snapshots.snapshot import Snapshot
from tests.evaluation.test_qrels import write_lines


def test_papers_that_came_and_went_are_counted(snapshot: Snapshot, tmp_path: Path) -> None:
    same = query_set.compare_papers(snapshot.store, snapshot.store)
    assert (same.before, same.after, same.came, same.went) == (42, 42, 0, 0)
    assert list(same.common) == sorted(snapshot.store.ids())


def test_the_sample_asks_each_paper_and_its_first_sentence_the_languages_in_turn(snapshot: Snapshot) -> None:
    change = query_set.compare_papers(snapshot.store, snapshot.store)
    queries = query_set.sample(change, snapshot.store).queries
    by_paper = [query.paper for query in queries if query.paper is not None]
    assert len(by_paper) == 42 and len(queries) == 84
    assert Counter(snapshot.paper(paper).language for paper in by_paper[:16]) == {"en": 8, "zh": 8}
    for query in queries:
        if query.text is not None:
            paper = snapshot.paper(query.id.removeprefix("text "))
            assert query.text[:20] in paper.abstract and query.language == paper.language


def test_of_many_saved_questions_the_same_200_are_asked_in_whatever_order_they_stand() -> None:
    queries = [Query(id=str(i), text=f"query {i}") for i in range(500)]
    everything = Qrels(name="many", queries=tuple(queries), grades={})
    chosen = query_set.limit(everything).queries
    random.Random(0).shuffle(queries)
    again = query_set.limit(replace(everything, queries=tuple(queries))).queries
    assert len(chosen) == 200 and {q.text for q in chosen} == {q.text for q in again}


def test_questions_are_added_once(tmp_path: Path) -> None:
    snapshots = tmp_path / "snapshots"
    assert query_set.load(snapshots) is None
    first = write_lines(tmp_path / "first.jsonl", [{"text": "a"}, {"paper": "ARXIV:1"}, {"text": "a"}])
    assert query_set.add(snapshots, first) == (2, 2)
    second = write_lines(tmp_path / "second.jsonl", [{"text": "问题", "paper": "ARXIV:1"}, {"text": "a"}])
    assert query_set.add(snapshots, second) == (1, 3)
    saved = query_set.load(snapshots)
    assert saved is not None and [query.text for query in saved.queries] == ["a", None, "问题"]


def test_what_cannot_be_asked_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(QrelsError, match="neither `text` nor `paper`"):
        query_set.add(tmp_path, write_lines(tmp_path / "wrong.jsonl", [{"query": "a"}]))
    assert not (tmp_path / query_set.FILE).exists()
