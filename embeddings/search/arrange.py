"""Ranked candidates into the order asked for: least values, one of each group of duplicates, diversification."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from embeddings.queries import SearchOptions
from embeddings.ranking.calibration import Curve
from embeddings.ranking.candidates import Candidates
from embeddings.ranking.mmr import diversify
from embeddings.snapshots.snapshot import Snapshot

DIVERSITY_POOL = 200
"""So many of the best candidates are diversified, the others follow: the same for every page, so that pages join."""

CurveOf = Callable[[Candidates], Curve]
"""Candidates → the curve of their scale; raises `InvalidOption` where there is none."""


def arrange(
    candidates: Candidates,
    options: SearchOptions,
    snapshot: Snapshot,
    *,
    needed: int,
    query_rows: Sequence[int],
    curve_of: CurveOf,
) -> Candidates:
    """Apply the options that select and order; at most `needed` candidates are returned.

    Args:
        candidates: Ranked, best first.
        options: What is asked for.
        snapshot: Of the candidates.
        needed: Hits up to the end of the page, and one more.
        query_rows: The query papers: of their groups of duplicates, no paper is a hit where duplicates are grouped.
        curve_of: For `min_probability`.

    Raises:
        InvalidOption: A probability is asked for that is not calibrated.
    """
    if options.min_similarity is not None:
        candidates = candidates[candidates.similarity >= options.min_similarity]
    if options.min_score is not None:
        candidates = candidates[candidates.score >= options.min_score]
    if options.min_probability is not None:
        probability = curve_of(candidates).probability(candidates.score)
        candidates = candidates[probability >= options.min_probability]
    if options.group_duplicates:
        candidates = candidates[_first_of_groups(candidates.rows, query_rows, snapshot)]
    if options.diversity and len(candidates):
        candidates = _diversified(candidates, options.diversity, snapshot)
    return candidates[:needed]


def nothing_else_passes(candidates: Candidates, options: SearchOptions, curve_of: CurveOf) -> bool:
    """Whether every paper that is not among these candidates is below one of the least values asked for."""
    if options.min_similarity is not None and candidates.bound < options.min_similarity:
        return True
    if not len(candidates):
        return False
    # No paper that was not ranked has a higher score than the last one that was
    last = candidates.score[-1:]
    if options.min_score is not None and last[0] < options.min_score:
        return True
    if options.min_probability is None:
        return False
    return bool(curve_of(candidates).probability(last)[0] < options.min_probability)


def _first_of_groups(rows: NDArray[np.int64], query_rows: Sequence[int], snapshot: Snapshot) -> NDArray[np.bool_]:
    """Keep the first row of each group of duplicates; none of a group that a query paper belongs to."""
    groups = snapshot.papers_db.groups([*rows.tolist(), *query_rows])
    seen = {groups[row] for row in query_rows if row in groups}
    kept = np.ones(len(rows), dtype=np.bool_)
    for i, row in enumerate(rows.tolist()):
        group = groups.get(row)
        if group is not None:
            kept[i] = group not in seen
            seen.add(group)
    return kept


def _diversified(candidates: Candidates, diversity: float, snapshot: Snapshot) -> Candidates:
    """The best candidates by maximal marginal relevance, then the others."""
    relevance = candidates.score
    pool = candidates[:DIVERSITY_POOL]
    # Scores in [0, 1], as they are shown: else the values of the formula would not be in [0, 1]
    shown = np.clip(pool.score, 0, 1)
    order, values = diversify(shown, snapshot.vectors(pool.rows), diversity)
    places = np.concatenate([order, np.arange(len(pool), len(candidates))])
    # The others have no novelty of their own: with 0 they rank below all that was diversified
    rest = np.clip(relevance[len(pool) :], 0, 1) * np.float32(1 - diversity)
    diversified = replace(candidates, relevance=relevance)[places]
    return replace(diversified, score=np.concatenate([values, rest]).astype(np.float32))
