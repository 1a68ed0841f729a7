"""Reads translation pairs: cleaned texts, and their sentences if both sides have equally many."""

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
    """A text and its translation.

    Attributes:
        source: In the teacher's language.
        target: In the new language.
    """

    source: str
    target: str


def read(files: Sequence[Path], source: str, target: str) -> Iterator[Pair]:
    """Read translation pairs: each text, followed by its sentences.

    Args:
        files: JSON lines, optionally compressed with gzip; each an object with one text under each language code.
        source: Code of the teacher's language, which names its field, such as `en`.
        target: Code of the new language, which names its field, such as `zh`.

    Raises:
        DistillationError: A file cannot be read, or a line lacks one of the two texts.
    """
    for file in files:
        for pair in _lines(file, source, target):
            yield pair
            source_sentences, target_sentences = sentences(pair.source, source), sentences(pair.target, target)
            # With unequal counts, the correspondence of sentences is unknown
            if len(source_sentences) == len(target_sentences) > 1:
                yield from map(Pair, source_sentences, target_sentences)


def _lines(file: Path, source: str, target: str) -> Iterator[Pair]:
    try:
        data = file.read_bytes()
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DistillationError(f"{file} cannot be read: {error}") from error
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            source_text, target_text = clean(record[source]), clean(record[target])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DistillationError(
                f"{file}, line {number}: not a translation pair ({type(error).__name__}: {error}); "
                f'expected {{"{source}": "…", "{target}": "…"}}'
            ) from error
        if source_text and target_text:
            yield Pair(source_text, target_text)
