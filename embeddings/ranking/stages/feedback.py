"""Pseudo-relevance feedback: compares the candidates with the query moved towards the best of them."""

import numpy as np
from numpy.typing import NDArray

from embeddings.indexes.cosines import cosines
from embeddings.ranking.candidates import Candidates, RankingData, RankingQuery
from embeddings.ranking.fusion import fused
from embeddings.ranking.stage import Stage
from embeddings.ranking.stage_names import StageName
from embeddings.ranking.weights import Weights


def apply(candidates: Candidates, query: RankingQuery, data: RankingData, weights: Weights) -> Candidates:
    """See `Stage.apply`."""
    if not len(candidates):
        return candidates
    vectors = candidates.read_vectors(data)
    score = fused(candidates, query, weights)
    best = np.lexsort((candidates.rows, -candidates.similarity, -score))[: weights.feedback_papers]
    moved = expanded(query.vector, vectors[best], weights.feedback)
    return candidates.with_stage(StageName.FEEDBACK, cosines(vectors, moved))


def expanded(query: NDArray[np.float32], found: NDArray[np.float32], weight: float) -> NDArray[np.float32]:
    """Move a query towards what it found: Rocchio's formula with the best hits taken as relevant.

    q' = normalise(q + weight · mean(F)).

    Args:
        query: Shape (dimension,), length 1.
        found: Shape (f, dimension), unit rows, f at least 1.
        weight: Below 1, so that the query cannot cancel out.

    Returns:
        Shape (dimension,), length 1.
    """
    moved = query + np.float32(weight) * found.mean(axis=0)
    return np.asarray(moved / np.linalg.norm(moved), dtype=np.float32)


STAGE = Stage(StageName.FEEDBACK, "Cosine of the paper and the query moved towards the best papers.", apply)
