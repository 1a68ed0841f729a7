"""Laws of all readers: what is written is read back, nothing raises but our own errors, memory stays flat."""

import csv
import gzip
import io
import json
import tempfile
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.errors import CorpusError
from embeddings.papers import Record, Reject, RejectReason
from embeddings.readers import MAX_LINE, Format, read

abstracts = st.lists(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=200).map(str.strip).filter(bool), max_size=20
)
# Bytes that come close to each format reach deeper than bytes from nowhere.
_JSON = [
    b'{"abstract": "A."}',
    b'{"abstract_inverted_index": {"a": [0]}, "ids": 3}',
    b'{"corpusid": [], "abstract": 1}',
    b"[[",
]
_TABLE = [b"abstract,title\n", b"abstract\ttitle\n", b",", b"\t", b'"', b"PAR1"]
_BIBTEX = [
    b"@article{a,",
    b"abstract={",
    b"@string{a=",
    b"@comment{",
    b"@",
    b"{",
    b"}",
    b"(",
    b")",
    b"=",
    b"#",
    b"\\",
    b"A and B",
]
_RIS = [b"TY  - JOUR\n", b"AB  - x\n", b"ER  - \n"]
_BYTES = [b"\n", b"\r\n", b" ", b"\0", b"\xff", b"\xef\xbb\xbf", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"]
fragments = st.lists(
    st.sampled_from([*_JSON, *_TABLE, *_BIBTEX, *_RIS, *_BYTES]) | st.binary(max_size=8), max_size=30
).map(b"".join)


@contextmanager
def file_of(content: bytes, name: str = "a") -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        yield str(path)


@given(abstracts)
def test_json_lines_are_read_back_unchanged_with_their_lines(written: list[str]) -> None:
    content = "".join(json.dumps({"abstract": abstract}, ensure_ascii=False) + "\n" for abstract in written)
    with file_of(content.encode(), "a.jsonl") as path:
        found = [(item.source.line, item.abstract) for item in read([path]) if isinstance(item, Record)]
    assert found == list(enumerate(written, start=1))


@given(abstracts, st.sampled_from([(Format.CSV, ","), (Format.TSV, "\t")]))
def test_tables_are_read_back_unchanged_with_their_lines(written: list[str], kind: tuple[Format, str]) -> None:
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet, delimiter=kind[1], quoting=csv.QUOTE_ALL)
    expected = []
    writer.writerow(["title", "abstract"])
    for abstract in written:
        expected.append((sheet.getvalue().count("\n") + 1, abstract))
        writer.writerow(["T", abstract])
    with file_of(sheet.getvalue().encode()) as path:
        found = [(item.source.line, item.abstract) for item in read([path], format=kind[0]) if isinstance(item, Record)]
    assert found == expected


@pytest.mark.parametrize("format", Format)
@given(content=fragments)
@settings(max_examples=60, deadline=None)
def test_any_bytes_in_any_format_end_in_records_rejects_or_our_errors(format: Format, content: bytes) -> None:
    with file_of(content) as path:
        try:
            items = list(read([path], format=format))
        except CorpusError:
            return
    assert len(items) <= len(content) + 1
    for item in items:
        assert 1 <= item.source.line <= content.count(b"\n") + 2 or content.startswith((b"\x1f\x8b", b"\x28\xb5"))
        if isinstance(item, Record):
            json.dumps([item.abstract, item.title, item.authors], ensure_ascii=False).encode()


@given(content=fragments)
@settings(deadline=None)
def test_any_bytes_without_a_format_end_in_records_rejects_or_our_errors(content: bytes) -> None:
    with file_of(content) as path:
        try:
            for item in read([path]):
                assert isinstance(item, Record | Reject)
        except CorpusError:
            return


def big(format: Format) -> bytes:
    """Two hundred kilobytes in ten records, to be repeated."""
    text = "word " * 4_000
    return {
        Format.SEEDS: f"{text}\n\n" * 10,
        Format.JSONL: (json.dumps({"abstract": text}) + "\n") * 10,
        Format.CSV: f'"{text}"\n' * 10,
        Format.BIBTEX: f"@misc{{a, abstract={{{text}}}}}\n" * 10,
        Format.RIS: f"TY  - JOUR\nAB  - {text}\nER  - \n" * 10,
    }[format].encode()


@pytest.mark.parametrize("format", [Format.SEEDS, Format.JSONL, Format.CSV, Format.BIBTEX, Format.RIS])
@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_memory_stays_flat_over_a_large_compressed_file(tmp_path: Path, format: Format, compress: object) -> None:
    assert callable(compress)
    repeats = 500 if format is Format.JSONL else 100  # 100 MB, 20 MB
    path = tmp_path / "big"
    header = compress(b"abstract\n" if format is Format.CSV else b"\n")
    path.write_bytes(header + compress(big(format) * 10) * (repeats // 10))
    tracemalloc.start()
    try:
        count = sum(isinstance(item, Record) for item in read([str(path)], format=format))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == repeats * 10
    assert peak < 8_000_000


@pytest.mark.parametrize("format", [Format.SEEDS, Format.JSONL, Format.BIBTEX, Format.RIS])
def test_a_line_of_a_hundred_megabytes_is_passed_over_without_being_held(tmp_path: Path, format: Format) -> None:
    path = tmp_path / "big.gz"
    begin = {Format.BIBTEX: b"@misc{b,\n", Format.RIS: b"TY  - JOUR\n"}.get(format, b"")
    end = {Format.SEEDS: b"\n", Format.RIS: b"ER  - \n"}.get(format, b"")
    pieces = [big(format), begin, b"x" * 100_000_000, b"\n", end, big(format)]
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.writelines(pieces)
    del pieces
    tracemalloc.start()
    try:
        items = list(read([str(path)], format=format))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    rejects = [item for item in items if isinstance(item, Reject)]
    assert [reject.reason for reject in rejects] == [RejectReason.TOO_LONG]
    assert len(items) == 21
    assert peak < 4 * MAX_LINE
