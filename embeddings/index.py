"""The door to FAISS: unit rows into an index, nearest rows and scores out."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from embeddings.errors import BuildError, SnapshotError

VERSION: str = faiss.__version__

NO_HIT = -1  # FAISS fills a short answer with this label

# Up to here exact search answers in milliseconds on one core (1 M rows of 384: 117 ms), so nothing is given away.
LARGEST_EXACT = 50_000
_ADD_ROWS = 65_536
_TRAINING_ROWS_A_LIST = 64
_LEAST_TRAINING_ROWS_A_LIST = 39  # below it FAISS warns that its clusters are badly learnt


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """How an index was made and is searched.

    Attributes:
        factory: FAISS factory string.
        effort: Lists probed (IVF) or candidates kept (HNSW) for each query; 0 where the index has no such choice.
    """

    factory: str
    effort: int = 0


class DenseIndex:
    """A FAISS index over unit rows, inner product. Searching is safe from many threads and changes nothing."""

    def __init__(self, index: Any, spec: IndexSpec) -> None:
        """Wrap a FAISS index and how it is to be searched."""
        self._index = index
        self.spec = spec

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """Length of its vectors."""
        return int(self._index.d)

    @property
    def exact(self) -> bool:
        """Whether the answers are the true nearest rows and the scores true cosines."""
        return isinstance(self._index, faiss.IndexFlat)

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
        faiss.omp_set_num_threads(threads)  # a setting of the calling thread, not of the index
        bitmap = None if among is None else np.packbits(among, bitorder="little")
        selector = None if bitmap is None else faiss.IDSelectorBitmap(bitmap)
        parameters = _search_parameters(self._index, self._effort(among), selector)
        scores, rows = self._index.search(np.ascontiguousarray(queries), count, params=parameters)
        return np.where(rows == NO_HIT, -np.inf, scores).astype(np.float32), rows

    def _effort(self, among: NDArray[np.bool_] | None) -> int:
        """As much more as rows are left out, so that as many are compared as without a filter."""
        if among is None:
            return self.spec.effort
        wanted = math.ceil(self.spec.effort * len(self) / max(1, int(np.count_nonzero(among))))
        return min(_most_effort(self._index), wanted)

    def save(self, path: Path) -> None:
        """Write the index to a file.

        Raises:
            OSError: It cannot be written. FAISS's own writer only prints that the disk is full, and goes on.
        """
        with path.open("wb") as file:
            faiss.write_index(self._index, faiss.PyCallbackIOWriter(file.write))


def choose(count: int) -> str:
    """The factory string for so many rows: exact while that is fast, else inverted lists of 8-bit vectors.

    4 sqrt(n) lists, rounded to a power of two, is the middle of what FAISS's guidelines recommend.
    """
    if count <= LARGEST_EXACT:
        return "Flat"
    lists = 2 ** round(math.log2(4 * math.sqrt(count)))
    return f"IVF{lists},SQ8"


def build(embeddings: NDArray[np.float32], factory: str, *, threads: int = 1) -> DenseIndex:
    """Index unit rows.

    Args:
        embeddings: Shape (n, dimension), n at least 1; may be memory-mapped, is read in parts.
        factory: FAISS factory string.
        threads: Processors to use.

    Raises:
        BuildError: FAISS does not know the factory string, or n is too few to train it.
    """
    count, dimension = embeddings.shape
    faiss.omp_set_num_threads(threads)
    try:
        index = faiss.index_factory(dimension, factory, faiss.METRIC_INNER_PRODUCT)
        if not index.is_trained:
            index.train(_training_rows(index, embeddings))
        for start in range(0, count, _ADD_ROWS):
            index.add(np.ascontiguousarray(embeddings[start : start + _ADD_ROWS]))
    except (RuntimeError, AssertionError, TypeError) as error:
        reason = str(error).rsplit("Error: ", 1)[-1].strip() or type(error).__name__
        raise BuildError(
            f"FAISS cannot make an index {factory!r} of {count} vectors of {dimension}: {reason}; "
            f"leave --index out to have {choose(count)!r} chosen"
        ) from error
    return DenseIndex(index, IndexSpec(factory, _least_effort(index)))


def tune(
    index: DenseIndex,
    queries: NDArray[np.float32],
    truth: NDArray[np.float32],
    least_recall: float,
    *,
    threads: int = 1,
) -> tuple[DenseIndex, float]:
    """Raise the search effort until the index finds enough of the exact neighbours.

    Args:
        index: Freshly built.
        queries: Shape (m, dimension).
        truth: Shape (m, k): scores of the exact nearest rows, best first.
        least_recall: Wanted index recall@k, in [0, 1].
        threads: Processors to use.

    Returns:
        The index with the least effort tried that reaches it, or with the most there is; and its index recall@k.
    """
    most = _most_effort(index._index)
    while True:
        scores, _ = index.nearest(queries, truth.shape[1], threads=threads)
        reached = recall(scores, truth)
        if reached >= least_recall or index.spec.effort >= most:
            return index, reached
        effort = min(most, index.spec.effort * 2)
        index = DenseIndex(index._index, IndexSpec(index.spec.factory, effort))


def recall(scores: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
    """Index recall@k by score: the share of answers at least as near as the k-th exact neighbour.

    Ties and quantisation are no errors: an answer counts within 1e-3 of that neighbour's score
    (ann-benchmarks, `knn_threshold`).

    Args:
        scores: Shape (m, k): scores of what was found, -inf where nothing was.
        truth: Shape (m, k): scores of the exact neighbours, best first.
    """
    return float(np.mean(scores >= truth[:, -1:] - 1e-3))


def load(path: Path, spec: IndexSpec) -> DenseIndex:
    """Map an index file into memory, shared by all processes that do.

    Raises:
        SnapshotError: The file is missing or no FAISS index.
    """
    try:
        # IO_FLAG_MMAP maps inverted lists only; this one maps flat, HNSW and scalar-quantised storage too.
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as error:
        raise SnapshotError(f"{path} cannot be read as a FAISS index: {error}") from error
    return DenseIndex(index, spec)


def _training_rows(index: Any, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """A fixed random sample, so that the same embeddings give the same index."""
    inverted = faiss.try_extract_index_ivf(index)
    lists = int(inverted.nlist) if inverted else 1024
    wanted = min(len(embeddings), lists * _TRAINING_ROWS_A_LIST)
    if inverted and len(embeddings) < lists * _LEAST_TRAINING_ROWS_A_LIST:
        raise RuntimeError(f"Error: {lists} lists need {lists * _LEAST_TRAINING_ROWS_A_LIST} vectors to be learnt from")
    rows = np.sort(np.random.default_rng(0).choice(len(embeddings), wanted, replace=False))
    return np.ascontiguousarray(embeddings[rows])


def _search_parameters(index: Any, effort: int, selector: Any) -> Any:
    """Parameters that travel with one call; set on the index they would race between requests."""
    index = faiss.downcast_index(index)
    if isinstance(index, faiss.IndexRefine):
        base = _search_parameters(index.base_index, effort, selector)
        return faiss.IndexRefineSearchParameters(k_factor=4, base_index_params=base)
    if isinstance(index, faiss.IndexPreTransform):
        return faiss.SearchParametersPreTransform(index_params=_search_parameters(index.index, effort, selector))
    if isinstance(index, faiss.IndexIVF):
        return faiss.SearchParametersIVF(nprobe=effort, sel=selector)
    if isinstance(index, faiss.IndexHNSW):
        return faiss.SearchParametersHNSW(efSearch=effort, sel=selector)
    return faiss.SearchParameters(sel=selector)


def _least_effort(index: Any) -> int:
    kind = _adjustable(index)
    if isinstance(kind, faiss.IndexIVF):
        return min(8, int(kind.nlist))
    return 32 if isinstance(kind, faiss.IndexHNSW) else 0


def _most_effort(index: Any) -> int:
    kind = _adjustable(index)
    if isinstance(kind, faiss.IndexIVF):
        return int(kind.nlist)
    return 1024 if isinstance(kind, faiss.IndexHNSW) else 0


def _adjustable(index: Any) -> Any:
    """The part of a composed index that has a search effort."""
    index = faiss.downcast_index(index)
    if isinstance(index, faiss.IndexRefine):
        return _adjustable(index.base_index)
    if isinstance(index, faiss.IndexPreTransform):
        return _adjustable(index.index)
    return index
