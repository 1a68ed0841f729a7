"""BibTeX."""

from pathlib import Path

import pytest

from embeddings.papers import Record, Reject, RejectReason
from embeddings.readers import MAX_LINE, read


def bibtex(tmp_path: Path, content: str | bytes) -> list[Record | Reject]:
    path = tmp_path / "a.bib"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read([str(path)]))


ENTRY = r"""% exported
@string{jml = "Journal of " # {Machine Learning}}
@preamble{"\newcommand{\x}{y}"}
@comment{not a record}

@Article{lovelace,
  Author = {Lovelace, Ada and {Barnes and Noble} and Alan  Turing},
  title = "On {T}hings
           that compute",
  journal = JML,
  year = 2020,
  abstract = {We show $x^{2}$ and \emph{more}, by 5\% --
  see me@home.org.},
  keywords = {machine learning, logic},
  eprint = {2001.00001}, archivePrefix = {arXiv},
  doi = {https://doi.org/10.1/x}, url = {https://e.org},
  langid = {en},
}
"""


def test_every_field_arrives_and_latex_stays(tmp_path: Path) -> None:
    (record,) = bibtex(tmp_path, ENTRY)
    assert isinstance(record, Record)
    assert record.source.line == 6
    assert record.abstract == "We show $x^{2}$ and \\emph{more}, by 5\\% --\n  see me@home.org."
    assert record.title == "On {T}hings that compute"
    assert record.authors == ("Ada Lovelace", "Barnes and Noble", "Alan Turing")
    assert (record.year, record.venue, record.language) == (2020, "Journal of Machine Learning", "en")
    assert record.categories == ("machine learning", "logic")
    assert record.external_ids == {"ArXiv": "2001.00001", "DOI": "10.1/x"}
    assert record.url == "https://e.org"


def test_entries_in_parentheses_and_several_on_a_line_are_entries(tmp_path: Path) -> None:
    content = "@misc(a, title={x)y},\n abstract={A.})\n@misc{b, abstract={B.}} @misc{c, abstract={C.}}\n"
    items = bibtex(tmp_path, content.replace("\n", "\r\n"))
    assert [(item.source.line, item.abstract) for item in items if isinstance(item, Record)] == [
        (1, "A."),
        (3, "B."),
        (3, "C."),
    ]


@pytest.mark.parametrize(
    "broken",
    [
        "@misc{a, title={never closed,",
        "@misc{a, abstract={no comma}\n  year={2020}}",
        "@misc{a, abstract={astray } brace}, year={2020}}",
        '@misc{a, abstract="never closed}',
        "@misc\n{a, abstract={torn}}",
        "@misc{a, abstract=}",
        "@misc{a abstract={A.}}",
    ],
)
def test_a_broken_entry_is_never_silent_and_the_next_is_read(tmp_path: Path, broken: str) -> None:
    first, *_, last = bibtex(tmp_path, broken + "\n@misc{b, abstract={B.}}\n")
    assert isinstance(first, Reject)
    assert first.reason in (RejectReason.BROKEN, RejectReason.NO_ABSTRACT)
    assert first.source.line == 1
    assert isinstance(last, Record)
    assert last.abstract == "B."


def test_the_first_of_two_equal_fields_counts(tmp_path: Path) -> None:
    (record,) = bibtex(tmp_path, "@misc{a, abstract={one}, abstract={two}}")
    assert isinstance(record, Record)
    assert record.abstract == "one"


def test_an_entry_that_is_not_utf8_or_too_long_is_left_out_alone(tmp_path: Path) -> None:
    endless = b"words without end\n" * (MAX_LINE // 18 + 10)
    content = b"@misc{a, abstract={\xff}}\n@misc{b, abstract={" + endless + b"}}\n@misc{c, abstract={C.}}"
    bad, too_long, good = bibtex(tmp_path, content)
    assert isinstance(bad, Reject)
    assert bad.reason is RejectReason.NOT_UTF8
    assert isinstance(too_long, Reject)
    assert too_long.reason is RejectReason.TOO_LONG
    assert isinstance(good, Record)


def test_text_between_entries_is_nothing(tmp_path: Path) -> None:
    items = bibtex(tmp_path, "Mail me@home.\n\n@misc{a, abstract={A.}}\nand } so on\n@misc{b, abstract={B.}}")
    assert [item.source.line for item in items if isinstance(item, Record)] == [3, 5]


def test_nothing_is_printed_about_broken_entries(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    bibtex(tmp_path, "@misc{a, abstract={never closed")
    assert capfd.readouterr() == ("", "")


def test_entry_type_key_and_fields_that_we_do_not_know_are_kept(tmp_path: Path) -> None:
    entry = """@InProceedings{key7, abstract={A.}, booktitle={B}, year=2020, month=jan, publisher="P" # { Q},
        pages = {1--9}, file = {:a.pdf:PDF}, eprint={123}, eprinttype={jstor}, language={English}, note={}}"""
    (record,) = bibtex(tmp_path, entry)
    assert isinstance(record, Record)
    assert (record.year, record.date, record.venue) == (2020, "2020-01", "B")
    assert record.extra == {
        "ENTRYTYPE": "inproceedings",
        "ID": "key7",
        "publisher": "P Q",
        "pages": "1--9",
        "file": ":a.pdf:PDF",
        "eprint": "123",
        "eprinttype": "jstor",
        "language": "English",
    }


@pytest.mark.parametrize(
    ("fields", "date", "kept"),
    [
        ("year=2020, month={12}, day=3", "2020-12-03", {}),
        ("date={2020-05-01}, month=jan", "2020-05-01", {"month": "jan"}),
        ("year=2020, month={Spring}", None, {"month": "Spring"}),
        ("year={in press}, month=jan", None, {"year": "in press", "month": "jan"}),
    ],
)
def test_a_date_is_read_from_its_fields(tmp_path: Path, fields: str, date: str | None, kept: dict[str, str]) -> None:
    (record,) = bibtex(tmp_path, f"@misc{{a, abstract={{A.}}, {fields}}}")
    assert isinstance(record, Record)
    assert (record.date, record.extra) == (date, {"ENTRYTYPE": "misc", "ID": "a", **kept})


def test_a_malformed_field_that_we_do_not_know_is_kept_as_written(tmp_path: Path) -> None:
    (record,) = bibtex(tmp_path, "@misc{a, abstract={A.}, note = {one} {two}}")
    assert isinstance(record, Record)
    assert record.extra["note"] == "{one} {two}"
