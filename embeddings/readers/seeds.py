"""Seeds: plain text, one abstract per paragraph, each followed by a mark line or a blank line."""

from collections.abc import Iterator
from typing import BinaryIO

from embeddings.papers import Record, Reject, Source
from embeddings.readers.formats import MARK
from embeddings.readers.rejects import not_utf8, too_long
from embeddings.readers.streams import MAX_LINE, lines

_MARK = MARK.encode()


def records(name: str, stream: BinaryIO) -> Iterator[Record | Reject]:
    """Read abstracts; line breaks within an abstract are kept.

    Args:
        name: Becomes `Source.file`.
        stream: Decompressed.

    Raises:
        Damaged: The stream is damaged; the abstract at that point is left out.
    """
    first, size = 0, 0
    held: list[bytes] = []
    for number, data in lines(stream):
        if data is not None and (data.isspace() or data.strip() == _MARK):
            if size:
                yield from _record(Source(name, first), held, size)
            size = 0
            continue
        if not size:
            first, held = number, []
        size += MAX_LINE + 1 if data is None else len(data)
        if data is None or size > MAX_LINE:
            held = []  # only its size is still counted
        else:
            held.append(data)
    if size:
        yield from _record(Source(name, first), held, size)


def _record(source: Source, held: list[bytes], size: int) -> Iterator[Record | Reject]:
    if size > MAX_LINE:
        yield too_long(source)
        return
    try:
        abstract = b"".join(held).decode().replace("\r\n", "\n").strip()
    except UnicodeDecodeError as error:
        yield not_utf8(source, error)
        return
    if abstract:  # not only Unicode white space
        yield Record(source=source, abstract=abstract)
