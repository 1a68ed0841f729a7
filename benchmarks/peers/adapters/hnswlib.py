"""hnswlib: an HNSW graph in memory."""

from collections.abc import Iterable
from pathlib import Path

import hnswlib
import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.adapters.worker import TOP_K, Adapter, run

_FILE = "index.bin"


class Graph:
    """The parameters of its README: M 16, ef_construction 200; ef is what is told."""

    efforts = (16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
    _links = 16

    def build(self, vectors: NDArray[np.float32], folder: Path) -> None:
        """Threads: as many as there are processors, its default."""
        graph = hnswlib.Index(space="ip", dim=vectors.shape[1])
        graph.init_index(max_elements=len(vectors), ef_construction=200, M=self._links)
        graph.add_items(vectors)
        graph.save_index(str(folder / _FILE))

    def open(self, folder: Path) -> None:
        """Read all of it into memory; it cannot be mapped."""
        self._graph = hnswlib.Index(space="ip", dim=384)
        self._graph.load_index(str(folder / _FILE))
        self._own_effort = self._graph.ef

    def use(self, effort: int | None) -> None:
        """A state of the index."""
        self._graph.set_ef(effort or self._own_effort)

    def nearest(self, query: NDArray[np.float32]) -> Iterable[int]:
        """By `knn_query`, one vector in one thread."""
        rows, _ = self._graph.knn_query(query, k=TOP_K, num_threads=1)
        return rows[0]  # type: ignore[no-any-return]  # it comes without types


class WideGraph(Graph):
    """Twice as many links, which find more where neighbours are hard to find."""

    _links = 32


if __name__ == "__main__":
    run(Adapter(indexes={"default": Graph, "M 32": WideGraph}))
