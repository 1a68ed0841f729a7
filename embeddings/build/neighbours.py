"""Every paper's nearest papers, computed once at build, and the groups of near-duplicates among them."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from embeddings.indexes.faiss.faiss_index import NO_HIT, FaissIndex
from embeddings.ranking.fusion import RELATED_CANDIDATES, alike, fair
from embeddings.ranking.smoothing import smooth
from embeddings.threads import single_threaded_blas

# Enough for a page of ten with duplicates grouped and for several pages; 12 bytes each on disk.
NEIGHBOURS = 50

_BLOCK = 1024
_SPARE = 8  # more candidates than asked for: an approximate index orders by approximate scores


Likeness: TypeAlias = Callable[[int, NDArray[np.int64]], NDArray[np.float32]]
"""A row and others → how alike their words are, see `LexicalIndex.likeness`."""

Block: TypeAlias = tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]
"""Rows, their cosines, their relevance."""


def neighbours(
    index: FaissIndex,
    embeddings: NDArray[np.float32],
    likeness: Likeness,
    languages: NDArray[np.bytes_],
    *,
    threads: int = 1,
) -> Iterator[Block]:
    """Find each row's most relevant other rows, block by block.

    The 100 nearest are ordered as `Retriever.related` orders them, by meaning and words.

    Args:
        index: Over the embeddings.
        embeddings: Shape (n, dimension), unit rows; may be memory-mapped.
        likeness: Of the same rows.
        languages: Shape (n,), of the same rows.
        threads: Processors to use.

    Yields:
        Rows, their cosines and their relevance for the next block, each of shape (block, min(NEIGHBOURS, n - 1)), best
        first; row `NO_HIT` and -inf where the index found fewer. The row itself is never among them.
    """
    count = len(embeddings)
    width = min(NEIGHBOURS, count - 1)
    for start in range(0, count, _BLOCK):
        block = np.asarray(embeddings[start : start + _BLOCK])
        _, found = index.nearest(block, RELATED_CANDIDATES + 1 + _SPARE, threads=threads)
        rows = np.full((len(block), width), NO_HIT, dtype=np.int32)
        scores = np.full((len(block), width), -np.inf, dtype=np.float32)
        relevance = np.full((len(block), width), -np.inf, dtype=np.float32)
        with single_threaded_blas():
            for i in range(len(block)):
                own = start + i
                others = found[i][(found[i] != own) & (found[i] != NO_HIT)]
                vectors = embeddings[others]
                cosines = vectors @ block[i]
                near = np.lexsort((others, -cosines))[:RELATED_CANDIDATES]
                foreign = languages[others[near]] != languages[own]
                words = fair(cosines[near], likeness(own, others[near]), foreign, 1.0)
                weighed = smooth(alike(cosines[near], words), vectors[near])
                order = np.lexsort((others[near], -cosines[near], -weighed))[:width]
                rows[i, : len(order)] = others[near][order]
                scores[i, : len(order)] = cosines[near][order]
                relevance[i, : len(order)] = weighed[order]
        yield rows, scores, relevance


class DuplicateGroups:
    """Groups rows that are alike, directly or through others (connected components, by union and find).

    A paper and its translation are less near than two versions in one language, so they have a threshold of their own,
    and each must be the other's nearest in its language.
    """

    def __init__(self, least_score: float, least_twin_score: float = 1.0) -> None:
        """Start without groups.

        Args:
            least_score: Rows so near or nearer belong together.
            least_twin_score: Rows in two languages so near or nearer may be translations.
        """
        self._least_score = least_score
        self._least_twin_score = least_twin_score
        self._parent: dict[int, int] = {}
        self._twins: dict[int, int] = {}

    def add(
        self,
        first_row: int,
        rows: NDArray[np.int32],
        scores: NDArray[np.float32],
        foreign: NDArray[np.bool_] | None = None,
    ) -> None:
        """Take in a block of neighbours, as `neighbours` yields them, whose first row is `first_row`.

        Args:
            first_row: Of the block.
            rows: Shape (n, k).
            scores: Shape (n, k).
            foreign: Shape (n, k), whether a neighbour is in another language; None where all are in one.
        """
        for i, j in zip(*np.nonzero(scores >= self._least_score), strict=True):
            self._join(first_row + int(i), int(rows[i, j]))
        if foreign is None or not rows.shape[1]:
            return
        across = np.where(foreign, scores, -np.inf)
        nearest = across.argmax(axis=1)
        for i in np.flatnonzero(across.max(axis=1) >= self._least_twin_score).tolist():
            self._twins[first_row + i] = int(rows[i, nearest[i]])

    def groups(self) -> dict[int, int]:
        """Rows that have near-duplicates or translations → the lowest row of their group."""
        for row, twin in self._twins.items():
            if self._twins.get(twin) == row:
                self._join(row, twin)
        return {row: self._root(row) for row in sorted(self._parent)}

    def _join(self, row: int, other: int) -> None:
        one, two = self._root(row), self._root(other)
        self._parent[max(one, two)] = min(one, two)

    def _root(self, row: int) -> int:
        self._parent.setdefault(row, row)
        while self._parent[row] != row:
            self._parent[row] = self._parent[self._parent[row]]
            row = self._parent[row]
        return row
