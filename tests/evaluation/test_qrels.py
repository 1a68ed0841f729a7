"""Qrels are read completely or rejected with the line at fault, and resolved by the content of the papers."""

import gzip
import json
from pathlib import Path

import pytest

from embeddings.errors import QrelsError
from embeddings.evaluation.qrels import resolve
from embeddings.evaluation.qrels_files import read_collection, read_known_items, read_queries
from embeddings.papers import paper_id
from embeddings.snapshots.snapshot import Snapshot

FEW = 6


def write_lines(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), encoding="utf-8")
    return path


def write_collection(folder: Path, snapshot: Snapshot, *, packed: bool = False) -> Path:
    """Write a collection of a few seeds and one other paper, with a query by text and a query by paper."""
    folder.mkdir()
    rows: list[dict[str, object]] = [
        {"id": str(i), "abstract": paper.abstract} for i, paper in enumerate(snapshot.papers(0, FEW))
    ]
    corpus = write_lines(folder / "corpus.jsonl", [*rows, {"id": "other", "abstract": "Of something else."}])
    if packed:
        (folder / "corpus.jsonl.gz").write_bytes(gzip.compress(corpus.read_bytes()))
        corpus.unlink()
    write_lines(
        folder / "queries.jsonl",
        [{"id": "t", "text": "segmentation of organs"}, {"id": "p", "paper": "1"}, {"id": "u", "text": "not judged"}],
    )
    (folder / "qrels.tsv").write_text("query\tpaper\tgrade\nt\t0\t2\nt\tother\t1\np\t1\t3\np\t2\t1\n")
    return folder


@pytest.mark.parametrize("packed", [False, True])
def test_papers_of_a_collection_are_resolved_by_their_abstract(
    tmp_path: Path, snapshot: Snapshot, packed: bool
) -> None:
    found = resolve(read_collection(write_collection(tmp_path / "few", snapshot, packed=packed)), snapshot.papers_db)
    ids = [paper.id for paper in snapshot.papers(0, FEW)]
    assert [query.id for query in found.queries] == ["t", "p"]
    assert found.queries[1].paper == ids[1]
    # A missing paper keeps its name and is never retrieved; a query paper is not relevant to itself
    assert found.grades == {"t": {ids[0]: 2, "other": 1}, "p": {ids[2]: 1}}
    assert (found.judged, found.missing, found.left_out) == (4, ("other",), ())


def test_queries_without_any_paper_in_the_snapshot_are_left_out(tmp_path: Path, snapshot: Snapshot) -> None:
    rows: list[dict[str, object]] = [
        {"text": "known", "paper": snapshot.papers(0, 1)[0].id[:12]},
        {"text": "unknown", "paper": "f" * 40},
    ]
    found = resolve(read_known_items(write_lines(tmp_path / "items.jsonl", rows)), snapshot.papers_db)
    assert [query.text for query in found.queries] == ["known"] and found.left_out == ("2",)


def test_a_snapshot_with_none_of_the_papers_is_an_error(tmp_path: Path, snapshot: Snapshot) -> None:
    items = read_known_items(write_lines(tmp_path / "items.jsonl", [{"text": "unknown", "paper": "DOI:10.1/x"}]))
    with pytest.raises(QrelsError, match=r"holds none of the 1 papers judged in items\.jsonl"):
        resolve(items, snapshot.papers_db)


def test_saved_queries_are_texts_papers_or_known_items(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"text": "a"}, {"paper": "ARXIV:1"}, {"text": "b", "paper": "ARXIV:2"}]
    read = read_queries(write_lines(tmp_path / "queries.jsonl", rows))
    assert [(query.text, query.paper) for query in read.queries] == [
        ("a", None),
        (None, "ARXIV:1"),
        ("b", None),
    ]
    assert read.grades == {"3": {"ARXIV:2": 1}}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", r"items.jsonl:1 is not JSON"),
        ("[]", r"items.jsonl:1 is not a JSON object"),
        ('{"text": "a", "paper": "x"}\n{"text": 5}', r"items.jsonl:2: `text` is 5"),
        ('{"text": " "}', r"`text` is ' ', expected text"),
        ('{"query": "a"}', r"neither `text` nor `paper`"),
        ('{"text": "a"}', r"query 1 is not a known item"),
        ("", r"holds no queries"),
    ],
)
def test_an_invalid_known_item_is_reported_with_its_line(tmp_path: Path, content: str, complaint: str) -> None:
    (tmp_path / "items.jsonl").write_text(content)
    with pytest.raises(QrelsError, match=complaint):
        read_known_items(tmp_path / "items.jsonl")


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        (
            "qrels.tsv",
            "query\tpaper\tgrade\nt\t0\tgood\n",
            r"qrels.tsv:2 is 't\\t0\\tgood', expected query, paper and a",
        ),
        ("qrels.tsv", "query\tpaper\tgrade\nz\t0\t1\n", "no query of queries.jsonl is judged"),
        ("corpus.jsonl", "\xff", "corpus.jsonl"),
    ],
)
def test_a_malformed_collection_is_reported(
    tmp_path: Path, snapshot: Snapshot, name: str, content: str, complaint: str
) -> None:
    folder = write_collection(tmp_path / "few", snapshot)
    (folder / name).write_text(content, encoding="latin-1")
    with pytest.raises(QrelsError, match=complaint):
        read_collection(folder)
    (folder / name).unlink()
    with pytest.raises(QrelsError, match=f"{name} cannot be read"):
        read_collection(folder)


def test_papers_with_another_abstract_are_resolved_by_external_ids(tmp_path: Path, snapshot: Snapshot) -> None:
    folder = write_collection(tmp_path / "few", snapshot)
    write_lines(
        folder / "corpus.jsonl",
        [{"id": "0", "abstract": "Reworded.", "externalIds": {"DOI": "10.1/none"}}, {"id": "1", "abstract": "No."}],
    )
    assert read_collection(folder).references["0"] == (paper_id("Reworded."), "DOI:10.1/none")
