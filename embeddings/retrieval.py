"""Candidates for a query, best first: by meaning, by words, or by both."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embeddings.fusion import CANDIDATES, fuse
from embeddings.index import NO_HIT
from embeddings.snapshot import Snapshot

# Up to so many admitted rows, reading them all is quicker than searching around the others
_SCANNED_ROWS = 20_000
_SCAN_BLOCK = 8_192


@dataclass(frozen=True, slots=True)
class Ranked:
    """Rows in order.

    Attributes:
        rows: Shape (m,).
        scores: Shape (m,): cosine of each to the query.
        relevance: Shape (m,): what the order goes by, highest first; the scores themselves in dense order.
        lexical: Shape (m,): BM25 of each; None where words were not looked at.
        complete: Whether there are no other candidates.
        bound: No other candidate has a higher score than this.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    relevance: NDArray[np.float32]
    lexical: NDArray[np.float32] | None
    complete: bool
    bound: float = 1.0

    def __getitem__(self, chosen: "slice | NDArray[np.bool_] | NDArray[np.int64]") -> "Ranked":
        """Some of the rows, in the order chosen."""
        lexical = None if self.lexical is None else self.lexical[chosen]
        return Ranked(
            self.rows[chosen], self.scores[chosen], self.relevance[chosen], lexical, self.complete, self.bound
        )

    def __len__(self) -> int:
        return len(self.rows)


class Retriever:
    """Finds candidates in one snapshot. Safe from many threads."""

    def __init__(self, snapshot: Snapshot) -> None:
        """Search this snapshot."""
        self._snapshot = snapshot

    def dense(self, query: NDArray[np.float32], admitted: NDArray[np.bool_] | None, depth: int) -> Ranked:
        """The `depth` admitted papers with the highest cosine, whatever the kind of index; fewer if there are fewer.

        Args:
            query: Shape (dimension,), length 1.
            admitted: Shape (papers,); None admits all.
            depth: Most candidates.
        """
        snapshot = self._snapshot
        total = len(snapshot) if admitted is None else int(admitted.sum())
        depth = min(depth, total)
        if depth == 0:
            nothing = np.empty(0, dtype=np.float32)
            return Ranked(np.empty(0, dtype=np.int64), nothing, nothing, None, True)
        small = total <= _SCANNED_ROWS and not (admitted is None and snapshot.index.exact)
        rows = np.empty(0, dtype=np.int64)
        if not small:
            _, found = snapshot.index.nearest(query[None], depth, among=admitted)
            rows = found[0][found[0] != NO_HIT]
        if len(rows) < depth:  # or an approximate index looked in the wrong lists: what exists must be found
            rows = np.arange(total) if admitted is None else np.flatnonzero(admitted)
        scores = self._cosines(rows, query)
        order = _best_first(scores, rows)[:depth]
        best = scores[order]
        return Ranked(rows[order], best, best, None, depth == total, float(best[-1]))

    def lexical(
        self, query: NDArray[np.float32], terms: Sequence[str], admitted: NDArray[np.bool_] | None, depth: int
    ) -> Ranked:
        """The `depth` admitted papers with the highest BM25, of those that have any of the terms.

        Args:
            query: Shape (dimension,), for the scores.
            terms: See `terms.terms`.
            admitted: Shape (papers,); None admits all.
            depth: Most candidates.
        """
        matches = self._matches(terms, admitted)
        best = _highest(matches, depth)
        complete = len(best) == np.count_nonzero(matches)
        return Ranked(best, self._cosines(best, query), matches[best], matches[best], complete)

    def hybrid(
        self, query: NDArray[np.float32], terms: Sequence[str], admitted: NDArray[np.bool_] | None, depth: int
    ) -> Ranked:
        """The best of both legs ordered by fused relevance, then all others by cosine, up to `depth` in all.

        Args:
            query: Shape (dimension,), length 1.
            terms: See `terms.terms`.
            admitted: Shape (papers,); None admits all.
            depth: Most candidates; at least those of the two legs are looked at.
        """
        # What is fused does not depend on the page, so that pages join; what follows is in dense order
        near = self.dense(query, admitted, max(depth, CANDIDATES))
        matches = self._matches(terms, admitted)
        rows = np.union1d(near.rows[:CANDIDATES], _highest(matches, CANDIDATES))
        scores = self._cosines(rows, query)
        relevance = fuse(scores, matches[rows], self._snapshot.lexical.ceiling(terms))
        order = _best_first(relevance, rows, scores)
        rest = near[CANDIDATES:]
        rest = rest[~np.isin(rest.rows, rows)]
        # What comes after the fused has no relevance of its own: keep it below, in its own order
        below = rest.scores + (relevance.min(initial=0.0) - rest.scores.max(initial=0.0))
        return Ranked(
            np.concatenate([rows[order], rest.rows]),
            np.concatenate([scores[order], rest.scores]),
            np.concatenate([relevance[order], below]).astype(np.float32),
            np.concatenate([matches[rows[order]], matches[rest.rows]]),
            near.complete,
            near.bound,
        )

    def _matches(self, terms: Sequence[str], admitted: NDArray[np.bool_] | None) -> NDArray[np.float32]:
        """BM25 of every paper, shape (papers,), 0 where it has none of the terms or is not admitted."""
        matches = self._snapshot.lexical.scores(terms)
        if admitted is not None:
            matches[~admitted] = 0
        return matches

    def _cosines(self, rows: NDArray[np.int64], query: NDArray[np.float32]) -> NDArray[np.float32]:
        """Exact cosines of these rows, read a block at a time."""
        scores = np.empty(len(rows), dtype=np.float32)
        for start in range(0, len(rows), _SCAN_BLOCK):
            block = rows[start : start + _SCAN_BLOCK]
            scores[start : start + len(block)] = self._snapshot.vectors(block) @ query
        return scores


def _highest(matches: NDArray[np.float32], most: int) -> NDArray[np.int64]:
    """Rows of the highest values above 0, best first, without ordering the many others."""
    rows = np.flatnonzero(matches)
    if len(rows) > most:
        least = np.partition(matches[rows], len(rows) - most)[len(rows) - most]
        rows = rows[matches[rows] >= least]  # all that tie for the last place, of which the order takes the first
    return rows[_best_first(matches[rows], rows)[:most]]


def _best_first(
    values: NDArray[np.float32], rows: NDArray[np.int64], ties: NDArray[np.float32] | None = None
) -> NDArray[np.int64]:
    """Positions in order: the highest value first, equal ones by `ties`, then by row."""
    return np.lexsort((rows, -values) if ties is None else (rows, -ties, -values))
