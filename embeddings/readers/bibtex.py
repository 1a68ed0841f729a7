"""BibTeX, entry by entry. The only module that imports bibtexparser."""

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from embeddings.errors import MissingExtra
from embeddings.papers import Record, Reject, Source
from embeddings.readers.dates import iso_date, published
from embeddings.readers.extra import rest
from embeddings.readers.fields import FieldError, external_id, folded, inverted, language, text, words
from embeddings.readers.rejects import broken, not_utf8, too_long
from embeddings.readers.streams import MAX_LINE, lines

if TYPE_CHECKING:
    from bibtexparser.model import Entry

_ENTRY = re.compile(rb"[ \t]*@[A-Za-z]+[ \t]*(?:([{(])|\r?\n?$)")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_BRACE_OR_QUOTE = re.compile(r'\\.|[{}"]', re.DOTALL)
_BETWEEN = re.compile(r"[\s#]*")
_BARE = re.compile(r'[^\s#{}"]+')
_AND = re.compile(r"\s+and\s+", re.IGNORECASE)


def records(name: str, stream: BinaryIO) -> Iterator[Record | Reject]:
    """Read entries. `@string` macros are resolved in the entries after them; `@preamble` and `@comment` are skipped.

    LaTeX is kept as received. Text between entries is a comment in BibTeX and ignored.

    Args:
        name: Becomes `Source.file`; the line of a record is the one its entry begins on.
        stream: Decompressed.

    Raises:
        MissingExtra: bibtexparser is not installed.
        Damaged: The stream is damaged; the entry at that point is left out.
    """
    macros: dict[str, str] = {}
    for first, data in _blocks(stream):
        source = Source(name, first)
        if data is None:
            yield too_long(source)
            continue
        try:
            block = data.decode()
        except UnicodeDecodeError as error:
            yield not_utf8(source, error)
            continue
        yield from _parsed(source, block, macros)


