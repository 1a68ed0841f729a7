"""A persistent cache of vectors, by text and by encoder."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

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
    """Key of a paper's text in the cache: 16 bytes of SHA-256 over title and abstract as received.

    How texts are cleaned is part of the encoder's fingerprint, and so not of the key.
    """
    return hashlib.sha256(f"{title or ''}\0{abstract}".encode()).digest()[:16]


class VectorCache:
    """Embeddings of one encoder in one SQLite file, durable across builds and crashes.

    Each `put` is one transaction: after a crash all of its vectors are stored, or none.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        """Open or create `FOLDER/FINGERPRINT.db`."""
        folder.mkdir(parents=True, exist_ok=True)
        self._connection = database.open_durable(folder / f"{fingerprint}.db")
        self._connection.executescript(_SCHEMA)

    @property
    def info(self) -> EncoderInfo | None:
        """Description of the encoder, if a build has loaded it before."""
        found = self._connection.execute("SELECT info FROM encoder").fetchone()
        return None if found is None else EncoderInfo(**json.loads(found[0]))

    def remember(self, info: EncoderInfo) -> None:
        """Store the description of the encoder."""
        self._connection.execute("INSERT OR REPLACE INTO encoder VALUES (1, ?)", (json.dumps(asdict(info)),))

    def missing(self, keys: Sequence[bytes]) -> NDArray[np.bool_]:
        """Which keys have no vector yet, shape (len(keys),)."""
        known = {key for (key,) in self._select("SELECT text_key FROM vectors WHERE text_key IN", keys)}
        return np.array([key not in known for key in keys], dtype=np.bool_)

    def put(self, keys: Sequence[bytes], encoded: Encoded) -> None:
        """Store vectors durably: after this returns they survive a power failure.

        Args:
            keys: n text keys; a key that is stored already keeps its vector.
            encoded: n vectors and their token counts.
        """
        vectors = (row.tobytes() for row in encoded.embeddings)
        rows = zip(keys, vectors, encoded.tokens_seen.tolist(), encoded.tokens_total.tolist(), strict=True)
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(
            "INSERT OR IGNORE INTO vectors (text_key, embedding, tokens_seen, tokens_total) VALUES (?, ?, ?, ?)", rows
        )
        self._connection.execute("COMMIT")

    def get(self, keys: Sequence[bytes]) -> Encoded:
        """Read vectors and their token counts in the order of the keys, of which there is at least one.

        Raises:
            KeyError: A key has no vector.
        """
        query = "SELECT text_key, embedding, tokens_seen, tokens_total FROM vectors WHERE text_key IN"
        found = {key: values for key, *values in self._select(query, keys)}
        embeddings = np.stack([np.frombuffer(found[key][0], dtype=np.float32) for key in keys])
        tokens = np.array([found[key][1:] for key in keys], dtype=np.int64)
        return Encoded(embeddings, tokens[:, 0], tokens[:, 1])

    def _select(self, query: str, keys: Sequence[bytes]) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(keys), database.MOST_PARAMETERS):
            part = keys[start : start + database.MOST_PARAMETERS]
            yield from self._connection.execute(f"{query} ({','.join('?' * len(part))})", tuple(part))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
