"""The door to FAISS: unit rows into an index, nearest rows and scores out."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from embeddings.errors import SnapshotError
from embeddings.indexes.faiss import block_lists
from embeddings.indexes.faiss.tuning import CODES_A_VECTOR

VERSION: str = faiss.__version__

NO_HIT = -1  # FAISS fills a short answer with this label

_MOST_CANDIDATES = 1024  # of HNSW
_FACTOR = 4  # of a factory string with Refine(…): what is compared again, for each candidate
_QUERY_BITS = 4  # RaBitQ: of a query, a number; with more it finds no more, and takes longer
_FIRST = 10  # answers that have all the candidates they were tuned for
_LATER_REFINE = 2  # candidates of answers after them: what is far down needs no exact place


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """How an index was made and is searched.

    Attributes:
        factory: FAISS factory string.
        effort: Lists probed (IVF) or candidates kept (HNSW) for each query; 0 where the index has no such choice.
        refine: Candidates compared exactly, for each answer wanted.
    """

    factory: str
    effort: int = 0
    refine: int = 1


class FaissIndex:
    """A FAISS index over unit rows, inner product. Searching is safe from many threads and changes nothing."""

    def __init__(self, index: Any, spec: IndexSpec, vectors: NDArray[np.float32] | None = None) -> None:
        """Wrap a FAISS index and how it is to be searched.

        Args:
            index: Of FAISS.
            spec: How it is searched.
            vectors: What it was made of, shape (n, dimension); may be memory-mapped. With them, an index that holds
                less than the vectors answers with exact cosines, of the best of its candidates.
        """
        self._index = index
        # A plain array: indexing a memmap takes longer than what is read by it
        self._vectors = None if vectors is None or isinstance(index, faiss.IndexFlat) else np.asarray(vectors)
        self.spec = spec
        # Of searches without a filter: nothing changes them, and to make them takes a tenth of a short search
        self._parameters = _search_parameters(index, spec.effort, None)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """Length of its vectors."""
        return int(self._index.d)

    @property
    def exact(self) -> bool:
        """Whether the answers are the true nearest rows."""
        return isinstance(self._index, faiss.IndexFlat)

    def searched(self, *, effort: int | None = None, refine: int | None = None) -> "FaissIndex":
        """The same index, searched otherwise."""
        changed = replace(
            self.spec,
            effort=self.spec.effort if effort is None else effort,
            refine=self.spec.refine if refine is None else refine,
        )
        return FaissIndex(self._index, changed, self._vectors)

    def nearest(
        self, queries: NDArray[np.float32], top_k: int, *, among: NDArray[np.bool_] | None = None, threads: int = 1
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Find the rows most similar to each query.

        Args:
            queries: Shape (m, dimension), unit rows.
            top_k: At least 1; more than there are rows is allowed.
            among: Shape (n,): rows that may be answers; None allows all.
            threads: Processors to use. A server gives one to each request: more are slower under load.

        Returns:
            Scores and rows, both of shape (m, min(top_k, n)), best first. Where an index finds fewer, the rest of the
            line has row `NO_HIT` and score -inf.

        Raises:
            ValueError: The queries do not have the index's dimension.
        """
        if queries.ndim != 2 or queries.shape[1] != self.dimension:
            raise ValueError(
                f"queries have shape {queries.shape}, the index holds vectors of shape ({self.dimension},)"
            )
        count = min(top_k, len(self))
        if among is not None and self._vectors is not None and self._quicker_by_vectors(among):
            admitted = np.flatnonzero(among)
            return _best(self._vectors, queries, np.broadcast_to(admitted, (len(queries), len(admitted))), count)
        candidates = count if self._vectors is None else min(len(self), _candidates(count, self.spec.refine))
        faiss.omp_set_num_threads(threads)  # a setting of the calling thread, not of the index
        parameters = self._parameters
        if among is not None:
            bitmap = np.packbits(among, bitorder="little")
            parameters = _search_parameters(self._index, self._effort(among), faiss.IDSelectorBitmap(bitmap))
        scores, rows = self._index.search(np.ascontiguousarray(queries), candidates, params=parameters)
        if self._vectors is None:
            return np.where(rows == NO_HIT, -np.inf, scores).astype(np.float32), rows
        return _best(self._vectors, queries, rows, count)

    def _quicker_by_vectors(self, among: NDArray[np.bool_]) -> bool:
        """Whether so few rows are admitted that comparing all their vectors takes less than comparing codes would."""
        return bool(np.count_nonzero(among) * CODES_A_VECTOR <= self._effort(among) * self.codes_an_effort)

    def _effort(self, among: NDArray[np.bool_]) -> int:
        """As much more as rows are left out, so that as many are compared as without a filter."""
        wanted = math.ceil(self.spec.effort * len(self) / max(1, int(np.count_nonzero(among))))
        return min(self.most_effort, wanted)

    @property
    def most_effort(self) -> int:
        """The effort beyond which nothing more is found; 0 where there is no choice."""
        kind = _adjustable(self._index)
        if isinstance(kind, faiss.IndexIVF):
            return int(kind.nlist)
        return _MOST_CANDIDATES if isinstance(kind, faiss.IndexHNSW) else 0

    @property
    def codes_an_effort(self) -> float:
        """How many codes one more effort compares, on average."""
        kind = _adjustable(self._index)
        if isinstance(kind, faiss.IndexIVF):
            return len(self) / int(kind.nlist)
        return float(2 * kind.hnsw.nb_neighbors(1)) if isinstance(kind, faiss.IndexHNSW) else 0.0

    def save(self, path: Path) -> None:
        """Write the index to a file.

        Raises:
            OSError: It cannot be written. FAISS's own writer only prints that the disk is full, and goes on.
        """
        with path.open("wb") as file:
            if block_lists.has_blocks(self._index):
                block_lists.write(self._index, file)
            else:
                faiss.write_index(self._index, faiss.PyCallbackIOWriter(file.write))


