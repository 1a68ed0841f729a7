"""Builds a FAISS index: trained on a sample, filled shard by shard, merged."""

from collections.abc import Iterable, Iterator
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from embeddings.errors import BuildError
from embeddings.indexes.faiss import block_lists
from embeddings.indexes.faiss.choice import LEAST_TRAINING_ROWS_A_LIST, choose
from embeddings.indexes.faiss.faiss_index import FaissIndex, IndexSpec

ALIGNMENT = 4096
"""Shards begin at multiples of so many rows. FAISS assigns rows to lists by matrix products over blocks of 4,096 rows
(`distance_compute_blas_query_bs`). BLAS may round a row differently in a block of another height, so a row must be in
the same block whether it is added with all others or with its shard."""

_ADD_ROWS = 65_536
_TRAINING_ROWS_A_LIST = 64
_LEAST_TRAINING_ROWS = 16_384  # for product codes where there are few lists


class IndexAssembler:
    """Makes an index in three steps, so that the second can run in several processes.

    `train` learns centroids and codebooks from a sample, `add` makes one shard of the index from consecutive rows, and
    `merge` joins the shards in row order. The shards may be any number: for exact indexes, and for inverted indexes of
    the kinds that `choice` selects, the merged index is written as the same bytes as that of a single shard, provided
    that shards begin at multiples of `ALIGNMENT` and the processor is of one type. A single build has one shard.
    """

    def __init__(self, factory: str, dimension: int, count: int, *, threads: int = 1) -> None:
        """Create the empty index.

        Args:
            factory: FAISS factory string.
            dimension: Of the vectors.
            count: Vectors that all shards have together, at least 1.
            threads: Processors to use.

        Raises:
            BuildError: FAISS does not know the factory string.
        """
        self.factory = factory
        self.dimension = dimension
        self.count = count
        self.threads = threads
        faiss.omp_set_num_threads(threads)
        try:
            self._empty = faiss.index_factory(dimension, factory, faiss.METRIC_INNER_PRODUCT)
        except (RuntimeError, AssertionError, TypeError) as error:
            raise self._error(error) from error

    def training_rows(self) -> NDArray[np.int64]:
        """Choose the rows to train on: random, but the same for the same count and factory string.

        Returns:
            Shape (m,), ascending; empty where the index needs no training.

        Raises:
            BuildError: There are too few vectors to train on.
        """
        if self._empty.is_trained:
            return np.empty(0, dtype=np.int64)
        inverted = faiss.try_extract_index_ivf(self._empty)
        lists = int(inverted.nlist) if inverted else 1024
        least = lists * LEAST_TRAINING_ROWS_A_LIST
        if inverted and lists > 1 and self.count < least:
            raise self._error(RuntimeError(f"Error: {lists} lists need {least} vectors to be trained on"))
        wanted = min(self.count, max(_LEAST_TRAINING_ROWS, lists * _TRAINING_ROWS_A_LIST))
        return np.sort(np.random.default_rng(0).choice(self.count, wanted, replace=False))

    def train(self, sample: NDArray[np.float32]) -> None:
        """Learn centroids and codebooks.

        Args:
            sample: The vectors of `training_rows`, shape (m, dimension). Ignored where the index needs no training.

        Raises:
            BuildError: FAISS cannot train the index.
        """
        if self._empty.is_trained:
            return
        sample = np.ascontiguousarray(sample)
        faiss.omp_set_num_threads(self.threads)
        try:
            if isinstance(faiss.downcast_index(self._empty), faiss.IndexIVF):
                # The lists use all threads, the codebooks one: training those is hundreds of short tasks, which wait
                # for each other longer than they compute where processors are busy
                self._empty.train_q1(len(sample), faiss.swig_ptr(sample), False, self._empty.metric_type)
                faiss.omp_set_num_threads(1)
            self._empty.train(sample)
        except (RuntimeError, AssertionError, TypeError) as error:
            raise self._error(error) from error

    def add(self, rows: Iterable[NDArray[np.float32]]) -> Any:
        """Make a shard.

        Args:
            rows: Its vectors in row order, in arrays of shape (m, dimension); m is a multiple of `ALIGNMENT`, except
                in the last array.

        Returns:
            A FAISS index of the shard's vectors alone, numbered from 0. Can be pickled.

        Raises:
            BuildError: FAISS cannot add the vectors.
        """
        # `clone_index` would share the packer of block lists between both indexes, and free it twice
        shard = faiss.deserialize_index(faiss.serialize_index(self._empty))
        faiss.omp_set_num_threads(self.threads)
        try:
            for block in rows:
                shard.add(np.ascontiguousarray(block))
        except (RuntimeError, AssertionError, TypeError) as error:
            raise self._error(error) from error
        return shard

    def merge(self, shards: Iterable[Any]) -> Any:
        """Join shards.

        Args:
            shards: As `add` makes them, in row order, at least one. The first receives the codes of all others.

        Returns:
            The FAISS index of all vectors, numbered in the order of the shards.

        Raises:
            BuildError: Shards of this kind of index cannot be joined (graphs), or the vectors are not `count`.
        """
        remaining = iter(shards)
        merged = next(remaining)
        for shard in remaining:
            if not _append(merged, shard):
                raise self._error(RuntimeError("Error: several shards of this kind cannot be merged; build it as one"))
        if merged.ntotal != self.count:
            raise BuildError(f"the shards hold {merged.ntotal} vectors, {self.count} were announced")
        return merged

    def _error(self, error: Exception) -> BuildError:
        reason = str(error).rsplit("Error: ", 1)[-1].strip() or type(error).__name__
        return BuildError(
            f"FAISS cannot make an index {self.factory!r} of {self.count} vectors of {self.dimension}: {reason}; "
            f"leave --index out to have {choose(self.count, self.dimension)!r} chosen"
        )


