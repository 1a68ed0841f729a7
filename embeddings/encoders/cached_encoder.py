"""An encoder that computes no vector twice, and is not even loaded while there is none to compute."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from embeddings.encoders.encoder_info import Encoded, EncoderInfo
from embeddings.encoders.model_files import ModelFiles
from embeddings.encoders.vector_cache import VectorCache

if TYPE_CHECKING:
    from embeddings.encoders.encoder import Encoder


class CachedEncoder:
    """Vectors from the cache, and from the encoder what is not there yet."""

    def __init__(self, files: ModelFiles, cache: VectorCache, load: "Callable[[], Encoder]") -> None:
        """Put a cache before an encoder.

        Args:
            files: The model's files.
            cache: Of the model's fingerprint.
            load: Loads the encoder; called when it is needed.
        """
        self.computed = 0
        self._files = files
        self._cache = cache
        self._load = load
        self._loaded: Encoder | None = None

    @property
    def info(self) -> EncoderInfo:
        """What the encoder is; known without loading it, but for the first time."""
        info = self._cache.info or self._encoder().info
        # The same files may have had another name then
        return replace(info, name=self._files.name, revision=self._files.revision)

    def encode(self, keys: Sequence[bytes], read: Callable[[Sequence[int]], Sequence[str]]) -> Encoded:
        """Embed papers.

        Args:
            keys: Of the papers' texts, see `cache.text_key`; at least one.
            read: Positions in `keys` → texts; called for those without a vector only.
        """
        missing = np.flatnonzero(self._cache.missing(keys)).tolist()
        if missing:
            encoded = self._encoder().encode_documents(read(missing))
            self._cache.put([keys[i] for i in missing], encoded)
            self.computed += len(missing)
        return self._cache.get(keys)

    def unload(self) -> None:
        """Let go of the encoder; what follows an embedding needs the memory, and it is loaded again if needed."""
        self._loaded = None

    def _encoder(self) -> "Encoder":
        if self._loaded is None:
            self._loaded = self._load()
            self._cache.remember(self._loaded.info)
        return self._loaded
