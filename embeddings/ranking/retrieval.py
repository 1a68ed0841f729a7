"""Candidates for a query, best first: by meaning, by words, or by both."""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from embeddings.indexes.faiss.faiss_index import NO_HIT
from embeddings.indexes.title_embeddings import cosines as title_cosines
from embeddings.queries import Scale, Stage
from embeddings.ranking.feedback import FEEDBACK_PAPERS, towards
from embeddings.ranking.fusion import CANDIDATES, RELATED_CANDIDATES, alike, fair, fuse, with_titles
from embeddings.ranking.smoothing import smooth
from embeddings.snapshots.snapshot import Snapshot
from embeddings.texts.language import UNDETERMINED

# Up to so many admitted rows, reading them all is quicker than searching around the others
_SCANNED_ROWS = 20_000
_SCAN_BLOCK = 8_192

# Of the candidates, how many may be in another language than the query for smoothing to be heard
_MOST_FOREIGN = 0.1

_UNMIXED = frozenset({Stage.SMOOTHING})
# By the stages that keep silent
_SCALES: dict[Set[Stage], Scale] = {frozenset(): Scale.TEXT, _UNMIXED: Scale.FUSED}


@dataclass(frozen=True, slots=True)
class Ranked:
    """Rows in order.

    Attributes:
        rows: Shape (m,).
        scores: Shape (m,): cosine of each to the query.
        relevance: Shape (m,): what the order goes by, highest first; the scores themselves in dense order.
        complete: Whether there are no other candidates.
        bound: No other candidate has a higher score than this.
        parts: Other fields of `Stages` by name, each of shape (m,); NaN where a stage had nothing to say.
        scale: What relevance is measured on; None where nothing can be calibrated: words alone, or stages left out.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    relevance: NDArray[np.float32]
    complete: bool
    bound: float = 1.0
    parts: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    scale: Scale | None = None

    def __getitem__(self, chosen: "slice | NDArray[np.bool_] | NDArray[np.int64]") -> "Ranked":
        """Some of the rows, in the order chosen."""
        return Ranked(
            self.rows[chosen],
            self.scores[chosen],
            self.relevance[chosen],
            self.complete,
            self.bound,
            {name: part[chosen] for name, part in self.parts.items()},
            self.scale,
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
            return Ranked(np.empty(0, dtype=np.int64), nothing, nothing, complete=True)
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
        return Ranked(rows[order], best, best, depth == total, float(best[-1]))

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
        rows, matches = self._snapshot.lexical.best(terms, depth + 1, admitted)  # one more tells if anything follows
        best, said = rows[:depth], matches[:depth]
        return Ranked(best, self._cosines(best, query), said, len(rows) <= depth, parts={"lexical": said})

    def hybrid(
        self,
        query: NDArray[np.float32],
        terms: Sequence[str],
        admitted: NDArray[np.bool_] | None,
        depth: int,
        without: Set[Stage] = frozenset(),
        language: str = UNDETERMINED,
    ) -> Ranked:
        """The best of both legs by relevance, then all others by cosine, up to `depth` in all.

        Relevance is the cosine, of which the title's has a part; moved by what is best at first (`rocchio.towards`);
        fused with the words (`fusion.fuse`); and averaged with that of like candidates (`smoothing.smooth`).

        Args:
            query: Shape (dimension,), length 1.
            terms: See `terms.terms`.
            admitted: Shape (papers,); None admits all.
            depth: Most candidates; at least those of the two legs are looked at.
            without: Stages to leave out.
            language: Of the query, so that papers in other languages are not held to its words (`fusion.fair`). Where
                they are many, smoothing, which favours the query's language, is left out.
        """
        # What is weighed does not depend on the page, so that pages join; what follows is in dense order
        near = self.dense(query, admitted, CANDIDATES)
        words = [] if Stage.WORDS in without else terms
        rows = np.union1d(near.rows, self._snapshot.lexical.best(words, CANDIDATES, admitted)[0])
        matches = self._snapshot.lexical.scores_of(words, rows)
        vectors = self._snapshot.vectors(rows)
        scores = vectors @ query
        parts = {"lexical": matches} if Stage.WORDS not in without else {}
        titles = np.full(len(rows), np.nan, dtype=np.float32)
        if Stage.TITLE not in without:
            titles = parts["title"] = title_cosines(self._snapshot.titles[rows], query)
        ceiling = self._snapshot.lexical.ceiling(words)
        foreign = self._snapshot.languages[rows] != language.encode()
        if language == UNDETERMINED:
            foreign[:] = False
        words_said = fair(scores, matches, foreign, ceiling)
        relevance = fuse(with_titles(scores, titles), words_said, ceiling)
        mixed = len(rows) > 0 and foreign.mean() > _MOST_FOREIGN
        if Stage.FEEDBACK not in without and len(rows):
            best = _best_first(relevance, rows, scores)[:FEEDBACK_PAPERS]
            parts["feedback"] = vectors @ towards(query, vectors[best])
            relevance = fuse(with_titles(parts["feedback"], titles), words_said, ceiling)
        parts["fused"] = relevance
        if Stage.SMOOTHING not in without and not mixed:
            relevance = smooth(relevance, vectors)
        scale = _SCALES.get(_UNMIXED | without if mixed else frozenset(without))
        ranked = Ranked(rows, scores, relevance, near.complete, near.bound, parts, scale)
        ranked = ranked[_best_first(relevance, rows, scores)]
        if depth <= len(near):
            return ranked
        near = self.dense(query, admitted, depth)
        return _followed(ranked, near, self._snapshot.lexical.scores_of(words, near.rows))

    def related(
        self, row: int, admitted: NDArray[np.bool_] | None, depth: int, without: Set[Stage] = frozenset()
    ) -> Ranked:
        """A paper's nearest by relevance, then all others by cosine, up to `depth` in all; the paper not among them.

        Relevance is the cosine fused with that of the words (`fusion.alike`), averaged with that of like candidates.

        Args:
            row: Of the paper.
            admitted: Shape (papers,), the paper itself False.
            depth: Most candidates; at least the nearest 100 are looked at.
            without: Stages to leave out: words, smoothing.
        """
        query = self._snapshot.vectors([row])[0]
        near = self.dense(query, admitted, RELATED_CANDIDATES)
        relevance = near.scores
        parts = {}
        if Stage.WORDS not in without:
            parts["lexical"] = self._snapshot.lexical.likeness(row, near.rows)
            languages = self._snapshot.languages
            foreign = languages[near.rows] != languages[row]
            relevance = alike(near.scores, fair(near.scores, parts["lexical"], foreign, 1.0))
        if Stage.SMOOTHING not in without:
            relevance = smooth(relevance, self._snapshot.vectors(near.rows))
        scale = None if without & {Stage.WORDS, Stage.SMOOTHING} else Scale.PAPER
        ranked = Ranked(near.rows, near.scores, relevance, near.complete, near.bound, parts, scale)
        ranked = ranked[_best_first(relevance, near.rows, near.scores)]
        return ranked if depth <= len(near) else _followed(ranked, self.dense(query, admitted, depth))

    def _cosines(self, rows: NDArray[np.int64], query: NDArray[np.float32]) -> NDArray[np.float32]:
        """Exact cosines of these rows, read a block at a time."""
        scores = np.empty(len(rows), dtype=np.float32)
        for start in range(0, len(rows), _SCAN_BLOCK):
            block = rows[start : start + _SCAN_BLOCK]
            scores[start : start + len(block)] = self._snapshot.vectors(block) @ query
        return scores


def _followed(first: Ranked, near: Ranked, matches: NDArray[np.float32] | None = None) -> Ranked:
    """Candidates, then whatever else is near in dense order.

    What follows has no relevance of its own: it is put below, in its own order. `matches` is BM25 of all near ones.
    """
    others = ~np.isin(near.rows, first.rows)
    rest = near[others]
    below = rest.scores + (first.relevance.min(initial=0.0) - rest.scores.max(initial=0.0))
    parts = {}
    for name, part in first.parts.items():
        unknown = np.full(len(rest), np.nan, dtype=np.float32)
        following = matches[others] if name == "lexical" and matches is not None else unknown
        parts[name] = np.concatenate([part, following])
    return Ranked(
        np.concatenate([first.rows, rest.rows]),
        np.concatenate([first.scores, rest.scores]),
        np.concatenate([first.relevance, below]).astype(np.float32),
        near.complete,
        near.bound,
        parts,
        first.scale,
    )


def _best_first(
    values: NDArray[np.float32], rows: NDArray[np.int64], ties: NDArray[np.float32] | None = None
) -> NDArray[np.int64]:
    """Positions in order: the highest value first, equal ones by `ties`, then by row."""
    return np.lexsort((rows, -values) if ties is None else (rows, -ties, -values))
