"""Texts in two languages that say the same: read, cleaned, cut into sentences where both sides have as many."""

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from embeddings.errors import DistillationError
from embeddings.texts.cleaning import clean
from embeddings.texts.sentences import sentences


@dataclass(frozen=True, slots=True)
class Pair:
    """One text in two languages.

    Attributes:
        source: In the language that the teacher reads.
        target: In the language to be learnt.
    """

    source: str
    target: str


def read(files: Sequence[Path], source: str, target: str) -> Iterator[Pair]:
    """Read pairs, whole texts first, then their sentences.

    Args:
        files: JSON lines, packed with gzip or not, each an object with a text under either language's code.
        source: Code of the teacher's language, also its field, such as `en`.
        target: Code of the new language, also its field, such as `zh`.

    Raises:
        DistillationError: A file cannot be read, or a line has no such two texts.
    """
    for file in files:
        for pair in _lines(file, source, target):
            yield pair
            ours, theirs = sentences(pair.source, source), sentences(pair.target, target)
            # Unequal counts mean that somewhere two became one; nothing says where
            if len(ours) == len(theirs) > 1:
                yield from map(Pair, ours, theirs)


def _lines(file: Path, source: str, target: str) -> Iterator[Pair]:
    try:
        packed = file.read_bytes()
        text = (gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed).decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DistillationError(f"{file} cannot be read: {error}") from error
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            ours, theirs = clean(record[source]), clean(record[target])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DistillationError(
                f"{file}, line {number}: no pair ({type(error).__name__}: {error}); "
                f'a line looks like {{"{source}": "…", "{target}": "…"}}'
            ) from error
        if ours and theirs:
            yield Pair(ours, theirs)
