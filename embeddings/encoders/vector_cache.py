"""Vectors that were computed once, kept for good: by text and by encoder."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embeddings import database
from embeddings.encoders.encoder_info import Encoded, EncoderInfo

_SCHEMA = """
CREATE TABLE IF NOT EXISTS vectors (
    number INTEGER PRIMARY KEY,
    text_key BLOB NOT NULL UNIQUE,
    embedding BLOB NOT NULL,
    tokens_seen INTEGER NOT NULL,
    tokens_total INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS encoder (number INTEGER PRIMARY KEY, info TEXT NOT NULL);
"""


def text_key(title: str | None, abstract: str) -> bytes:
    """Name the text of a paper, as received: 16 bytes of SHA-256. How it is cleaned belongs to the encoder's name."""
    return hashlib.sha256(f"{title or ''}\0{abstract}".encode()).digest()[:16]


class VectorCache:
    """Embeddings of one encoder, in one SQLite file that outlives builds and crashes.

    Each `put` is one transaction: after a crash it is there whole or not at all.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        """Open or create `FOLDER/FINGERPRINT.db`."""
        folder.mkdir(parents=True, exist_ok=True)
        self._connection = database.open_durable(folder / f"{fingerprint}.db")
        self._connection.executescript(_SCHEMA)

    @property
    def info(self) -> EncoderInfo | None:
        """What the encoder is, if a build has loaded it before."""
        found = self._connection.execute("SELECT info FROM encoder").fetchone()
        return None if found is None else EncoderInfo(**json.loads(found[0]))

    def remember(self, info: EncoderInfo) -> None:
        """Keep what the encoder is."""
        self._connection.execute("INSERT OR REPLACE INTO encoder VALUES (1, ?)", (json.dumps(asdict(info)),))

    def missing(self, keys: Sequence[bytes]) -> NDArray[np.bool_]:
        """Tell which keys have no vector yet, shape (len(keys),)."""
        find = "SELECT 1 FROM vectors WHERE text_key = ?"
        return np.array([self._connection.execute(find, (key,)).fetchone() is None for key in keys], dtype=np.bool_)

    def put(self, keys: Sequence[bytes], encoded: Encoded) -> None:
        """Keep vectors durably: when this returns they survive a power cut.

        Args:
            keys: n text keys; one that is there already keeps its vector.
            encoded: n vectors, and the tokens read for them.
        """
        vectors = (row.tobytes() for row in encoded.embeddings)
        rows = zip(keys, vectors, encoded.tokens_seen.tolist(), encoded.tokens_total.tolist(), strict=True)
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(
            "INSERT OR IGNORE INTO vectors (text_key, embedding, tokens_seen, tokens_total) VALUES (?, ?, ?, ?)", rows
        )
        self._connection.execute("COMMIT")

    def get(self, keys: Sequence[bytes]) -> Encoded:
        """Fetch vectors, and the tokens read for them, in the order of the keys, of which there is at least one.

        Raises:
            KeyError: A key has no vector.
        """
        embeddings = []
        tokens = np.empty((len(keys), 2), dtype=np.int64)
        find = "SELECT embedding, tokens_seen, tokens_total FROM vectors WHERE text_key = ?"
        for i, key in enumerate(keys):
            found = self._connection.execute(find, (key,)).fetchone()
            if found is None:
                raise KeyError(key)
            embeddings.append(np.frombuffer(found[0], dtype=np.float32))
            tokens[i] = found[1:]
        return Encoded(np.stack(embeddings), tokens[:, 0], tokens[:, 1])

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
