"""What `distil` taught a model: words of another language, and the rows of input embeddings they stand for.

Small enough to ship: rows are kept as whole numbers of 8 bits and one factor each. All other weights are the model's.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embeddings.errors import EncoderError

WORDS = "words.txt"
ROWS = "rows.npz"


@dataclass(frozen=True, slots=True)
class Extension:
    """New words and their rows.

    Attributes:
        words: Distinct, none empty.
        rows: Shape (len(words), width): what each word is to the model's first layer.
    """

    words: tuple[str, ...]
    rows: NDArray[np.float32]

    @property
    def chinese(self) -> bool:
        """Whether there are Chinese words, all of them simplified."""
        return any("\u4e00" <= letter <= "\u9fff" for word in self.words for letter in word)

    def save(self, folder: Path) -> None:
        """Write the words, a line each, and the rows, rounded."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / WORDS).write_text("".join(f"{word}\n" for word in self.words), encoding="utf-8")
        quantised, factors = _quantise(self.rows)
        np.savez(folder / ROWS, rows=quantised, factors=factors)

    @classmethod
    def load(cls, folder: Path) -> "Extension":
        """Read what `save` wrote.

        Raises:
            EncoderError: The files are missing, broken or do not belong together.
        """
        try:
            words = tuple((folder / WORDS).read_text(encoding="utf-8").splitlines())
            with np.load(folder / ROWS, allow_pickle=False) as stored:
                rows = stored["rows"].astype(np.float32) * stored["factors"].astype(np.float32)[:, None]
        except (OSError, ValueError, KeyError) as error:
            raise EncoderError(
                f"the extension in {folder} cannot be read: {error}; install the package anew"
            ) from error
        if len(words) != len(rows):
            raise EncoderError(f"the extension in {folder} has {len(words)} words and {len(rows)} rows")
        return cls(words, rows)

    def joined(self, other: "Extension") -> "Extension":
        """Words of both, none of them in both; what was rounded before stays as it is when it is rounded again."""
        return Extension((*self.words, *other.words), np.concatenate([self.rows, other.rows]))


def _quantise(rows: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    factors = (np.abs(rows).max(axis=1) / 127).astype(np.float16)
    safe = np.maximum(factors.astype(np.float32), np.finfo(np.float16).tiny)[:, None]
    return np.clip(np.rint(rows / safe), -127, 127).astype(np.int8), factors
