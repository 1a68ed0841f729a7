"""RIS."""

from pathlib import Path

from embeddings.papers import Record, Reject, RejectReason
from embeddings.readers import MAX_LINE, read


def ris(tmp_path: Path, content: str | bytes) -> list[Record | Reject]:
    path = tmp_path / "a.ris"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read([str(path)]))


RECORD = """Database: somewhere

1.
TY  - JOUR
AU  - Lovelace, Ada
AU  - Turing, Alan
TI  - A title
AB  - First line
that goes on.
AB  - Second part.
PY  - 2020/05/01/
JO  - A journal
KW  - one
KW  - two words
DO  - https://doi.org/10.1/x
UR  - https://e.org; https://f.org
LA  - en
ID  - key7
ER  - 
"""


def test_every_field_arrives(tmp_path: Path) -> None:
    for content in (RECORD, RECORD.replace("\n", "\r\n")):
        (record,) = ris(tmp_path, content)
        assert isinstance(record, Record)
        assert record.source.line == 4
        assert record.abstract == "First line\nthat goes on.\nSecond part."
        assert (record.title, record.year, record.venue, record.language) == ("A title", 2020, "A journal", "en")
        assert record.authors == ("Ada Lovelace", "Alan Turing")
        assert record.categories == ("one", "two words")
        assert record.external_ids == {"DOI": "10.1/x", "Id": "key7"}
        assert record.url == "https://e.org"


def test_other_tags_for_the_same_things_are_understood(tmp_path: Path) -> None:
    (record,) = ris(tmp_path, "TY  - JOUR\nA1  - Lovelace, A.\nT1  - T\nN2  - A.\nY1  - 1843///\nJF  - J\nER  -\n")
    assert isinstance(record, Record)
    assert (record.abstract, record.title, record.year, record.venue) == ("A.", "T", 1843, "J")
    assert record.authors == ("A. Lovelace",)


def test_a_record_without_an_end_is_broken_and_the_next_is_read(tmp_path: Path) -> None:
    torn, whole, last = ris(tmp_path, "TY  - JOUR\nAB  - A.\nTY  - JOUR\nAB  - B.\nER  - \nTY  - JOUR\nAB  - C.\n")
    assert isinstance(torn, Reject)
    assert (torn.reason, torn.source.line) == (RejectReason.BROKEN, 1)
    assert isinstance(whole, Record)
    assert (whole.abstract, whole.source.line) == ("B.", 3)
    assert isinstance(last, Reject)


def test_a_record_that_is_not_utf8_or_too_long_is_left_out_alone(tmp_path: Path) -> None:
    end = b"ER  - \n"
    too_long = b"TY  - JOUR\nAB  - " + b"words without end\n" * (MAX_LINE // 18 + 10) + end
    items = ris(tmp_path, b"TY  - JOUR\nAB  - \xff\n" + end + too_long + b"TY  - JOUR\nAB  - C.\n" + end)
    kinds = [item.reason if isinstance(item, Reject) else item.abstract for item in items]
    assert kinds == [RejectReason.NOT_UTF8, RejectReason.TOO_LONG, "C."]


def test_tags_that_we_do_not_know_are_kept(tmp_path: Path) -> None:
    content = """TY  - CONF
AB  - A.
T2  - A venue
PY  - 2020
DA  - 2020/05/01
PB  - P
SP  - 1
EP  - 9
A2  - Editor, E.
A2  - Other, O.
N1  - First
N1  - Second
UR  - https://e.org; https://f.org
ZZ  - unheard of
LA  - English
ER  - 
"""
    (record,) = ris(tmp_path, content)
    assert isinstance(record, Record)
    assert (record.year, record.date, record.venue, record.language) == (2020, "2020-05-01", "A venue", None)
    assert record.extra == {
        "TY": "CONF",
        "PB": "P",
        "SP": "1",
        "EP": "9",
        "A2": ["Editor, E.", "Other, O."],
        "N1": ["First", "Second"],
        "UR": ["https://f.org"],
        "ZZ": "unheard of",
        "LA": "English",
    }
