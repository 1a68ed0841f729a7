"""CSV and TSV."""

import csv
from pathlib import Path

import pytest

from embeddings.errors import CorpusError
from embeddings.papers import Record, Reject, RejectReason
from embeddings.readers import MAX_LINE, read


def table(path: Path, content: str | bytes, columns: dict[str, str] | None = None) -> list[Record | Reject]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read([str(path)], columns=columns))


def test_usual_column_names_are_understood_whatever_their_case(tmp_path: Path) -> None:
    header = "Authors,TITLE,Publication Year,Source title,DOI,arXiv_id,PMID,Keywords,Lang,Summary,Link\n"
    row = 'Ada Lovelace; Alan Turing,T,2020,J,doi:10.1/x,2001.1,5,"deep learning, vision",zh,A.,https://e.org\n'
    (record,) = table(tmp_path / "a.csv", header + row)
    assert isinstance(record, Record)
    assert record.authors == ("Ada Lovelace", "Alan Turing")
    assert (record.title, record.year, record.venue, record.language) == ("T", 2020, "J", "zh")
    assert record.external_ids == {"DOI": "10.1/x", "ArXiv": "2001.1", "PubMed": "5"}
    assert record.categories == ("deep learning", "vision")
    assert (record.abstract, record.url) == ("A.", "https://e.org")


def test_a_date_gives_its_year_and_ids_may_be_json(tmp_path: Path) -> None:
    content = 'abstract,date,externalIds\nA.,2021-03-04,"{""DOI"": ""10.1/x""}"\nB.,n.d.,\nC.,,nonsense\n'
    first, second, third = table(tmp_path / "a.csv", content)
    assert isinstance(first, Record)
    assert (first.year, first.external_ids) == (2021, {"DOI": "10.1/x"})
    assert isinstance(second, Record)
    assert (second.year, second.external_ids) == (None, {})
    assert isinstance(third, Reject)
    assert "externalIds" in third.detail


def test_tabs_part_a_tsv_and_quoting_is_the_same(tmp_path: Path) -> None:
    (record,) = table(tmp_path / "a.tsv", 'title\tabstract\n"a\tb"\t"say ""x"""\n')
    assert isinstance(record, Record)
    assert (record.title, record.abstract) == ("a\tb", 'say "x"')


def test_a_record_over_several_lines_has_the_line_it_begins_on(tmp_path: Path) -> None:
    one, two, three = table(tmp_path / "a.csv", 'title,abstract\r\na,"one\r\ntwo\nthree"\r\n\r\nb,B.\r\nc,C.')
    assert isinstance(one, Record)
    assert one.abstract == "one\r\ntwo\nthree"
    assert [item.source.line for item in (one, two, three)] == [2, 6, 7]


@pytest.mark.parametrize(
    "row", ["too,many,fields", "few", 'a,"b" c', 'a,"quote that is closed\nlater" than it should'], ids=range(4)
)
def test_a_broken_row_is_left_out_and_the_next_is_read(tmp_path: Path, row: str) -> None:
    item, following = table(tmp_path / "a.csv", f"title,abstract\n{row}\nb,B.\n")
    assert isinstance(item, Reject)
    assert (item.reason, item.source.line) == (RejectReason.BROKEN, 2)
    assert isinstance(following, Record)
    assert following.abstract == "B."


def test_a_quote_that_is_never_closed_is_reported_at_its_line(tmp_path: Path) -> None:
    good, bad = table(tmp_path / "a.csv", 'title,abstract\na,A.\nb,"B.\nc,C.\n')
    assert isinstance(good, Record)
    assert isinstance(bad, Reject)
    assert (bad.reason, bad.source.line) == (RejectReason.BROKEN, 3)


def test_a_row_that_is_not_utf8_is_left_out_alone(tmp_path: Path) -> None:
    bad, good = table(tmp_path / "a.csv", b'title,abstract\na,"caf\xe9\n"\nb,B.\n')
    assert isinstance(bad, Reject)
    assert (bad.reason, bad.source.line) == (RejectReason.NOT_UTF8, 2)
    assert isinstance(good, Record)
    assert good.source.line == 4


def test_a_too_long_row_is_left_out_and_lines_still_count_right(tmp_path: Path) -> None:
    too_long = b'b,"' + b"words without end\n" * (MAX_LINE // 18 + 10) + b'end"\n'
    content = b"title,abstract\na," + b"x" * (MAX_LINE + 10) + b"\n" + too_long + b"c,C.\n"
    long_line, long_row, *rest = table(tmp_path / "a.csv", content)
    assert isinstance(long_line, Reject)
    assert isinstance(long_row, Reject)
    assert (long_line.reason, long_line.source.line) == (RejectReason.TOO_LONG, 2)
    assert (long_row.reason, long_row.source.line) == (RejectReason.TOO_LONG, 3)
    assert isinstance(rest[-1], Record)
    assert rest[-1].source.line == content.count(b"\n")


def test_fields_above_the_csv_modules_own_limit_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["text", "abstract"], ["x" * 200_000, "A."]])
    (record,) = read([str(path)])
    assert isinstance(record, Record)


def test_columns_are_named_by_the_user(tmp_path: Path) -> None:
    (record,) = table(tmp_path / "a.csv", "abstract,Long Text\nshort,long\n", {"abstract": "Long Text"})
    assert isinstance(record, Record)
    assert record.abstract == "long"


def test_a_missing_column_names_those_found_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError, match=r"a\.csv has no column for the abstract.*'title', 'text'.*--column abstract="
    ):
        table(tmp_path / "a.csv", "title,text\na,b\n")
    with pytest.raises(CorpusError, match=r"has no column 'Headline'.*'title', 'abstract'.*--column title=NAME"):
        table(tmp_path / "a.csv", "title,abstract\na,b\n", {"title": "Headline"})


def test_an_empty_table_holds_nothing(tmp_path: Path) -> None:
    assert table(tmp_path / "a.csv", "") == []
    assert table(tmp_path / "b.csv", "title,abstract\n") == []


def test_a_table_with_a_byte_order_mark_has_all_its_columns(tmp_path: Path) -> None:
    (record,) = table(tmp_path / "a.csv", b"\xef\xbb\xbfabstract,title\r\nA.,T\r\n")
    assert isinstance(record, Record)
    assert record.abstract == "A."


def test_columns_that_we_do_not_know_are_kept_by_name(tmp_path: Path) -> None:
    content = ",Abstract,Pages,Date,Publication Date,note,note,empty\n0,A.,1-9,2020-05,2021-01-01,one,two,\n"
    (record,) = table(tmp_path / "a.csv", content)
    assert isinstance(record, Record)
    assert (record.year, record.date) == (2020, "2020-05")
    assert record.extra == {
        "column_1": "0",
        "Pages": "1-9",
        "Publication Date": "2021-01-01",
        "note": "one",
        "note_7": "two",
    }
