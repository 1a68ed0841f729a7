"""Papers are found by every name they have."""

import threading
from pathlib import Path
from typing import Any

import pytest

from embeddings.errors import AmbiguousPaperId, PaperNotFound, SnapshotError
from embeddings.papers import PaperSummary, paper_id
from embeddings.snapshots.papers_db import PapersDb
from tests.build.test_corpus import papers_of, record


@pytest.fixture
def store(tmp_path: Path) -> PapersDb:
    entries = [
        record("One.", 1, external_ids={"ArXiv": "2301.00001", "DOI": "10.1000/ABC"}, categories=("cs.IR",)),
        record("Two.", 2, external_ids={"CorpusId": "17", "DOI": "10.1000/abc"}),
    ]
    papers_of(entries, tmp_path)
    return PapersDb(tmp_path / "papers.db")


@pytest.mark.parametrize(
    "reference",
    ["ARXIV:2301.00001", "arxiv:2301.00001", "ArXiv:2301.00001", paper_id("One."), paper_id("One.")[:8].upper()],
)
def test_every_name_leads_to_the_paper(store: PapersDb, reference: str) -> None:
    assert store.row(reference) == 0


def test_an_id_of_two_papers_is_ambiguous(store: PapersDb) -> None:
    for reference in ("DOI:10.1000/abc", "10.1000/Abc"):
        with pytest.raises(AmbiguousPaperId, match="several papers"):
            store.row(reference)
    assert store.row("CorpusID:17") == 1


@pytest.mark.parametrize("reference", ["", "ARXIV:", "ARXIV:9", "deadbeef", "' OR 1=1 --", "%", "a" * 10_000])
def test_what_is_no_name_of_a_paper_is_not_found(store: PapersDb, reference: str) -> None:
    with pytest.raises(PaperNotFound):
        store.row(reference)


def test_papers_come_in_the_order_asked_for(store: PapersDb) -> None:
    assert [paper.abstract for paper in store.by_rows([1, 0, 1])] == ["Two.", "One.", "Two."]
    assert store.by_rows([]) == [] and store.page(1, 10)[0].abstract == "Two." and store.page(5, 10) == []


def test_many_threads_may_read_and_closing_ends_all_connections(store: PapersDb) -> None:
    found: list[str] = []
    readers = [threading.Thread(target=lambda: found.append(store.by_rows([0])[0].abstract)) for _ in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert found == ["One."] * 8
    store.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "papers.db").write_bytes(b"x" * 5_000)
    with pytest.raises(SnapshotError, match="not a database of papers"):
        PapersDb(tmp_path / "papers.db")
    with pytest.raises(SnapshotError):
        PapersDb(tmp_path / "missing.db")


@pytest.mark.parametrize("kept", [10_000, 1])
def test_summaries_show_what_papers_do(store: PapersDb, monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    monkeypatch.setattr("embeddings.snapshots.papers_db._SUMMARIES_KEPT", kept)
    for rows in ([1, 0, 1], [0], [1], [0, 1], []):
        shown = [{name: getattr(card, name) for name in PaperSummary.__slots__} for card in store.summaries(rows)]
        assert shown == [
            {name: getattr(paper, name) for name in PaperSummary.__slots__} for paper in store.by_rows(rows)
        ]


def test_abstracts_and_extra_fields_are_read_in_the_order_asked_for(tmp_path: Path) -> None:
    entries = [
        record("One.", 1, extra={"pages": "1-9", "n": 1}),
        record("Two.", 2),
        record("Three.", 3, extra={"a": []}),
    ]
    papers_of(entries, tmp_path)
    store = PapersDb(tmp_path / "papers.db")
    assert store.extras([2, 1, 0, 0]) == [{"a": []}, {}, {"n": 1, "pages": "1-9"}, {"n": 1, "pages": "1-9"}]
    assert store.abstracts([2, 0, 2]) == ["Three.", "One.", "Three."]
    assert store.extras([]) == [] == store.abstracts([])
    assert [paper.extra for paper in store.by_rows([0, 1])] == store.extras([0, 1])
    store.close()


def test_summaries_hold_what_a_result_list_shows(tmp_path: Path) -> None:
    shown: dict[str, Any] = {
        "title": "T",
        "authors": ("A. B.", "C"),
        "venue": "V",
        "year": 2020,
        "date": "2020-05",
        "url": "u",
    }
    papers_of([record("One.", 1, categories=("b", "a"), external_ids={"Id": "7"}, **shown)], tmp_path)
    store = PapersDb(tmp_path / "papers.db")
    (summary,) = store.summaries([0])
    assert {name: getattr(summary, name) for name in shown} == shown
    assert (summary.categories, summary.external_ids) == (("a", "b"), {"Id": "7"})
    store.close()
