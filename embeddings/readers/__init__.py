"""Readers: source files in all supported formats as one stream of records."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from embeddings.papers import Record, Reject, Source
from embeddings.readers import bibtex, dumps, files, jsonlines, parquet, ris, seeds, tables
from embeddings.readers.formats import Format, recognise
from embeddings.readers.own_fields import check_columns
from embeddings.readers.rejects import MAX_ABSTRACT, broken, checked
from embeddings.readers.streams import MAX_LINE, Damaged, File, Opened, is_url, opened

__all__ = ["MAX_ABSTRACT", "MAX_LINE", "Format", "read"]


def read(
    sources: Sequence[str], *, format: Format | None = None, columns: Mapping[str, str] | None = None
) -> Iterator[Record | Reject]:
    """Read records from files, folders, patterns, URLs and standard input, in the order given, in constant memory.

    Sources are resolved, and the formats of local files recognised, before the first record is read.

    Args:
        sources: Paths, patterns (`dump/*.jsonl.gz`), URLs (`s3://…`), or `-` for standard input. gzip and zstandard
            are decompressed, whatever the file name.
        format: Format of all sources; None recognises it for each file.
        columns: Our field → its name in the source (`{"abstract": "Summary"}`), for tables and JSON Lines.

    Returns:
        Records and rejects, in the order of the sources. A source that is damaged half-way ends with a `Reject`.

    Raises:
        CorpusError: A source does not exist, cannot be opened, or lacks a column; also while reading.
        UnknownFormat: A file has no supported format.
        MissingExtra: A reader needs a package that is not installed.
    """
    mapping = dict(columns or {})
    check_columns(mapping)
    plan = [(file, format or _recognised_early(file)) for file in files.find(sources)]
    return _read(plan, mapping)


def _recognised_early(file: File) -> Format | None:
    """The format of a source that can be opened twice; None for pipes and remote files."""
    path = Path(file.location)
    if file.location == "-" or is_url(file.location) or (path.exists() and not path.is_file()):
        return None
    with opened(file) as content:
        return recognise(file.name, content.head)


def _read(plan: Sequence[tuple[File, Format | None]], columns: Mapping[str, str]) -> Iterator[Record | Reject]:
    for file, known in plan:
        with opened(file) as content:
            found = known or recognise(file.name, content.head)
            try:
                for item in _records(found, file.name, content, columns):
                    yield checked(item) if isinstance(item, Record) else item
            except Damaged as damage:
                yield broken(Source(file.name, damage.line), damage.detail)


def _records(found: Format, name: str, content: Opened, columns: Mapping[str, str]) -> Iterator[Record | Reject]:
    match found:
        case Format.SEEDS:
            return seeds.records(name, content.stream)
        case Format.JSONL:
            return jsonlines.records(name, content.stream, jsonlines.own(columns))
        case Format.ARXIV:
            return jsonlines.records(name, content.stream, dumps.arxiv)
        case Format.OPENALEX:
            return jsonlines.records(name, content.stream, dumps.openalex)
        case Format.S2:
            return jsonlines.records(name, content.stream, dumps.semantic_scholar)
        case Format.CSV:
            return tables.records(name, content.stream, ",", columns)
        case Format.TSV:
            return tables.records(name, content.stream, "\t", columns)
        case Format.PARQUET:
            return parquet.records(name, content, columns)
        case Format.BIBTEX:
            return bibtex.records(name, content.stream)
        case Format.RIS:
            return ris.records(name, content.stream)