def _blocks(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Split a stream into entries without parsing them.

    An entry begins on a line that begins with `@word{`. It ends where its braces are closed, at the latest before the
    next such line, so that an entry that is never closed does not include those after it.

    Yields:
        Number of the first line, from 1, and the bytes, or None if there are more than `MAX_LINE`.
    """
    first, size, depth, is_braced = 0, 0, 0, False
    held: list[bytes] = []
    for number, data in lines(stream):
        begin = None if data is None else _ENTRY.match(data)
        if begin is not None:
            if size:
                yield first, _joined(held, size)
            first, size, depth, is_braced, held = number, 0, 0, begin[1] == b"{", []
        elif not size:
            continue  # between entries
        size += MAX_LINE + 1 if data is None else len(data)
        if data is None or size > MAX_LINE:
            held = []
            continue
        held.append(data)
        depth += data.count(b"{") - data.count(b"\\{") - data.count(b"}") + data.count(b"\\}")
        if is_braced and depth <= 0:
            yield first, _joined(held, size)
            size = 0
    if size:
        yield first, _joined(held, size)


def _joined(held: list[bytes], size: int) -> bytes | None:
    return b"".join(held) if size <= MAX_LINE else None


def _parsed(source: Source, block: str, macros: dict[str, str]) -> Iterator[Record | Reject]:
    """Parse a block: one entry, or several that share lines. Adds its `@string`s to `macros`."""
    try:
        from bibtexparser import model
        from bibtexparser.entrypoint import parse_string
    except ImportError as error:
        install = "pip install 'related-papers[bibliography]'"
        raise MissingExtra(f"reading {source.file} needs a package that is not installed: {install}") from error
    logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)  # it logs what we report as rejects
    found = parse_string(block, parse_stack=[]).blocks
    if all(isinstance(each, model.ImplicitComment) for each in found):
        yield broken(source, "not BibTeX: no entry found")
    for each in found:
        here = Source(source.file, source.line + max(each.start_line or 0, 0))
        entry = each.ignore_error_block if isinstance(each, model.ParsingFailedBlock) else each
        try:
            if isinstance(each, model.String):
                macros[each.key.lower()] = _value(str(each.value), macros, f"@string {each.key}")
            elif isinstance(entry, model.Entry):
                given = {field.key.lower(): str(field.value) for field in reversed(entry.fields)}  # the first wins
                yield _record(here, entry, given, macros)
            elif isinstance(each, model.ParsingFailedBlock):
                reason = getattr(each.error, "abort_reason", type(each.error).__name__)
                yield broken(here, f"not BibTeX: {' '.join(str(reason).split())[:200]}")
        except FieldError as error:
            yield broken(here, str(error))


def _record(source: Source, entry: "Entry", given: Mapping[str, str], macros: Mapping[str, str]) -> Record:
    used: set[str] = set()

    def get(*fields: str) -> str | None:
        """The first of these fields that is filled."""
        for field in fields:
            value = text(_value(given[field], macros, field), field) if field in given else None
            if value is not None:
                used.add(field)
                return value
        return None

    arxiv = get("arxiv", "arxivid")
    if arxiv is None and (get("archiveprefix", "eprinttype") or "").lower() == "arxiv":
        arxiv = get("eprint")
    elif arxiv is None:
        used -= {"archiveprefix", "eprinttype"}
    found_language = language(get("langid", "language"), "language")
    if found_language is None:
        used -= {"langid", "language"}
    found_year, found_date = _published(get("year"), get("date"), given, macros, used)
    external_ids = {"ArXiv": arxiv, "DOI": get("doi"), "PubMed": get("pmid")}
    record = Record(
        source=source,
        abstract=get("abstract"),
        title=folded(get("title"), "title"),
        language=found_language,
        year=found_year,
        date=found_date,
        categories=words(get("keywords"), "keywords"),
        authors=_authors(get("author") or ""),
        venue=folded(get("journal", "journaltitle", "booktitle"), "journal"),
        url=get("url"),
        external_ids={key: kept for key, value in external_ids.items() if (kept := external_id(key, value, key))},
    )
    unknown = {field: _lenient_value(raw, macros, field) for field, raw in given.items() if field not in used}
    return replace(record, extra=rest({"ENTRYTYPE": entry.entry_type.lower(), "ID": entry.key, **unknown}, ()))


def _published(
    stated_year: str | None,
    stated_date: str | None,
    given: Mapping[str, str],
    macros: Mapping[str, str],
    used: set[str],
) -> tuple[int | None, str | None]:
    """Year and date of publication; the date from `date`, or from `year`, `month` and `day`."""
    found_year, found_date = published(stated_year, stated_date)
    if found_year is None:
        used.discard("year")
    if found_date is None:
        used.discard("date")
    if found_date is None and found_year is not None and "month" in given:
        parts = [_lenient_value(given[field], macros, field) if field in given else None for field in ("month", "day")]
        joined = iso_date(found_year, *parts)
        if len(joined) > 4:
            used.update({"month", "day"} if len(joined) > 7 else {"month"})
            return found_year, joined
    return found_year, found_date


def _lenient_value(raw: str, macros: Mapping[str, str], field: str) -> str:
    """The value of a field that we do not interpret; as written if it is malformed."""
    try:
        return _value(raw, macros, field).strip()
    except FieldError:
        return raw.strip()


def _value(raw: str, macros: Mapping[str, str], field: str) -> str:
    """Evaluate the value of a field: parts in braces or quotes, numbers and macros, joined by `#`.

    Raises:
        FieldError: A part is followed by something other than `#`: a comma is missing, or a brace is misplaced.
    """
    parts: list[str] = []
    position = 0
    while True:
        between = _BETWEEN.match(raw, position)
        joined = between is not None and "#" in between[0]
        position = between.end() if between is not None else position
        if position == len(raw):
            return "".join(parts)
        if parts and not joined:
            raise FieldError(f"a comma is missing after {field}, or a brace in it is misplaced")
        if raw[position] in '{"':
            end = _closing(raw, position, field)
            parts.append(raw[position + 1 : end])
            position = end + 1
        else:
            bare = _BARE.match(raw, position)
            if bare is None:
                raise FieldError(f"a brace in {field} is misplaced")
            parts.append(macros.get(bare[0].lower(), bare[0]))
            position = bare.end()


def _closing(raw: str, start: int, field: str) -> int:
    """Find the position where the brace or quote that opens at `start` is closed."""
    is_quote = raw[start] == '"'
    depth = 0
    for sign in (_BRACE_OR_QUOTE if is_quote else _BRACE).finditer(raw, start + is_quote):
        depth += {"{": 1, "}": -1}.get(sign[0], 0)
        if depth == 0 and sign[0] == ('"' if is_quote else "}"):
            return sign.start()
    raise FieldError(f"{field} is never closed")


def _authors(listed: str) -> tuple[str, ...]:
    """Split names at `and`, except within braces; `Last, First` is put in reading order."""
    authors: list[str] = []
    held = ""
    for part in _AND.split(listed):
        held = f"{held} and {part}" if held else part
        if held.count("{") == held.count("}"):
            authors.append(held)
            held = ""
    return tuple(inverted(author) for author in [*authors, held] if author.strip())
