"""Score regularisation: averages each candidate's score with those of its nearest candidates."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from embeddings.ranking.candidates import Candidates, RankingData, RankingQuery
from embeddings.ranking.stage import Stage
from embeddings.ranking.stage_names import StageName
from embeddings.ranking.stages.cross_language import in_another_language
from embeddings.ranking.weights import Weights

NEAREST = 5

# Of a text's candidates, the fraction in another language above which smoothing, which favours the query's language,
# is skipped
_MAX_FOREIGN_FRACTION = 0.1


def apply(candidates: Candidates, query: RankingQuery, data: RankingData, weights: Weights) -> Candidates:
    """See `Stage.apply`."""
    if not weights.smooth_across_languages and len(candidates):
        if in_another_language(candidates.rows, query, data).mean() > _MAX_FOREIGN_FRACTION:
            return candidates
    score = smooth(candidates.score, candidates.read_vectors(data), weights.smoothing)
    return replace(candidates.with_stage(StageName.SMOOTHING, score), score=score)


def smooth(scores: NDArray[np.float32], vectors: NDArray[np.float32], weight: float) -> NDArray[np.float32]:
    """Average each score with those of the nearest candidates, weighted by their squared cosine.

    r'ᵢ = (rᵢ + w Σⱼ cᵢⱼ² rⱼ) / (1 + w Σⱼ cᵢⱼ²) over the 5 candidates j nearest to i, with cᵢⱼ their cosine, at least 0:
    score regularisation (Diaz, CIKM 2005) in one step. A candidate unlike all others keeps nearly its own score.

    Args:
        scores: Shape (n,), of every candidate.
        vectors: Shape (n, dimension), unit rows.
        weight: w, at least 0.

    Returns:
        Shape (n,), within the range of `scores`. The order of the candidates does not matter.
    """
    count = min(NEAREST, len(scores) - 1)
    if count < 1:
        return scores.copy()
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    rows = np.arange(len(scores))
    total, weights = scores.astype(np.float64), np.ones(len(scores))
    for _ in range(count):  # finding the nearest five times is faster than finding the five nearest
        nearest = cosines.argmax(axis=1)
        of_nearest = weight * np.maximum(cosines[rows, nearest].astype(np.float64), 0) ** 2
        total += of_nearest * scores[nearest]
        weights += of_nearest
        cosines[rows, nearest] = -np.inf
    return np.asarray(total / weights, dtype=np.float32)


STAGE = Stage(StageName.SMOOTHING, "The fused score averaged with those of the nearest candidates.", apply)
