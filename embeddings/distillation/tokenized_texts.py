"""A list of tokenized texts in two flat arrays. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class TokenizedTexts:
    """Token ids of many texts, concatenated.

    Attributes:
        tokens: Token ids of all texts, int32, shape (total,).
        starts: Offset of each text in `tokens`, then the total, int64, shape (texts + 1,).
    """

    tokens: NDArray[np.int32]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, i: int) -> NDArray[np.int32]:
        return self.tokens[self.starts[i] : self.starts[i + 1]]

    def select(self, chosen: NDArray[np.int64]) -> "TokenizedTexts":
        """Return the chosen texts, in the order of `chosen`."""
        return TokenizedTexts.of([self[i] for i in chosen.tolist()])

    @classmethod
    def of(cls, texts: Sequence[NDArray[np.int32]]) -> "TokenizedTexts":
        """Concatenate tokenized texts."""
        starts = np.concatenate([[0], np.cumsum([len(text) for text in texts])]).astype(np.int64)
        return cls(np.concatenate([np.empty(0, np.int32), *texts]), starts)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of tokens of each text, shape (texts,)."""
        return np.diff(self.starts)
