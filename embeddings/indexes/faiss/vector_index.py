"""The vector index on FAISS: filters become masks, candidates are compared exactly, small sets are scanned."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from embeddings.indexes.base import NO_ROW, Masks, Neighbours, admit_all
from embeddings.indexes.cosines import cosines_of_rows
from embeddings.indexes.faiss.faiss_index import FaissIndex
from embeddings.queries import NO_FILTERS, Filters

KIND = "faiss"
"""The name of this engine in a manifest."""

# Up to so many admitted rows, reading them all is quicker than searching the index around the others
SCANNED_ROWS = 20_000

# More candidates than asked for: FAISS sums in another order, so the last of its answers may be another row
_SPARE = 8


class FaissVectorIndex:
    """Implements `VectorIndex` over a FAISS index and the vectors it was built from."""

    def __init__(self, index: FaissIndex, vectors: NDArray[np.float32], masks: Masks = admit_all) -> None:
        """Search this index.

        Args:
            index: Over the vectors.
            vectors: Shape (n, dimension), unit rows; may be memory-mapped.
            masks: Computes which rows filters admit.
        """
        self.index = index
        self._vectors = np.asarray(vectors)
        self._masks = masks

    @property
    def dimension(self) -> int:
        """Length of its vectors."""
        return self.index.dimension

    def __len__(self) -> int:
        return len(self.index)

    def nearest(
        self,
        queries: NDArray[np.float32],
        top_k: int,
        *,
        filters: Filters = NO_FILTERS,
        exclude: Collection[int] = (),
        threads: int = 1,
    ) -> Neighbours:
        """See `VectorIndex.nearest`."""
        if queries.ndim != 2 or queries.shape[1] != self.dimension:
            raise ValueError(
                f"queries have shape {queries.shape}, the index holds vectors of shape ({self.dimension},)"
            )
        admitted = self._masks(filters, exclude)
        total = len(self) if admitted is None else int(np.count_nonzero(admitted))
        count = min(top_k, total)
        width = min(top_k, len(self))
        answer = Neighbours(
            np.full((len(queries), width), -np.inf, dtype=np.float32),
            np.full((len(queries), width), NO_ROW, dtype=np.int64),
        )
        if not count:
            return answer
        scan = total <= SCANNED_ROWS and not (admitted is None and self.index.exact)
        found = None if scan else self.index.nearest(queries, count + _SPARE, among=admitted, threads=threads)[1]
        everything = self._admitted_rows(admitted) if found is None else None
        for i, query in enumerate(queries):
            rows = everything if found is None else np.sort(found[i][found[i] != NO_ROW])
            if rows is None or len(rows) < count:
                # An approximate index looked into the wrong lists: what exists must be found
                rows = everything = self._admitted_rows(admitted) if everything is None else everything
            similarity = cosines_of_rows(self._vectors, rows, query)
            order = np.argsort(-similarity, kind="stable")[:count]  # rows ascend, so ties do too
            answer.similarity[i, :count], answer.rows[i, :count] = similarity[order], rows[order]
        return answer

    def _admitted_rows(self, admitted: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """All admitted rows; made only where they are read, as it takes time in proportion to the corpus."""
        return np.arange(len(self)) if admitted is None else np.flatnonzero(admitted)

    def vectors(self, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
        """See `VectorIndex.vectors`."""
        return np.asarray(self._vectors[np.asarray(rows, dtype=np.int64)])

    def close(self) -> None:
        """See `VectorIndex.close`. Mapped files are released with the object."""
