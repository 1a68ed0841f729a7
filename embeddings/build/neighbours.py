"""Every paper's related papers, ranked once by the build, and the groups of near-duplicates among them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from embeddings.indexes.base import NO_ROW, LexicalIndex, VectorIndex
from embeddings.ranking import pipeline
from embeddings.ranking.candidates import Candidates, QueryKind, RankingQuery
from embeddings.ranking.weights import WEIGHTS
from embeddings.threads import single_threaded_blas

NEIGHBOURS = 50
"""Related papers stored for each paper: a page of ten with duplicates grouped, or several pages; 12 bytes each."""

_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class CorpusData:
    """Implements `RankingData` for a corpus that is being built.

    Attributes:
        index: Over the embeddings.
        lexical: Over the same rows.
        titles: Shape (n, dimension).
        languages: Shape (n,).
    """

    index: VectorIndex
    lexical: LexicalIndex
    titles: NDArray[np.int8]
    languages: NDArray[np.bytes_]


Block: TypeAlias = tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]
"""Rows, their similarities, their scores."""


def neighbours(data: CorpusData, *, threads: int = 1) -> Iterator[Block]:
    """Rank each paper's related papers by the pipeline that answers queries by paper, block by block.

    Args:
        data: Of the corpus, n papers.
        threads: Processors to use.

    Yields:
        Rows, their cosines and their scores for the next block, each of shape (block, min(NEIGHBOURS, n - 1)), best
        first; row `NO_ROW` and -inf where fewer were found. The row itself is never among them.
    """
    count = len(data.index)
    width = min(NEIGHBOURS, count - 1)
    candidates = WEIGHTS[QueryKind.PAPER].candidates
    for start in range(0, count, _BLOCK):
        own = np.arange(start, min(start + _BLOCK, count))
        vectors = data.index.vectors(own)
        # One more than are ranked, for the paper itself
        found = data.index.nearest(vectors, candidates + 1, threads=threads)
        rows = np.full((len(own), width), NO_ROW, dtype=np.int32)
        similarities = np.full((len(own), width), -np.inf, dtype=np.float32)
        scores = np.full((len(own), width), -np.inf, dtype=np.float32)
        with single_threaded_blas():
            for i, row in enumerate(own.tolist()):
                others = (found.rows[i] != row) & (found.rows[i] != NO_ROW)
                near, similarity = found.rows[i][others][:candidates], found.similarity[i][others][:candidates]
                ranked = pipeline.rank(Candidates(near, similarity, similarity), _query(row, vectors[i], data), data)
                best = ranked[:width]
                rows[i, : len(best)] = best.rows
                similarities[i, : len(best)] = best.similarity
                scores[i, : len(best)] = best.score
        yield rows, similarities, scores


def _query(row: int, vector: NDArray[np.float32], data: CorpusData) -> RankingQuery:
    return RankingQuery(
        kind=QueryKind.PAPER,
        vector=vector,
        term_vector=data.lexical.term_vector(row),
        language=bytes(data.languages[row]).decode(),
        exclude=(row,),
    )


class DuplicateGroups:
    """Groups near-duplicate rows: connected components of the pairs above a threshold, by union-find.

    A paper and its translation are less near than two versions in one language, so they have a threshold of their own,
    and each must be the other's nearest in its language.
    """

    def __init__(self, min_similarity: float, min_twin_similarity: float = 1.0) -> None:
        """Start without groups.

        Args:
            min_similarity: Rows so near or nearer belong together.
            min_twin_similarity: Rows in two languages so near or nearer may be translations.
        """
        self._min_similarity = min_similarity
        self._min_twin_similarity = min_twin_similarity
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
        for i, j in zip(*np.nonzero(scores >= self._min_similarity), strict=True):
            self._join(first_row + int(i), int(rows[i, j]))
        if foreign is None or not rows.shape[1]:
            return
        across = np.where(foreign, scores, -np.inf)
        nearest = across.argmax(axis=1)
        for i in np.flatnonzero(across.max(axis=1) >= self._min_twin_similarity).tolist():
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
