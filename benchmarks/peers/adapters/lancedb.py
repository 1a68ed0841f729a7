"""lancedb: a table in Lance's columnar files, with an index on its vectors."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import lancedb
import numpy as np
import pyarrow as pa
from lancedb.index import HnswSq, IvfPq
from numpy.typing import NDArray

from benchmarks.peers.adapters.worker import TOP_K, Adapter, run

_NAME = "papers"
_COLUMN = "vector"


class ProductQuantized:
    """Its default index, IVF_PQ; effort is the lists probed, and with it the best hundred are scored again."""

    efforts: tuple[int, ...] = (5, 10, 20, 40, 80)

    def build(self, vectors: NDArray[np.float32], folder: Path) -> None:
        """One table, one index, then the files compacted."""
        dimension = vectors.shape[1]
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), dimension)
        rows = pa.table({"id": pa.array(np.arange(len(vectors), dtype=np.int32)), _COLUMN: column})
        table = lancedb.connect(str(folder)).create_table(_NAME, rows)
        table.create_index(_COLUMN, config=self._config())

    def open(self, folder: Path) -> None:
        """Open the table's files."""
        self._table = lancedb.connect(str(folder)).open_table(_NAME)

    def use(self, effort: int | None) -> None:
        """It travels with the request."""
        self._effort = effort

    def nearest(self, query: NDArray[np.float32]) -> Iterable[int]:
        """Only the ids are read; Arrow, the form that costs least."""
        asked = self._table.search(query).distance_type("dot").select(["id", "_distance"]).limit(TOP_K)
        if self._effort is not None:
            asked = self._harder(asked, self._effort)
        return asked.to_arrow().column("id").to_pylist()  # type: ignore[no-any-return]  # it comes without types

    def _config(self) -> Any:
        return IvfPq(distance_type="dot")

    def _harder(self, asked: Any, effort: int) -> Any:
        return asked.nprobes(effort).refine_factor(10)


class Graph(ProductQuantized):
    """IVF_HNSW_SQ: a graph of a byte a number; effort is ef."""

    efforts = (32, 64, 96, 128, 192, 256, 384)

    def _config(self) -> Any:
        return HnswSq(distance_type="dot")

    def _harder(self, asked: Any, effort: int) -> Any:
        return asked.ef(effort).refine_factor(2)


if __name__ == "__main__":
    run(Adapter(indexes={"default": ProductQuantized, "HNSW_SQ": Graph}))
