"""BibTeX, entry by entry. The only module that knows bibtexparser."""

import logging
import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from embeddings.errors import MissingExtra
from embeddings.papers import Record, Reject, Source
from embeddings.readers.fields import FieldError, external_id, folded, inverted, language, text, words, year
from embeddings.readers.rejects import broken, not_utf8, too_long
from embeddings.readers.streams import MAX_LINE, lines

_ENTRY = re.compile(rb"[ \t]*@[A-Za-z]+[ \t]*(?:([{(])|\r?\n?$)")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_BRACE_OR_QUOTE = re.compile(r'\\.|[{}"]', re.DOTALL)
_BETWEEN = re.compile(r"[\s#]*")
_BARE = re.compile(r'[^\s#{}"]+')
_AND = re.compile(r"\s+and\s+", re.IGNORECASE)


def records(name: str, stream: BinaryIO) -> Iterator[Record | Reject]:
    """Read entries; `@string`, `@preamble` and `@comment` are none, and macros are resolved once they are known.

    LaTeX is kept as received. Text between entries is a comment, as BibTeX has it.

    Args:
        name: Becomes `Source.file`; the line of a record is the one its entry begins on.
        stream: Decompressed.

    Raises:
        MissingExtra: bibtexparser is not installed.
        Damaged: The stream breaks; the entry it breaks in is left out.
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
    """Cut a stream into entries without understanding them.

    An entry begins on a line that begins with `@word{`. It ends where its braces are closed, or before the next such
    line at the latest: one that is never closed does not swallow those after it.

    Yields:
        First line, from 1, and bytes; None in place of the bytes if there are more than `MAX_LINE`.
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
    """Parse a block, which is one entry unless its lines hold more; adds its `@string`s to `macros`."""
    try:
        from bibtexparser import model
        from bibtexparser.entrypoint import parse_string
    except ImportError as error:
        install = "pip install 'related-papers[bibliography]'"
        raise MissingExtra(f"reading {source.file} needs a package that is not installed: {install}") from error
    logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)  # it prints what we report as rejects
    found = parse_string(block, parse_stack=[]).blocks
    if all(isinstance(each, model.ImplicitComment) for each in found):
        yield broken(source, "not BibTeX: no entry could be made out")
    for each in found:
        here = Source(source.file, source.line + max(each.start_line or 0, 0))
        entry = each.ignore_error_block if isinstance(each, model.ParsingFailedBlock) else each
        try:
            if isinstance(each, model.String):
                macros[each.key.lower()] = _value(str(each.value), macros, f"@string {each.key}")
            elif isinstance(entry, model.Entry):
                given = {field.key.lower(): str(field.value) for field in reversed(entry.fields)}  # the first wins
                yield _record(here, given, macros)
            elif isinstance(each, model.ParsingFailedBlock):
                reason = getattr(each.error, "abort_reason", type(each.error).__name__)
                yield broken(here, f"not BibTeX: {' '.join(str(reason).split())[:200]}")
        except FieldError as error:
            yield broken(here, str(error))


def _record(source: Source, given: Mapping[str, str], macros: Mapping[str, str]) -> Record:
    def get(*fields: str) -> str | None:
        """The first of these fields that is filled."""
        values = (text(_value(given[field], macros, field), field) for field in fields if field in given)
        return next((value for value in values if value is not None), None)

    arxiv = get("arxiv", "arxivid")
    if arxiv is None and (get("archiveprefix", "eprinttype") or "").lower() == "arxiv":
        arxiv = get("eprint")
    external_ids = {"ArXiv": arxiv, "DOI": get("doi"), "PubMed": get("pmid")}
    return Record(
        source=source,
        abstract=get("abstract"),
        title=folded(get("title"), "title"),
        language=language(get("langid", "language"), "language"),
        year=year(get("year", "date"), "year"),
        categories=words(get("keywords"), "keywords"),
        authors=_authors(get("author") or ""),
        venue=folded(get("journal", "journaltitle", "booktitle"), "journal"),
        url=get("url"),
        external_ids={key: kept for key, value in external_ids.items() if (kept := external_id(key, value, key))},
    )


def _value(raw: str, macros: Mapping[str, str], field: str) -> str:
    """What a field's value says: parts in braces or quotes, numbers and macros, joined by `#`.

    Raises:
        FieldError: Something follows a part that is not joined to it: a comma is missing, or a brace is astray.
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
            raise FieldError(f"a comma is missing after {field}, or a brace in it is astray")
        if raw[position] in '{"':
            end = _closing(raw, position, field)
            parts.append(raw[position + 1 : end])
            position = end + 1
        else:
            bare = _BARE.match(raw, position)
            if bare is None:
                raise FieldError(f"a brace in {field} is astray")
            parts.append(macros.get(bare[0].lower(), bare[0]))
            position = bare.end()


def _closing(raw: str, start: int, field: str) -> int:
    """Where the brace or quote that opens at `start` is closed."""
    is_quote = raw[start] == '"'
    depth = 0
    for sign in (_BRACE_OR_QUOTE if is_quote else _BRACE).finditer(raw, start + is_quote):
        depth += {"{": 1, "}": -1}.get(sign[0], 0)
        if depth == 0 and sign[0] == ('"' if is_quote else "}"):
            return sign.start()
    raise FieldError(f"{field} is never closed")


def _authors(listed: str) -> tuple[str, ...]:
    """Names separated by `and`, except within braces; `Last, First` is turned around."""
    authors: list[str] = []
    held = ""
    for part in _AND.split(listed):
        held = f"{held} and {part}" if held else part
        if held.count("{") == held.count("}"):
            authors.append(held)
            held = ""
    return tuple(inverted(author) for author in [*authors, held] if author.strip())
