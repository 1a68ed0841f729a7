"""Recognises the format of a file from its name and its first bytes."""

import json
import re
from collections.abc import Collection
from enum import StrEnum
from pathlib import PurePosixPath

from embeddings.errors import UnknownFormat
from embeddings.readers.own_fields import ALIASES, column_key

MARK = "translated by 谷歌翻译"  # a line of its own after each abstract of a seed


class Format(StrEnum):
    """The supported formats."""

    SEEDS = "seeds"
    JSONL = "jsonl"
    CSV = "csv"
    TSV = "tsv"
    PARQUET = "parquet"
    ARXIV = "arxiv"
    OPENALEX = "openalex"
    S2 = "s2"
    BIBTEX = "bibtex"
    RIS = "ris"


_COMPRESSED = (".gz", ".zst", ".zstd")
_ENDINGS = {
    ".csv": Format.CSV,
    ".tsv": Format.TSV,
    ".tab": Format.TSV,
    ".parquet": Format.PARQUET,
    ".pq": Format.PARQUET,
    ".bib": Format.BIBTEX,
    ".bibtex": Format.BIBTEX,
    ".ris": Format.RIS,
}
_JSON_LINES = (".jsonl", ".ndjson", ".jsonlines")
_ARXIV_KEYS = {"versions", "authors_parsed", "update_date", "submitter", "journal-ref", "report-no"}
_KEY = re.compile(rb'"([\w-]{1,40})"\s*:')
_BIBTEX_ENTRY = re.compile(rb"^[ \t]*@[A-Za-z]+[ \t]*[{(]", re.MULTILINE)
_RIS_RECORD = re.compile(rb"^TY  -", re.MULTILINE)
_LINES_LOOKED_AT = 20


def recognise(name: str, head: bytes) -> Format:
    """Recognise the format of a file.

    Distinctive content (a JSON object of a known kind, a Parquet signature) decides, else the suffix of the name,
    without `.gz` or `.zst`. A `.txt` file is `seeds` unless its content has another format.

    Args:
        name: With its suffixes; need not be a path.
        head: Its first bytes, decompressed.

    Raises:
        UnknownFormat: Neither content nor name is known.
    """
    ending = _ending(name)
    if head.startswith(b"PAR1"):
        return Format.PARQUET
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    keys = _json_keys(head)
    if keys is not None and (kind := json_kind(keys)) is not None:
        return kind
    if ending in _JSON_LINES:
        return Format.JSONL
    if keys:
        raise UnknownFormat(
            f"{name} has JSON lines without an abstract; their fields are {', '.join(sorted(keys)[:40])}: name the "
            f"right one with --format jsonl --column abstract=NAME, or another format with --format ({_known()})"
        )
    if ending == ".json":
        raise UnknownFormat(
            f"{name} is not in JSON Lines (one object per line), the only JSON that is supported: "
            f"convert it with `jq -c '.[]' FILE > FILE.jsonl`, or name its format with --format ({_known()})"
        )
    found = _text_format(head)
    if found is None and ending == ".txt":
        return Format.SEEDS
    if found is None:
        raise UnknownFormat(f"{name} has no supported format: name it with --format ({_known()})")
    return found


def json_kind(keys: Collection[str]) -> Format | None:
    """Recognise the kind of JSON records by their field names; None if they fit no kind."""
    if "abstract_inverted_index" in keys:
        return Format.OPENALEX
    if "corpusid" in keys or "paperId" in keys:
        return Format.S2
    if "id" in keys and not _ARXIV_KEYS.isdisjoint(keys):
        return Format.ARXIV
    return Format.JSONL if "abstract" in keys else None


def _known() -> str:
    return ", ".join(Format)


def _ending(name: str) -> str:
    path = PurePosixPath(name.lower())
    return path.with_suffix("").suffix if path.suffix in _COMPRESSED else path.suffix


def _json_keys(head: bytes) -> set[str] | None:
    """Field names of the first lines that are JSON objects; all names in a first line that is longer than the head."""
    start = head.lstrip()
    if not start.startswith(b"{"):
        return None
    keys: set[str] = set()
    for line in start.split(b"\n")[:_LINES_LOOKED_AT]:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        keys.update(row if isinstance(row, dict) else ())
    return keys if keys or b"\n" in start else {key.decode() for key in _KEY.findall(start)}


def _text_format(head: bytes) -> Format | None:
    start = head.lstrip()
    if _BIBTEX_ENTRY.match(start) or (start.startswith(b"%") and _BIBTEX_ENTRY.search(start)):
        return Format.BIBTEX
    if _RIS_RECORD.match(start):
        return Format.RIS
    if MARK.encode() in (line.strip() for line in head.split(b"\n")):
        return Format.SEEDS
    header = start.split(b"\n", 1)[0].decode(errors="replace")
    for delimiter, found in (("\t", Format.TSV), (",", Format.CSV)):
        names = [column_key(name.strip().strip('"')) for name in header.split(delimiter)]
        if len(names) > 1 and not set(names).isdisjoint(ALIASES["abstract"]):
            return found
    return None
