"""Vectors of the latest query texts: people page through answers, and ask the same things."""

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embeddings.encoders.encoder_info import Encoded


@dataclass(frozen=True, slots=True)
class Row:
    """What one text became."""

    embedding: NDArray[np.float32]
    tokens_seen: int
    tokens_total: int

    @classmethod
    def of(cls, encoded: Encoded, i: int) -> "Row":
        """Take text i out of a pass."""
        # A copy: a view would keep the vectors of the whole pass alive
        return cls(encoded.embeddings[i].copy(), int(encoded.tokens_seen[i]), int(encoded.tokens_total[i]))


class QueryCache:
    """The vectors of the latest texts, by a hash of the text: its size does not depend on how long they are.

    It belongs to one batcher and so to one encoder; texts of another encoder cannot be confused with its own.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._rows: OrderedDict[bytes, Row] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, text: str) -> Row | None:
        """What the text became, if it is remembered."""
        key = _key(text)
        with self._lock:
            row = self._rows.get(key)
            if row is not None:
                self._rows.move_to_end(key)
            return row

    def put(self, text: str, row: Row) -> None:
        """Remember what a text became; the one not asked for longest is forgotten."""
        with self._lock:
            self._rows[_key(text)] = row
            while len(self._rows) > self._size:
                self._rows.popitem(last=False)


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