def recalls(scores: NDArray[np.float32], truth: NDArray[np.float32]) -> NDArray[np.float32]:
    """Index recall@k of each query, by score: the share of answers at least as near as the k-th exact neighbour.

    Compared by score, so that ties are no errors; and within what summing in another order changes
    (ann-benchmarks, `knn_threshold`).

    Args:
        scores: Shape (m, k): exact scores of what was found, -inf where nothing was.
        truth: Shape (m, k): scores of the exact neighbours, best first.

    Returns:
        Shape (m,), in [0, 1].
    """
    found: NDArray[np.float32] = np.mean(scores >= truth[:, -1:] - 1e-5, axis=1, dtype=np.float32)
    return found


def recall(scores: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
    """Index recall@k, the mean of `recalls`."""
    return float(recalls(scores, truth).mean())


def load(path: Path, spec: IndexSpec, vectors: NDArray[np.float32] | None = None) -> FaissIndex:
    """Map an index file into memory, shared by all processes that do.

    Args:
        path: The file.
        spec: How it is searched.
        vectors: See `FaissIndex`.

    Raises:
        SnapshotError: The file is missing or no FAISS index.
    """
    try:
        # IO_FLAG_MMAP maps inverted lists only; this one maps flat, HNSW and quantised storage and lists of RaBitQ too,
        # but not those of fast-scan kinds: see `block_lists` (RaBitQfs every process holds for itself)
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        if block_lists.has_blocks(index):
            block_lists.attach(index, path)
    except RuntimeError as error:
        raise SnapshotError(f"{path} cannot be read as a FAISS index: {error}") from error
    return FaissIndex(index, spec, vectors)


def _candidates(count: int, refine: int) -> int:
    """How many candidates are compared exactly for so many answers."""
    return min(count, _FIRST) * refine + max(0, count - _FIRST) * min(refine, _LATER_REFINE)


def _best(
    vectors: NDArray[np.float32], queries: NDArray[np.float32], rows: NDArray[np.int64], count: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The best of each query's candidates by exact cosine, ties by row.

    Args:
        vectors: Shape (n, dimension).
        queries: Shape (m, dimension).
        rows: Shape (m, c), `NO_HIT` where there are fewer.
        count: At most c.
    """
    best_scores = np.full((len(queries), count), -np.inf, dtype=np.float32)
    best_rows = np.full((len(queries), count), NO_HIT, dtype=np.int64)
    for i, query in enumerate(queries):
        found = np.sort(rows[i][rows[i] != NO_HIT])  # in the order of the file; and ties by row
        scores = vectors[found] @ query
        order = np.argsort(-scores, kind="stable")[:count]
        best_scores[i, : len(order)] = scores[order]
        best_rows[i, : len(order)] = found[order]
    return best_scores, best_rows


def _search_parameters(index: Any, effort: int, selector: Any) -> Any:
    """Parameters that travel with one call; set on the index they would race between requests."""
    index = faiss.downcast_index(index)
    if isinstance(index, faiss.IndexRefine):
        base = _search_parameters(index.base_index, effort, selector)
        return faiss.IndexRefineSearchParameters(k_factor=_FACTOR, base_index_params=base)
    if isinstance(index, faiss.IndexPreTransform):
        return faiss.SearchParametersPreTransform(index_params=_search_parameters(index.index, effort, selector))
    if isinstance(index, faiss.IndexIVFRaBitQ):
        return faiss.IVFRaBitQSearchParameters(nprobe=effort, sel=selector, qb=_QUERY_BITS)
    if isinstance(index, faiss.IndexIVF):
        return faiss.SearchParametersIVF(nprobe=effort, sel=selector)
    if isinstance(index, faiss.IndexHNSW):
        return faiss.SearchParametersHNSW(efSearch=effort, sel=selector)
    return faiss.SearchParameters(sel=selector)


def _adjustable(index: Any) -> Any:
    """The part of a composed index that has a search effort."""
    index = faiss.downcast_index(index)
    if isinstance(index, faiss.IndexRefine):
        return _adjustable(index.base_index)
    if isinstance(index, faiss.IndexPreTransform):
        return _adjustable(index.index)
    return index
