"""One query vector out of several examples, wanted and unwanted, or out of what it found. Pure."""

import numpy as np
from numpy.typing import NDArray

# What one unwanted example weighs against one wanted: Rocchio 1971 with the weights of Manning, Raghavan and
# Schütze, Introduction to Information Retrieval, section 9.1.1 (beta 0.75, gamma 0.15).
BETA = 0.75
GAMMA = 0.15

# docs/decisions/0008: nDCG@10 is level for weights from 0.5 to 1 and for two to five papers
FEEDBACK_WEIGHT = 0.5
FEEDBACK_PAPERS = 2


def combine(positive: NDArray[np.float32], negative: NDArray[np.float32]) -> NDArray[np.float32]:
    """Move from the mean of the wanted vectors away from the mean of the unwanted ones.

    q = normalise(beta mean(P) - gamma mean(N)); every example, text or paper, counts alike.

    Args:
        positive: Shape (p, dimension), unit rows, p at least 1.
        negative: Shape (n, dimension), unit rows; n may be 0.

    Returns:
        Shape (dimension,), length 1.

    Raises:
        ValueError: The examples cancel out, so the result has no direction.
    """
    query = BETA * positive.mean(axis=0)
    if len(negative):
        query = query - GAMMA * negative.mean(axis=0)
    length = float(np.linalg.norm(query))
    if length < 1e-6:
        raise ValueError("the positive and negative examples cancel each other out")
    return np.asarray(query / length, dtype=np.float32)


def towards(query: NDArray[np.float32], found: NDArray[np.float32]) -> NDArray[np.float32]:
    """Move a query towards what it found: pseudo-relevance feedback after Rocchio.

    q' = normalise(q + 0.5 mean(F)).

    Args:
        query: Shape (dimension,), length 1.
        found: Shape (f, dimension), unit rows: the best papers found, f at least 1.

    Returns:
        Shape (dimension,), length 1; half of a vector of length 1 or less cannot cancel the query out.
    """
    moved = query + FEEDBACK_WEIGHT * found.mean(axis=0)
    return np.asarray(moved / np.linalg.norm(moved), dtype=np.float32)
