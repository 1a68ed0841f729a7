"""qdrant-client in its local mode: a numpy array and all comparisons."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models

from benchmarks.peers.adapters.worker import TOP_K, Adapter, run

_NAME = "papers"
_FILE = "vectors.npy"


class Local:
    """In memory; exact, with nothing to set.

    Its files are no alternative at this size: it commits every point by itself, some 15 ms each.
    """

    efforts = ()

    def build(self, vectors: NDArray[np.float32], folder: Path) -> None:
        """Insert everything, and keep the vectors, since it keeps nothing."""
        self._insert(vectors)
        np.save(folder / _FILE, vectors)

    def open(self, folder: Path) -> None:
        """Insert everything again."""
        self._insert(np.load(folder / _FILE))

    def use(self, effort: int | None) -> None:
        """There is no choice."""

    def nearest(self, query: NDArray[np.float32]) -> Iterable[int]:
        """By `query_points`."""
        found = self._client.query_points(_NAME, query=query, limit=TOP_K, with_payload=False)
        return [int(point.id) for point in found.points]

    def _insert(self, vectors: NDArray[np.float32]) -> None:
        self._client = QdrantClient(":memory:")
        parameters = models.VectorParams(size=vectors.shape[1], distance=models.Distance.DOT)
        self._client.create_collection(_NAME, vectors_config=parameters)
        self._client.upload_collection(_NAME, vectors=vectors, ids=range(len(vectors)))


if __name__ == "__main__":
    run(Adapter(indexes={"default": Local}))
