"""Formats are recognised, never guessed."""

import gzip
import json
from pathlib import Path

import pytest

from embeddings.errors import UnknownFormat
from embeddings.readers import Format
from embeddings.readers.formats import recognise

OWN = b'{"abstract": "A."}\n'
ARXIV = b'{"id": "0704.0001", "abstract": "A.", "versions": []}\n'
OPENALEX = b'{"id": "https://openalex.org/W1", "abstract_inverted_index": {"A": [0]}}\n'
S2 = b'{"corpusid": 1, "abstract": "A."}\n'
GRAPH = b'{"paperId": "x", "abstract": "A."}\n'


@pytest.mark.parametrize(
    ("name", "head", "expected"),
    [
        ("a.txt", b"Some text.\n", Format.SEEDS),
        ("a.txt", b"TY  - JOUR\nER  - \n", Format.RIS),
        ("a.txt", OWN, Format.JSONL),
        ("-", "Text.\ntranslated by 谷歌翻译\n".encode(), Format.SEEDS),
        ("a.jsonl", b"", Format.JSONL),
        ("a.jsonl", OWN, Format.JSONL),
        ("a.jsonl", b'{"text": "A."}\n', Format.JSONL),
        ("a.ndjson", ARXIV, Format.ARXIV),
        ("arxiv-metadata-oai-snapshot.json", ARXIV, Format.ARXIV),
        ("part_000.gz", OPENALEX, Format.OPENALEX),
        ("20230331_073924_00011", S2, Format.S2),
        ("a.json", GRAPH, Format.S2),
        ("-", b"not json\n", None),
        ("-", b"\n\n" + OWN, Format.JSONL),
        ("a.json", b'[{"abstract": "A."}]', None),
        ("a.json", b'{\n  "abstract": "A."\n}\n', None),
        ("-", b'{"text": "A."}\n', None),
        ("A.CSV", b"x", Format.CSV),
        ("a.tsv.zst", b"x", Format.TSV),
        ("-", b'"Title","Abstract"\n', Format.CSV),
        ("-", b"Title\tAbstract\n", Format.TSV),
        ("-", b"abstract\n", None),
        ("-", b"PAR1\x15\x04", Format.PARQUET),
        ("a.parquet", b"", Format.PARQUET),
        ("a.bib", b"", Format.BIBTEX),
        ("-", b"% from a library\n\n@article{a,\n", Format.BIBTEX),
        ("a.ris", b"", Format.RIS),
        ("-", b"TY  - JOUR\n", Format.RIS),
        ("-", b"", None),
        ("a.pdf", b"%PDF-1.7\n", None),
    ],
)
def test_name_and_content_tell_the_format(name: str, head: bytes, expected: Format | None) -> None:
    if expected is None:
        with pytest.raises(UnknownFormat) as refused:
            recognise(name, head)
        message = str(refused.value)
        assert message.startswith(f"{name} ")
        assert "--format" in message
        assert all(known in message for known in Format)
    else:
        assert recognise(name, head) is expected


def test_a_first_line_longer_than_the_head_is_still_recognised() -> None:
    row = json.dumps({"id": "https://openalex.org/W1", "abstract_inverted_index": {"A": [0]}, "x": "y" * 1000})
    assert recognise("part", row[:500].encode()) is Format.OPENALEX


def test_json_lines_without_an_abstract_are_told_how_to_name_it() -> None:
    with pytest.raises(UnknownFormat, match=r"fields are text.*--column abstract=NAME"):
        recognise("-", b'{"text": "A."}\n')


def test_formats_are_named_as_on_the_command_line() -> None:
    assert [*Format] == ["seeds", "jsonl", "csv", "tsv", "parquet", "arxiv", "openalex", "s2", "bibtex", "ris"]


def test_the_seeds_that_ship_are_seeds() -> None:
    for path in (Path(__file__).parents[2] / "seeds").glob("*.txt"):
        assert recognise("-", path.read_bytes()) is Format.SEEDS
        assert recognise(path.name + ".gz", gzip.decompress(gzip.compress(path.read_bytes()))) is Format.SEEDS
