"""Papers that are alike are relevant alike: each relevance drawn towards those of the nearest candidates. Pure."""

import numpy as np
from numpy.typing import NDArray

# docs/decisions/0008: nDCG@10 is level from 0.2 to 0.4; more costs questions that only one paper answers
WEIGHT = 0.2
NEAREST = 5


def smooth(relevance: NDArray[np.float32], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average each candidate's relevance with those of its nearest among the candidates.

    r'ᵢ = (rᵢ + w Σⱼ cᵢⱼ² rⱼ) / (1 + w Σⱼ cᵢⱼ²) over the 5 candidates j nearest to i, with cᵢⱼ their cosine, at least 0:
    score regularisation (Diaz, CIKM 2005) in one step. A candidate unlike all others keeps nearly what it has.

    Args:
        relevance: Shape (n,), of every candidate.
        vectors: Shape (n, dimension), unit rows.

    Returns:
        Shape (n,), within the range of `relevance`. The order of the candidates does not matter.
    """
    count = min(NEAREST, len(relevance) - 1)
    if count < 1:
        return relevance.copy()
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    rows = np.arange(len(relevance))
    drawn, heaviness = relevance.astype(np.float64), np.ones(len(relevance))
    for _ in range(count):  # five times the nearest is found sooner than the five nearest
        near = cosines.argmax(axis=1)
        weights = WEIGHT * np.maximum(cosines[rows, near].astype(np.float64), 0) ** 2
        drawn += weights * relevance[near]
        heaviness += weights
        cosines[rows, near] = -np.inf
    drawn /= heaviness
    return np.asarray(drawn, dtype=np.float32)
