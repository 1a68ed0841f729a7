"""JSON lines in our own fields."""

import json
import time
from pathlib import Path

import pytest

from embeddings.errors import CorpusError
from embeddings.papers import Record, Reject, RejectReason
from embeddings.readers import MAX_ABSTRACT, Format, read


def jsonl(tmp_path: Path, *rows: object, columns: dict[str, str] | None = None) -> list[Record | Reject]:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"".join((row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n" for row in rows))
    return list(read([str(path)], format=Format.JSONL, columns=columns))


def test_every_field_arrives(tmp_path: Path) -> None:
    (record,) = jsonl(
        tmp_path,
        {
            "abstract": "  As received,\n  in two lines.  ",
            "title": " A title ",
            "language": "EN-us",
            "year": 2020,
            "categories": "cs.CL cs.LG",
            "authors": [{"name": "Ada Lovelace"}, "Alan Turing"],
            "venue": "A journal",
            "url": "https://example.org",
            "externalIds": {"CorpusId": 12, "doi": "https://doi.org/10.1/x", "MAG": None},
            "arxiv": "arXiv:2001.00001",
            "id": 7,
            "unknown": {"is": "ignored"},
        },
    )
    assert isinstance(record, Record)
    assert record.abstract == "As received,\n  in two lines."
    assert (record.title, record.language, record.year) == ("A title", "en", 2020)
    assert record.categories == ("cs.CL", "cs.LG")
    assert record.authors == ("Ada Lovelace", "Alan Turing")
    assert (record.venue, record.url) == ("A journal", "https://example.org")
    assert record.external_ids == {"CorpusId": "12", "DOI": "10.1/x", "ArXiv": "2001.00001", "Id": "7"}
    assert str(record.source) == "a.jsonl:1"


@pytest.mark.parametrize("abstract", [None, "", " \n\t\u3000"])
def test_a_record_without_an_abstract_is_left_out(tmp_path: Path, abstract: str | None) -> None:
    for item in jsonl(tmp_path, {"abstract": abstract, "title": "T"}, {"title": "T"}):
        assert isinstance(item, Reject)
        assert (item.reason, item.detail) == (RejectReason.NO_ABSTRACT, "T")


def test_placeholders_are_text_like_any_other(tmp_path: Path) -> None:
    (record,) = jsonl(tmp_path, {"abstract": "N/A"})
    assert isinstance(record, Record)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"abstract": ["A."]}, "abstract is a list"),
        ({"abstract": "A.", "title": 1}, "title is a number"),
        ({"abstract": "A.", "year": [2020]}, "year is a list"),
        ({"abstract": "A.", "year": True}, "year is a boolean"),
        ({"abstract": "A.", "authors": {"name": "x"}}, "authors is an object"),
        ({"abstract": "A.", "authors": [["x"]]}, "authors is a list"),
        ({"abstract": "A.", "categories": 3}, "categories is a number"),
        ({"abstract": "A.", "externalIds": ["x"]}, "externalIds is a list"),
        ({"abstract": "A.", "externalIds": {"DOI": ["x"]}}, "externalIds.DOI is a list"),
        (["A."], "the line is a list"),
        (None, "the line is null"),
        (b'{"abstract": "A."', "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"abstract": "A.", "year": ' + b"1" * 5_000 + b"}", "too many digits"),
    ],
)
def test_a_broken_record_says_what_is_wrong_and_the_next_is_read(tmp_path: Path, row: object, field: str) -> None:
    item, following = jsonl(tmp_path, row, {"abstract": "Next."})
    assert isinstance(item, Reject)
    assert item.reason is RejectReason.BROKEN
    assert field in item.detail
    assert isinstance(following, Record)
    assert following.source.line == 2


@pytest.mark.parametrize(("year", "expected"), [("2020-05-01", 2020), ("n.d.", None), (0, None), (2019.0, 2019)])
def test_a_year_is_taken_from_what_holds_one(tmp_path: Path, year: object, expected: int | None) -> None:
    (record,) = jsonl(tmp_path, {"abstract": "A.", "year": year})
    assert isinstance(record, Record)
    assert record.year == expected


@pytest.mark.parametrize(
    "bad", [b'{"abstract": "\xff"}', rb'{"abstract": "\ud83d"}', rb'{"abstract": "A.", "x": "\uDC00"}']
)
def test_what_utf8_cannot_hold_is_left_out_alone(tmp_path: Path, bad: bytes) -> None:
    item, following = jsonl(tmp_path, bad, rb'{"abstract": "\ud83d\ude00"}')
    assert isinstance(item, Reject)
    assert item.reason is RejectReason.NOT_UTF8
    assert isinstance(following, Record)
    assert following.abstract == "😀"


def test_a_too_long_abstract_is_left_out_and_the_longest_allowed_is_kept(tmp_path: Path) -> None:
    kept, too_long = jsonl(tmp_path, {"abstract": "x" * MAX_ABSTRACT}, {"abstract": "x" * (MAX_ABSTRACT + 1)})
    assert isinstance(kept, Record)
    assert isinstance(too_long, Reject)
    assert too_long.reason is RejectReason.TOO_LONG
    assert "100,001" in too_long.detail


def test_blank_lines_and_carriage_returns_are_nothing_but_count(tmp_path: Path) -> None:
    one, two = jsonl(tmp_path, b'{"abstract": "A."}\r', b"", b" \r", b'{"abstract": "B."}')
    assert (one.source.line, two.source.line) == (1, 4)


def test_columns_rename_fields(tmp_path: Path) -> None:
    renamed = {"abstract": "text", "title": "headline"}
    (record,) = jsonl(tmp_path, {"text": "A.", "headline": "T", "title": "no"}, columns=renamed)
    assert isinstance(record, Record)
    assert (record.abstract, record.title) == ("A.", "T")


def test_a_column_for_a_field_we_do_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="abstrct is no field; ours are abstract"):
        jsonl(tmp_path, {"abstract": "A."}, columns={"abstrct": "text"})


def test_a_plain_stream_is_fast(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    row = json.dumps({"abstract": "word " * 200, "title": "T", "year": 2020, "authors": ["A", "B"]}) + "\n"
    path.write_text(row * 50_000)
    start = time.process_time()
    assert sum(1 for _ in read([str(path)])) == 50_000
    assert time.process_time() - start < 3  # a fifth of what two ordinary cores do


def test_fields_that_we_do_not_know_are_kept_as_json(tmp_path: Path) -> None:
    row = {"abstract": "A.", "title": "T", "pages": "1-9", "citations": 3, "funding": [{"name": "X", "share": 0.5}]}
    (record,) = jsonl(tmp_path, {**row, "empty": None, "date": "2021-05", "language": "English"})
    assert isinstance(record, Record)
    assert (record.year, record.date, record.language) == (2021, "2021-05", None)
    assert record.extra == {
        "language": "English",  # a known field with a value that we do not read
        "pages": "1-9",
        "citations": 3,
        "funding": [{"name": "X", "share": 0.5}],
    }
    (renamed,) = jsonl(tmp_path, {"abstract": "short", "Long": "A.", "title": "T"}, columns={"abstract": "Long"})
    assert isinstance(renamed, Record)
    assert (renamed.abstract, renamed.extra) == ("A.", {"abstract": "short"})


def test_numbers_that_json_does_not_have_become_null(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"abstract": "A.", "impact": NaN, "list": [Infinity, 1]}\n')
    (record,) = read([str(path)])
    assert isinstance(record, Record)
    assert record.extra == {"impact": None, "list": [None, 1]}
