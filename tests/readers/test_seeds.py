"""Seeds: one abstract a paragraph, as received."""

from pathlib import Path

from embeddings.papers import Record, Reject, RejectReason
from embeddings.readers import Format, read

SEEDS = Path(__file__).parents[2] / "seeds"


def seeds(path: Path, content: bytes) -> list[Record | Reject]:
    path.write_bytes(content)
    return list(read([str(path)], format=Format.SEEDS))


def test_the_corpus_that_ships_has_fifty_records_on_the_odd_lines() -> None:
    records = list(read([str(SEEDS)]))
    assert all(isinstance(record, Record) for record in records)
    files = sorted(path.name for path in SEEDS.glob("*.txt"))
    assert [str(record.source) for record in records] == [
        f"seeds/{file}:{line}" for file in files for line in range(1, 21, 2)
    ]


def test_every_abstract_is_its_line_as_received() -> None:
    for record in read([str(SEEDS)]):
        assert isinstance(record, Record)
        line = (SEEDS.parent / record.source.file).read_text(encoding="utf-8").split("\n")[record.source.line - 1]
        assert record.abstract == line.strip()
        assert record.title is None


def test_marks_and_blank_lines_part_abstracts_and_other_line_ends_do_not(tmp_path: Path) -> None:
    content = "\ufeffone\r\nmore of one\r\n \r\n\r\ntranslated by 谷歌翻译\r\ntwo\r\ntranslated by 谷歌翻译\r\nthree"
    records = seeds(tmp_path / "a.txt", content.encode())
    assert [(record.source.line, record.abstract) for record in records if isinstance(record, Record)] == [
        (1, "one\nmore of one"),
        (6, "two"),
        (8, "three"),
    ]


def test_a_line_that_only_quotes_the_mark_is_text(tmp_path: Path) -> None:
    (record,) = seeds(tmp_path / "a.txt", "It was translated by 谷歌翻译\n".encode())
    assert isinstance(record, Record)


def test_an_abstract_that_is_not_utf8_is_left_out_alone(tmp_path: Path) -> None:
    one, two, three = seeds(tmp_path / "a.txt", b"one\n\nt\xffwo\nmore\n\nthree\n")
    assert isinstance(one, Record)
    assert isinstance(three, Record)
    assert isinstance(two, Reject)
    assert (two.reason, two.source.line) == (RejectReason.NOT_UTF8, 3)


def test_a_text_without_end_is_one_reject_and_the_next_is_read(tmp_path: Path) -> None:
    content = b"word word word word word word word\n" * 500_000 + b"\nnext\n"
    too_long, following = seeds(tmp_path / "a.txt", content)
    assert isinstance(too_long, Reject)
    assert (too_long.reason, too_long.source.line) == (RejectReason.TOO_LONG, 1)
    assert isinstance(following, Record)
    assert following.source.line == 500_002
