"""What hits show is written before as it would be written each time."""

import json
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.errors import SnapshotError
from embeddings.papers import PaperSummary
from embeddings.snapshots import stored_fields
from embeddings.snapshots.snapshot import Snapshot
from embeddings.snapshots.stored_fields import ENDS, ID_END, LINES, StoredFields

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))  # what UTF-8 can hold
SUMMARIES = st.builds(
    PaperSummary,
    id=st.text("0123456789abcdef", min_size=40, max_size=40),
    abstract=TEXTS,
    title=TEXTS | st.none(),
    label=TEXTS,
    authors=st.lists(TEXTS, max_size=3).map(tuple),
    venue=TEXTS | st.none(),
    year=st.integers(0, 9999) | st.none(),
    date=st.dates().map(str) | st.none(),
    url=TEXTS | st.none(),
    categories=st.lists(TEXTS, max_size=3).map(tuple),
    language=st.sampled_from(["en", "zh"]),
    external_ids=st.dictionaries(TEXTS, TEXTS, max_size=3),
    duplicates=st.lists(TEXTS, max_size=2).map(tuple),
)


@given(SUMMARIES)
def test_a_summary_is_written_as_answers_are(summary: PaperSummary) -> None:
    written = stored_fields.to_json(summary)
    assert written == orjson.dumps(stored_fields.fields(summary))
    assert written[:ID_END] == f'{{"id":"{summary.id}"'.encode()


def test_stored_fields_are_read_in_any_order(snapshot: Snapshot) -> None:
    rows = [41, 0, 7, 0]
    assert [json.loads(summary) for summary in snapshot.stored_fields.read(rows)] == [
        stored_fields.fields(summary) for summary in snapshot.papers_db.summaries(rows)
    ]
    assert snapshot.stored_fields.read([]) == [] and len(snapshot.stored_fields) == 42


def test_every_paper_has_a_line(snapshot: Snapshot) -> None:
    lines = (snapshot.folder / LINES).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines] == list(snapshot.papers_db.ids())


def test_lines_and_ends_of_different_builds_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / ENDS, np.array([3], dtype=np.int64))
    with pytest.raises(SnapshotError, match=LINES):
        StoredFields(tmp_path)
    (tmp_path / LINES).write_bytes(b"{}\n{}\n")
    with pytest.raises(SnapshotError, match=rf"{LINES} has 6 bytes, 3 belong to {ENDS}"):
        StoredFields(tmp_path)
    np.save(tmp_path / ENDS, np.empty(0, dtype=np.int64))
    (tmp_path / LINES).write_bytes(b"")
    assert len(StoredFields(tmp_path)) == 0


def test_fields_come_in_a_fixed_order_and_unknown_ones_are_absent() -> None:
    full = PaperSummary(
        id="0" * 40,
        abstract="A.",
        title="T",
        label="T",
        authors=("A. B.",),
        venue="V",
        year=2020,
        date="2020-05-01",
        url="https://e.org",
        categories=("cs.IR",),
        language="en",
        external_ids={"Id": "7"},
        duplicates=("1" * 40,),
    )
    order = "id title label authors venue year date url categories language externalIds duplicates"
    assert " ".join(stored_fields.fields(full)) == order
    bare = PaperSummary(id="0" * 40, abstract="A.", title=None, label="A", language="en")
    assert list(stored_fields.fields(bare)) == ["id", "title", "label", "language", "externalIds"]
    assert stored_fields.fields(bare)["title"] is None


def test_selected_fields_keep_the_id_and_the_order() -> None:
    bare = PaperSummary(id="0" * 40, abstract="A.", title=None, label="A", language="en")
    shown = stored_fields.fields(bare)
    assert stored_fields.select(shown, ["venue", "label", "title"]) == {"id": "0" * 40, "title": None, "label": "A"}
    assert list(stored_fields.hit_fields(bare, 0.5, 0.9, None))[:5] == [
        *("id", "score", "similarity", "probability"),
        "title",
    ]
