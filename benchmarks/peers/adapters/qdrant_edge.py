"""qdrant-edge-py: Qdrant's engine in process."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import qdrant_edge as edge
from numpy.typing import NDArray

from benchmarks.peers.adapters.worker import TOP_K, Adapter, run

_BATCH = 1000


class Shard:
    """Its own HNSW: m 16, ef_construct 100, vectors as 32-bit floats."""

    efforts = (16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024)

    def build(self, vectors: NDArray[np.float32], folder: Path) -> None:
        """Insert in batches, then let the optimizer make the graph."""
        shard = edge.EdgeShard.create(str(folder), self._config(vectors.shape[1]))
        for start in range(0, len(vectors), _BATCH):
            block = vectors[start : start + _BATCH].tolist()
            points = [edge.Point(start + i, vector) for i, vector in enumerate(block)]
            shard.update(edge.UpdateOperation.upsert_points(points))
        while shard.optimize():
            pass
        shard.flush()
        shard.close()

    def open(self, folder: Path) -> None:
        """Open the shard's files."""
        self._shard = edge.EdgeShard.load(str(folder))

    def use(self, effort: int | None) -> None:
        """It travels with the request."""
        self._asked = self._parameters(effort)

    def nearest(self, query: NDArray[np.float32]) -> Iterable[int]:
        """By `search`, the cheapest of its ways to ask for one vector."""
        asked = edge.SearchRequest(edge.Query.Nearest(query.tolist()), TOP_K, params=self._asked)
        return [point.id for point in self._shard.search(asked)]

    def _config(self, dimension: int) -> edge.EdgeConfig:
        return edge.EdgeConfig(vectors=edge.EdgeVectorParams(dimension, edge.Distance.Dot))

    def _parameters(self, effort: int | None) -> edge.SearchParams:
        return edge.SearchParams(hnsw_ef=effort)


class QuantizedShard(Shard):
    """Searched at a byte a number, the best twenty scored again by 32-bit floats."""

    _graph: edge.HnswIndexConfig | None = None

    def _config(self, dimension: int) -> edge.EdgeConfig:
        scalar = edge.ScalarQuantizationConfig(edge.ScalarType.Int8)
        vectors = edge.EdgeVectorParams(
            dimension, edge.Distance.Dot, quantization_config=scalar, hnsw_config=self._graph
        )
        return edge.EdgeConfig(vectors=vectors)

    def _parameters(self, effort: int | None) -> edge.SearchParams:
        return edge.SearchParams(
            hnsw_ef=effort, quantization=edge.QuantizationSearchParams(rescore=True, oversampling=2.0)
        )


class WideShard(QuantizedShard):
    """The same with twice as many links, made with twice the effort."""

    _graph = edge.HnswIndexConfig(m=32, ef_construct=200, full_scan_threshold=10_000)


if __name__ == "__main__":
    run(Adapter(indexes={"default": Shard, "int8": QuantizedShard, "int8, m 32": WideShard}))
