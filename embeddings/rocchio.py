"""One query vector out of several examples, wanted and unwanted. Pure."""

import numpy as np
from numpy.typing import NDArray

# What one unwanted example weighs against one wanted: Rocchio 1971 with the weights of Manning, Raghavan and
# Schütze, Introduction to Information Retrieval, section 9.1.1 (beta 0.75, gamma 0.15).
BETA = 0.75
GAMMA = 0.15


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
