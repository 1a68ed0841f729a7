"""RIS, record by record. The only module that imports rispy."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import BinaryIO

from embeddings.errors import MissingExtra
from embeddings.papers import Record, Reject, Source
from embeddings.readers.dates import published
from embeddings.readers.extra import rest
from embeddings.readers.fields import external_id, folded, inverted, language, text
from embeddings.readers.rejects import broken, not_utf8, too_long
from embeddings.readers.streams import MAX_LINE, lines

_START = b"TY  -"
_END = b"ER  -"
_SINGLE = {"TY", "ER", "UK", "DO", "ID", "TI", "T1", "T2", "LA", "PY", "Y1", "DA", "JO", "JF", "JA"}


def records(name: str, stream: BinaryIO) -> Iterator[Record | Reject]:
    """Read records from `TY` to `ER`; text between them (numbers, names of databases) is ignored.

    Args:
        name: Becomes `Source.file`; the line of a record is that of its `TY`.
        stream: Decompressed.

    Raises:
        MissingExtra: rispy is not installed.
        Damaged: The stream is damaged; the record at that point is left out.
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
    """Split a stream into records without parsing them.

    Yields:
        Number of the first line, from 1; the bytes, or None if there are more than `MAX_LINE`; whether `ER` was found.
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


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A parsed record.

    Attributes:
        fields: By rispy's names.
        tags: The tag of each of them.
        unknown: Values of tags that rispy does not know, by tag.
    """

    fields: Mapping[str, object]
    tags: Mapping[str, str]
    unknown: Mapping[str, object]


def _parsed(name: str, block: str) -> _Parsed | None:
    """Parse one record: fields by rispy's names, and unknown fields by their tags."""
    try:
        import rispy
        from rispy.config import TAG_KEY_MAPPING
    except ImportError as error:
        install = "pip install 'related-papers[bibliography]'"
        raise MissingExtra(f"reading {name} needs a package that is not installed: {install}") from error
    # Of a tag that is not a list rispy keeps the first value only, and joins lines that continue it with a space
    parser = rispy.RisParser(list_tags=[tag for tag in TAG_KEY_MAPPING if tag not in _SINGLE])
    found = parser.parse_lines(iter(block.replace("\r\n", "\n").split("\n")))
    if not found:
        return None
    tags = {name: tag for tag, name in TAG_KEY_MAPPING.items()}
    unknown = {tag: _single(lines) for tag, lines in (found[0].pop("unknown_tag", None) or {}).items() if tag}
    return _Parsed(found[0], {name: tags[name] for name in found[0]}, unknown)


def _record(source: Source, parsed: _Parsed) -> Record:
    found = parsed.fields
    used: set[str] = set()

    def get(*fields: str) -> str | None:
        """The first of these fields that is filled; the lines of a list are joined."""
        for field in fields:
            value = found.get(field)
            kept = text("\n".join(value) if isinstance(value, list) else value, field)
            if kept is not None:
                used.add(field)
                return kept
        return None

    def listed(*fields: str) -> list[str]:
        for field in fields:
            value = found.get(field)
            if isinstance(value, list) and (kept := [each for each in value if each.strip()]):
                used.add(field)
                return kept
        return []

    external_ids = {"DOI": external_id("DOI", get("doi"), "DO"), "Id": get("id")}
    urls = listed("urls")
    found_language = language(get("language"), "LA")
    if found_language is None:
        used.discard("language")
    found_year, found_date = published(get("year", "publication_year"), get("date"))
    if found_year is None:
        used -= {"year", "publication_year"}
    if found_date is None:
        used.discard("date")
    record = Record(
        source=source,
        abstract=get("abstract", "notes_abstract"),
        title=folded(get("title", "primary_title"), "TI"),
        language=found_language,
        year=found_year,
        date=found_date,
        categories=tuple(listed("keywords")),
        authors=tuple(inverted(each) for each in listed("authors", "first_authors")),
        venue=folded(get("journal_name", "alternate_title3", "secondary_title", "alternate_title2"), "JO"),
        url=urls[0] if urls else None,
        external_ids={key: value for key, value in external_ids.items() if value is not None},
    )
    by_tag = {parsed.tags[field]: _single(value) for field, value in found.items() if field not in used}
    return replace(record, extra=rest({**by_tag, **{"UR": urls[1:]}, **parsed.unknown}, ()))


def _single(value: object) -> object:
    """The item of a list that has one."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value
