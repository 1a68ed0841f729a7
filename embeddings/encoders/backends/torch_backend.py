"""The torch backend: every sentence-transformers model, on every device of torch."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from embeddings.encoders.backends.base import Backend, Batch, Computation, Kind, Precision
from embeddings.encoders.backends.sentence_transformer import Network


class TorchRuntime:
    """See `Runtime`; computes one batch at a time."""

    computation = Computation(Backend.TORCH, Precision.F32)
    batch_tokens = 8192
    multiple = 1
    streams = 1

    def __init__(self, model: Network) -> None:
        """Wrap a loaded model."""
        self._model = model
        self.device = str(model.device)

    def embed(self, batches: Iterable[Batch], kind: Kind) -> list[NDArray[np.float32]]:
        """See `Runtime.embed`. sentence-transformers adds the prompts and tokenises the texts again."""
        encode = self._model.encode_query if kind == "query" else self._model.encode_document
        return [
            encode(
                [window.text for window in batch],
                batch_size=len(batch),
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
            for batch in batches
        ]