def build(embeddings: NDArray[np.float32], factory: str, *, threads: int = 1, shards: int = 1) -> FaissIndex:
    """Index unit rows.

    Args:
        embeddings: Shape (n, dimension), n at least 1; may be memory-mapped, is read in parts.
        factory: FAISS factory string.
        threads: Processors to use.
        shards: Into how many shards to divide the rows. Does not change the result.

    Raises:
        BuildError: FAISS does not know the factory string, or n is too few to train it.
    """
    count, dimension = embeddings.shape
    assembler = IndexAssembler(factory, dimension, count, threads=threads)
    assembler.train(embeddings[assembler.training_rows()])
    index = assembler.merge(assembler.add(_blocks(embeddings[start:end])) for start, end in shard_bounds(count, shards))
    least = FaissIndex(index, IndexSpec(factory), embeddings)
    return least if least.exact else least.searched(effort=min(8, least.most_effort), refine=4)


def shard_bounds(count: int, shards: int) -> list[tuple[int, int]]:
    """Divide rows into shards of nearly equal size that begin at multiples of `ALIGNMENT`.

    Args:
        count: Rows, at least 1.
        shards: At least 1; fewer result where there are fewer multiples.

    Returns:
        First row and the row after the last one, for each shard.
    """
    rows = -(-count // (shards * ALIGNMENT)) * ALIGNMENT
    return [(start, min(start + rows, count)) for start in range(0, count, rows)]


def _blocks(embeddings: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(embeddings), _ADD_ROWS):
        yield embeddings[start : start + _ADD_ROWS]


def _append(index: Any, shard: Any) -> bool:
    """Move the vectors of a shard to the end of an index; whether that is possible for this kind of index."""
    merged, added = faiss.downcast_index(index), faiss.downcast_index(shard)
    if isinstance(merged, faiss.IndexPreTransform):
        possible = _append(merged.index, added.index)
        merged.ntotal = merged.index.ntotal
        return possible
    if isinstance(merged, faiss.IndexIVFPQFastScan):
        block_lists.append(merged, added)
        return True
    if isinstance(merged, faiss.IndexIVF) and not isinstance(merged, faiss.IndexIVFFastScan):
        merged.merge_from(added, merged.ntotal)
        return True
    if isinstance(merged, faiss.IndexFlatCodes):
        merged.merge_from(added)
        return True
    return False
