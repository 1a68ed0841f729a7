"""milvus-lite: Milvus's interface, over gRPC to a thread of the same process, with FAISS underneath."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymilvus import MilvusClient

from benchmarks.peers.adapters.worker import TOP_K, Adapter, run

_NAME = "papers"
_FILE = "papers.db"
_BATCH = 2000


class Automatic:
    """Its default index, AUTOINDEX, which is HNSW; effort is ef."""

    efforts = (16, 32, 64, 96, 128, 192, 256, 384)

    def build(self, vectors: NDArray[np.float32], folder: Path) -> None:
        """Insert in batches, flush, and load once, which makes the index."""
        client = MilvusClient(str(folder / _FILE))
        client.create_collection(_NAME, dimension=vectors.shape[1], metric_type="IP")
        for start in range(0, len(vectors), _BATCH):
            block = vectors[start : start + _BATCH].tolist()
            client.insert(_NAME, [{"id": start + i, "vector": vector} for i, vector in enumerate(block)])
        client.flush(_NAME)
        client.load_collection(_NAME)
        client.close()

    def open(self, folder: Path) -> None:
        """Open the file, load the collection."""
        self._client = MilvusClient(str(folder / _FILE))
        self._client.load_collection(_NAME)

    def use(self, effort: int | None) -> None:
        """It travels with the request."""
        asked = {"metric_type": "IP", "params": {"ef": effort}}
        self._asked: dict[str, Any] = {} if effort is None else {"search_params": asked}

    def nearest(self, query: NDArray[np.float32]) -> Iterable[int]:
        """By `search`, without any fields."""
        found = self._client.search(_NAME, [query.tolist()], limit=TOP_K, **self._asked)
        return [hit["id"] for hit in found[0]]


if __name__ == "__main__":
    run(Adapter(indexes={"default": Automatic}))
