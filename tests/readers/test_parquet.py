"""Parquet."""

import datetime
import gzip
import io
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embeddings.errors import CorpusError
from embeddings.papers import Record, Reject, RejectReason
from embeddings.readers import read


def written(path: Path, columns: dict[str, pa.Array | list[object]]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_columns_of_every_type_arrive_and_rows_count_from_one(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.parquet",
        {
            "Abstract": pa.array(["A.", "B."]).dictionary_encode(),
            "title": pa.array([b"T", None], pa.binary()),
            "date": [datetime.date(2020, 1, 2), None],
            "authors": [[{"name": "Ada"}], [{"name": "Alan"}]],
            "categories": [["cs.CL"], None],
            "pmid": pa.array([12.0, None], pa.float64()),
            "externalIds": pa.array([[("DOI", "10.1/x")], None], pa.map_(pa.string(), pa.string())),
        },
    )
    first, second = read([str(path)])
    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert (first.abstract, first.title, first.year, first.authors) == ("A.", "T", 2020, ("Ada",))
    assert (first.categories, first.external_ids) == (("cs.CL",), {"DOI": "10.1/x", "PubMed": "12"})
    assert (second.title, second.year, second.external_ids) == (None, None, {})
    assert [str(item.source) for item in (first, second)] == ["a.parquet:1", "a.parquet:2"]


def test_a_row_that_is_not_utf8_or_of_the_wrong_type_is_left_out_alone(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", {"abstract": pa.array([b"A.", b"\xff", b"C.", None], pa.binary())})
    kinds = [item.reason if isinstance(item, Reject) else item.abstract for item in read([str(path)])]
    assert kinds == ["A.", RejectReason.NOT_UTF8, "C.", RejectReason.NO_ABSTRACT]
    (item,) = read([str(written(tmp_path / "b.parquet", {"abstract": ["A."], "title": [3]}))])
    assert isinstance(item, Reject)
    assert "title is a number" in item.detail


def test_a_missing_column_names_those_found(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", {"text": ["A."]})
    with pytest.raises(CorpusError, match=r"'text'.*--column abstract=NAME"):
        list(read([str(path)]))
    (record,) = read([str(path)], columns={"abstract": "text"})
    assert isinstance(record, Record)


def test_parquet_is_read_compressed_and_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = written(tmp_path / "a.parquet", {"abstract": ["A."]}).read_bytes()
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(content))
    assert [item.source.file for item in read([str(packed)])] == ["packed"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert [item.source.file for item in read(["-"])] == ["<stdin>"]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_one_reject(tmp_path: Path, share: float) -> None:
    path = written(tmp_path / "a.parquet", {"abstract": ["A."] * 100})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    (item,) = read([str(path)])
    assert isinstance(item, Reject)
    assert item.reason is RejectReason.BROKEN


def test_a_large_row_group_is_never_held_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    rows = [f"{i} " + "word " * 400 for i in range(20_000)]  # 40 MB
    pq.write_table(pa.table({"abstract": rows}), path, row_group_size=20_000, use_dictionary=False, compression="none")
    del rows
    held = pa.total_allocated_bytes()
    peak = 0
    for item in read([str(path)]):
        peak = max(peak, pa.total_allocated_bytes() - held)
        assert isinstance(item, Record)
    assert peak < 10_000_000


def test_columns_that_we_do_not_know_are_kept_as_json(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.parquet",
        {
            "abstract": ["A.", "B."],
            "published": [datetime.datetime(2020, 1, 2, 3), None],
            "added": [datetime.date(2021, 2, 3), None],
            "score": pa.array([float("nan"), 0.5]),
            "tags": [["a", "b"], []],
            "raw": pa.array([b"\xff", b"ok"], pa.binary()),
            "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
        },
    )
    first, second = read([str(path)])
    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert (first.year, first.date) == (2020, "2020-01-02")
    assert first.extra == {"added": "2021-02-03", "score": None, "tags": ["a", "b"], "raw": "\ufffd", "map": {"k": 1}}
    assert second.extra == {"score": 0.5, "raw": "ok"}


def test_a_column_that_we_do_not_know_and_that_is_not_utf8_loses_no_record(tmp_path: Path) -> None:
    bad = pa.array([b"\xff", b"fine"], pa.binary()).view(pa.string())
    first, second = read([str(written(tmp_path / "a.parquet", {"abstract": ["A.", "B."], "note": bad}))])
    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert (first.extra, second.extra) == ({"note": "\ufffd"}, {"note": "fine"})
