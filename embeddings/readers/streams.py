"""Opens sources (local, remote, standard input), decompresses them and splits them into lines.

The only module that imports zstandard.
"""

import io
import itertools
import re
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, cast

from embeddings.errors import CorpusError
from embeddings.readers import remote

MAX_LINE = 16 * 1024 * 1024
HEAD_SIZE = 256 * 1024

_BUFFER_SIZE = 128 * 1024
_GZIP_PIECE = 64 * 1024
_ZSTD_PIECE = 1024  # zstandard has no limit on output: at worst 128 KiB for four bytes of input
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # two letters at least: `C:` is a drive


class Damaged(Exception):
    """A source is truncated or damaged; the content before that is valid.

    Attributes:
        line: Line where the damage was detected, from 1.
        detail: Description for the user.
    """

    def __init__(self, detail: str, line: int = 1) -> None:
        super().__init__(detail)
        self.detail = detail
        self.line = line


class Line(NamedTuple):
    """One line of a source.

    Attributes:
        number: From 1.
        data: With its line end; None if longer than `MAX_LINE`.
    """

    number: int
    data: bytes | None


@dataclass(frozen=True, slots=True)
class File:
    """A file to read.

    Attributes:
        name: Name for the user, without credentials; becomes `Source.file`.
        location: Path, URL, or `-` for standard input.
    """

    name: str
    location: str


@dataclass(frozen=True, slots=True)
class Opened:
    """An open source.

    Attributes:
        head: Its first bytes, decompressed: at most `HEAD_SIZE`, fewer only if it is shorter or damaged.
        stream: The whole content, decompressed; raises `Damaged` where the source is damaged.
        random_access: The same content with random access, None if the source has none; use one of the two only.
    """

    head: bytes
    stream: BinaryIO
    random_access: BinaryIO | None


def is_url(location: str) -> bool:
    """Whether a location is a URL; a path never is."""
    return _URL.match(location) is not None


@contextmanager
def opened(file: File) -> Iterator[Opened]:
    """Open a source; on exit it is closed, except standard input.

    Raises:
        CorpusError: It cannot be opened.
        MissingExtra: It is remote, and the package for that is missing.
    """
    with ExitStack() as stack:
        if file.location == "-":
            raw = cast(BinaryIO, sys.stdin.buffer)
        elif is_url(file.location):
            raw = stack.enter_context(remote.opened(file.location, file.name))
        else:
            try:
                raw = stack.enter_context(open(file.location, "rb", buffering=0))
            except OSError as error:
                raise CorpusError(f"{file.name} cannot be read: {error.strerror}") from error
        pieces = _pieces(raw, file)
        start = b"".join(_taken(pieces, len(_ZSTD)))
        pieces = itertools.chain([start], pieces)
        compressed = True
        if start.startswith(_GZIP):
            pieces = _gunzipped(pieces)
        elif start.startswith(_ZSTD):
            pieces = _unzstandard(pieces)
        else:
            compressed = False
        head, pieces = _headed(pieces)
        stream = io.BufferedReader(_Stream(pieces), _BUFFER_SIZE)
        has_random_access = not compressed and file.location != "-" and raw.seekable()
        yield Opened(head, stream, raw if has_random_access else None)


def lines(stream: BinaryIO) -> Iterator[Line]:
    """Split a stream at line feeds; lines above `MAX_LINE` bytes are skipped without holding them in memory.

    Raises:
        Damaged: With the line where the stream is damaged.
    """
    number = 0
    try:
        while data := stream.readline(MAX_LINE + 1):
            number += 1
            if len(data) <= MAX_LINE:
                yield Line(number, data)
                continue
            while data and not data.endswith(b"\n"):
                data = stream.readline(_BUFFER_SIZE)
            yield Line(number, None)
    except Damaged as damage:
        damage.line = number + 1
        raise


class _Stream(io.RawIOBase):
    """A raw stream over pieces of bytes."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed: any buffer
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def _pieces(raw: BinaryIO, file: File) -> Iterator[bytes]:
    # `read1` returns what a pipe has now, without waiting for a full piece
    read = getattr(raw, "read1", raw.read)
    try:
        while piece := read(_GZIP_PIECE):
            yield piece
    except OSError as error:
        raise CorpusError(f"{file.name}: reading failed half-way: {error.strerror or type(error).__name__}") from error


def _taken(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The next pieces, until they hold `size` bytes."""
    while size > 0 and (piece := next(pieces, None)) is not None:
        size -= len(piece)
        yield piece


def _headed(pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Read the first bytes; damage in them is raised later, when the stream is read up to it."""
    taken: list[bytes] = []
    damage: Damaged | None = None
    try:
        for piece in _taken(pieces, HEAD_SIZE):
            taken.append(piece)  # one by one, to keep those before the damage
    except Damaged as caught:
        damage = caught
    start = b"".join(taken).removeprefix(_BYTE_ORDER_MARK)
    return start[:HEAD_SIZE], itertools.chain([start], pieces if damage is None else _raising(damage))


def _raising(damage: Damaged) -> Iterator[bytes]:
    yield b""
    raise damage


def _gunzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress all members of a gzip stream; zeros after them are padding."""
    member = zlib.decompressobj(wbits=31)
    begun = False
    for piece in pieces:
        while piece:
            if not begun and not (piece := piece.lstrip(b"\0")):
                break
            begun = True
            try:
                yield member.decompress(piece, _BUFFER_SIZE)
            except zlib.error as error:
                raise Damaged(f"the gzip data are damaged: {error}") from error
            piece = member.unconsumed_tail
            if member.eof:
                piece = member.unused_data
                member = zlib.decompressobj(wbits=31)
                begun = False
    if begun:
        raise Damaged("the gzip data end too early")


def _unzstandard(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress all frames of a zstandard stream."""
    import zstandard

    decompressor = zstandard.ZstdDecompressor()
    frame = decompressor.decompressobj()
    begun = False
    for piece in pieces:
        for start in range(0, len(piece), _ZSTD_PIECE):
            part = piece[start : start + _ZSTD_PIECE]
            while part:
                begun = True
                try:
                    yield frame.decompress(part)
                except zstandard.ZstdError as error:
                    raise Damaged(f"the zstandard data are damaged: {error}") from error
                part = b""
                if frame.eof:
                    part = frame.unused_data
                    frame = decompressor.decompressobj()
                    begun = False
    if begun:
        raise Damaged("the zstandard data end too early")
