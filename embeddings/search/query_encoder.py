"""A snapshot's encoder for the texts of questions: loaded when the first new text comes, no text read twice."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from embeddings import threads
from embeddings.encoders import loading
from embeddings.encoders.encoder_info import Encoded
from embeddings.encoders.vector_cache import VectorCache
from embeddings.snapshots.folder import ENCODERS
from embeddings.snapshots.snapshot import Snapshot

if TYPE_CHECKING:
    from embeddings.encoders.encoder import Encoder


class QueryEncoder:
    """Texts into vectors, as a `Searcher` asks for them; not for many threads."""

    def __init__(self, snapshot: Snapshot, kept: Path | None = None) -> None:
        """Prepare; nothing is loaded yet.

        Args:
            snapshot: Its encoder is used, and checked when it is loaded.
            kept: Folder of a vector cache: what it holds is not computed, what is computed is put there. Without it,
                vectors are remembered as long as this object lives.
        """
        self._snapshot = snapshot
        self._loaded: Encoder | None = None
        self._remembered: dict[str, Encoded] = {}
        self._encoders = snapshot.folder.parent / ENCODERS
        self._cache = None
        if kept is not None:
            manifest = snapshot.manifest
            chosen = loading.of_snapshot(manifest, self._encoders)
            self._cache = VectorCache(kept, chosen.cached_as(manifest.encoder.fingerprint))

    def __call__(self, texts: Sequence[str]) -> Encoded:
        """Embed texts.

        Raises:
            EncoderError: The encoder cannot be loaded.
            EncoderMismatch: It is not the one that built the snapshot.
        """
        new = [text for text in dict.fromkeys(texts) if text not in self._remembered]
        if new:
            encoded = self._encode(new) if self._cache is None else self._cached(new, self._cache)
            for i, text in enumerate(new):
                self._remembered[text] = _part(encoded, i)
        rows = [self._remembered[text] for text in texts]
        return Encoded(
            np.concatenate([row.embeddings for row in rows]),
            np.concatenate([row.tokens_seen for row in rows]),
            np.concatenate([row.tokens_total for row in rows]),
        )

    def close(self) -> None:
        """Let go of the encoder and of the cache."""
        self._loaded = None
        if self._cache is not None:
            self._cache.close()

    def _cached(self, texts: Sequence[str], cache: VectorCache) -> Encoded:
        keys = [_key(text) for text in texts]
        missing = np.flatnonzero(cache.missing(keys)).tolist()
        if missing:
            cache.put([keys[i] for i in missing], self._encode([texts[i] for i in missing]))
        return cache.get(keys)

    def _encode(self, texts: Sequence[str]) -> Encoded:
        if self._loaded is None:
            from embeddings.snapshots.encoder_check import check_encoder

            loaded = loading.for_snapshot(self._snapshot.manifest, self._encoders, threads=threads.available())
            check_encoder(self._snapshot, loaded)
            self._loaded = loaded
        return self._loaded.encode_queries(texts)


def _part(encoded: Encoded, i: int) -> Encoded:
    return Encoded(encoded.embeddings[i : i + 1], encoded.tokens_seen[i : i + 1], encoded.tokens_total[i : i + 1])


def _key(text: str) -> bytes:
    """Name a question in the vector cache: made otherwise than `text_key`, as prompts of papers are others."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, person=b"query").digest()
