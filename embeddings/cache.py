"""Vectors that were computed once, kept for good: by text and by encoder."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embeddings import database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS vectors (
    number INTEGER PRIMARY KEY,
    text_key BLOB NOT NULL UNIQUE,
    embedding BLOB NOT NULL,
    tokens_seen INTEGER NOT NULL,
    tokens_total INTEGER NOT NULL
);
"""


def text_key(title: str | None, abstract: str) -> bytes:
    """Name the text of a paper, as received: 16 bytes of SHA-256. How it is cleaned belongs to the encoder's name."""
    return hashlib.sha256(f"{title or ''}\0{abstract}".encode()).digest()[:16]


class VectorCache:
    """Embeddings of one encoder, in one SQLite file that outlives builds and crashes.

    Each `put` is one transaction: after a crash it is there whole or not at all.
    """

    def __init__(self, folder: Path, fingerprint: str, dimension: int) -> None:
        """Open or create `FOLDER/FINGERPRINT.db`, for vectors of this dimension."""
        folder.mkdir(parents=True, exist_ok=True)
        self._dimension = dimension
        self._connection = database.open_durable(folder / f"{fingerprint}.db")
        self._connection.executescript(_SCHEMA)

    def missing(self, keys: Sequence[bytes]) -> NDArray[np.bool_]:
        """Tell which keys have no vector yet, shape (len(keys),)."""
        find = "SELECT 1 FROM vectors WHERE text_key = ?"
        return np.array([self._connection.execute(find, (key,)).fetchone() is None for key in keys], dtype=np.bool_)

    def put(
        self,
        keys: Sequence[bytes],
        embeddings: NDArray[np.float32],
        tokens_seen: NDArray[np.int64],
        tokens_total: NDArray[np.int64],
    ) -> None:
        """Keep vectors durably: when this returns they survive a power cut.

        Args:
            keys: n text keys; one that is there already keeps its vector.
            embeddings: Shape (n, dimension), unit rows.
            tokens_seen: Shape (n,).
            tokens_total: Shape (n,).
        """
        rows = zip(
            keys, (row.tobytes() for row in embeddings), tokens_seen.tolist(), tokens_total.tolist(), strict=True
        )
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(
            "INSERT OR IGNORE INTO vectors (text_key, embedding, tokens_seen, tokens_total) VALUES (?, ?, ?, ?)", rows
        )
        self._connection.execute("COMMIT")

    def get(self, keys: Sequence[bytes]) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
        """Fetch vectors in the order of the keys.

        Returns:
            Embeddings, shape (n, dimension); tokens seen and tokens in all, shape (n,).

        Raises:
            KeyError: A key has no vector.
        """
        embeddings = np.empty((len(keys), self._dimension), dtype=np.float32)
        tokens = np.empty((len(keys), 2), dtype=np.int64)
        find = "SELECT embedding, tokens_seen, tokens_total FROM vectors WHERE text_key = ?"
        for i, key in enumerate(keys):
            found = self._connection.execute(find, (key,)).fetchone()
            if found is None:
                raise KeyError(key)
            embeddings[i] = np.frombuffer(found[0], dtype=np.float32)
            tokens[i] = found[1:]
        return embeddings, tokens[:, 0], tokens[:, 1]

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
