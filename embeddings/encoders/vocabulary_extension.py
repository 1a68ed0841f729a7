"""The vocabulary extension that `distil` makes: words of another language and their input embeddings.

Rows are stored as 8-bit integers with one scale factor each, small enough to ship. All other weights stay the model's.
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
    """Added words and their input embeddings.

    Attributes:
        words: Distinct, none empty.
        rows: Shape (len(words), width): input embedding of each word.
    """

    words: tuple[str, ...]
    rows: NDArray[np.float32]

    @property
    def chinese(self) -> bool:
        """Whether there are Chinese words; all of them are simplified."""
        return any("\u4e00" <= letter <= "\u9fff" for word in self.words for letter in word)

    def save(self, folder: Path) -> None:
        """Write the words, one on a line, and the quantised rows."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / WORDS).write_text("".join(f"{word}\n" for word in self.words), encoding="utf-8")
        quantised, factors = _quantise(self.rows)
        np.savez(folder / ROWS, rows=quantised, factors=factors)

    @classmethod
    def load(cls, folder: Path) -> "Extension":
        """Read the files that `save` wrote.

        Raises:
            EncoderError: The files are missing, damaged or inconsistent.
        """
        try:
            words = tuple((folder / WORDS).read_text(encoding="utf-8").splitlines())
            with np.load(folder / ROWS, allow_pickle=False) as stored:
                rows = stored["rows"].astype(np.float32) * stored["factors"].astype(np.float32)[:, None]
        except (OSError, ValueError, KeyError) as error:
            raise EncoderError(f"the extension in {folder} cannot be read: {error}; reinstall the package") from error
        if len(words) != len(rows):
            raise EncoderError(f"the extension in {folder} has {len(words)} words and {len(rows)} rows")
        return cls(words, rows)

    def joined(self, other: "Extension") -> "Extension":
        """Join two extensions without common words. Rows quantised before do not change when quantised again."""
        return Extension((*self.words, *other.words), np.concatenate([self.rows, other.rows]))


def _quantise(rows: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    """Round each row to whole multiples of its factor, max |row| / 127.

    The division is by the factor as stored, in half precision, because `load` multiplies by the same number.
    The error is at most half a factor, or 127 times the rounding of the factor where that is more.
    """
    factors = (np.abs(rows).max(axis=1) / 127).astype(np.float16)
    safe = np.where(factors > 0, factors.astype(np.float32), 1)[:, None]
    return np.clip(np.rint(rows / safe), -127, 127).astype(np.int8), factors
