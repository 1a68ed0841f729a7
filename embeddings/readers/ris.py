"""RIS, record by record. The only module that knows rispy."""

from collections.abc import Iterator, Mapping
from typing import BinaryIO

from embeddings.errors import MissingExtra
from embeddings.papers import Record, Reject, Source
from embeddings.readers.fields import external_id, folded, inverted, language, text, year
from embeddings.readers.rejects import broken, not_utf8, too_long
from embeddings.readers.streams import MAX_LINE, lines

_START = b"TY  -"
_END = b"ER  -"


def records(name: str, stream: BinaryIO) -> Iterator[Record | Reject]:
    """Read records from `TY` to `ER`; what stands between them (numbers, names of databases) is nothing.

    Args:
        name: Becomes `Source.file`; the line of a record is that of its `TY`.
        stream: Decompressed.

    Raises:
        MissingExtra: rispy is not installed.
        Damaged: The stream breaks; the record it breaks in is left out.
    """
    for first, data, is_ended in _blocks(stream):
        source = Source(name, first)
        if data is None:
            yield too_long(source)
        elif not is_ended:
            yield broken(source, "not RIS: the record has no end (ER)")
        else:
            try:
                found = _parsed(name, data.decode())
            except UnicodeDecodeError as error:
                yield not_utf8(source, error)
                continue
            yield _record(source, found) if found else broken(source, "not RIS: no record could be made out")


def _blocks(stream: BinaryIO) -> Iterator[tuple[int, bytes | None, bool]]:
    """Cut a stream into records without understanding them.

    Yields:
        First line, from 1; bytes, None in their place if there are more than `MAX_LINE`; whether it has an end.
    """
    first, size = 0, 0
    held: list[bytes] = []
    for number, data in lines(stream):
        if data is not None and data.startswith(_START):
            if size:
                yield first, _joined(held, size), False
            first, size, held = number, 0, []
        elif not size:
            continue  # between records
        size += MAX_LINE + 1 if data is None else len(data)
        if data is None or size > MAX_LINE:
            held = []
        else:
            held.append(data)
        if data is not None and data.startswith(_END):
            yield first, _joined(held, size), True
            size = 0
    if size:
        yield first, _joined(held, size), False


def _joined(held: list[bytes], size: int) -> bytes | None:
    return b"".join(held) if size <= MAX_LINE else None


def _parsed(name: str, block: str) -> Mapping[str, object] | None:
    """Fields by rispy's names; lines that continue one are kept as lines."""
    try:
        import rispy
        from rispy.config import LIST_TYPE_TAGS
    except ImportError as error:
        install = "pip install 'related-papers[bibliography]'"
        raise MissingExtra(f"reading {name} needs a package that is not installed: {install}") from error
    # As lists, since rispy drops the second of two abstract lines, and folds lines it would join.
    tags = [*LIST_TYPE_TAGS, "AB", "N2"]
    parser = rispy.RisParser(list_tags=tags, skip_unknown_tags=True)
    found = parser.parse_lines(iter(block.replace("\r\n", "\n").split("\n")))
    return found[0] if found else None


def _record(source: Source, found: Mapping[str, object]) -> Record:
    def get(*fields: str) -> str | None:
        """The first of these fields that is filled, a list as its lines."""
        for field in fields:
            value = found.get(field)
            kept = text("\n".join(value) if isinstance(value, list) else value, field)
            if kept is not None:
                return kept
        return None

    def listed(field: str) -> list[str]:
        value = found.get(field)
        return [each for each in value if each.strip()] if isinstance(value, list) else []

    external_ids = {"DOI": external_id("DOI", get("doi"), "DO"), "Id": get("id")}
    return Record(
        source=source,
        abstract=get("abstract", "notes_abstract"),
        title=folded(get("title", "primary_title"), "TI"),
        language=language(get("language"), "LA"),
        year=year(get("year", "publication_year", "date"), "PY"),
        categories=tuple(listed("keywords")),
        authors=tuple(inverted(each) for each in listed("authors") or listed("first_authors")),
        venue=folded(get("journal_name", "alternate_title3", "secondary_title", "alternate_title2"), "JO"),
        url=next(iter(listed("urls")), None),
        external_ids={key: value for key, value in external_ids.items() if value is not None},
    )
