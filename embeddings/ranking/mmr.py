"""Diversification: orders candidates so that they are relevant and unlike each other. Pure."""

import numpy as np
from numpy.typing import NDArray


def diversify(
    scores: NDArray[np.float32], vectors: NDArray[np.float32], diversity: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Order by maximal marginal relevance (Carbonell and Goldstein 1998).

    Each step takes the candidate with the highest (1 - d) · score + d · novelty, where novelty is 1 minus the highest
    cosine, at least 0, to those taken before. That differs from the published formula by the constant d only, and lies
    in [0, 1] if the scores do; the sequence of its values never rises.

    Args:
        scores: Shape (n,).
        vectors: Shape (n, dimension), unit rows.
        diversity: d, in [0, 1]: 0 orders by score.

    Returns:
        Positions in order of choice and their values, both of shape (n,).
    """
    chosen: list[int] = []
    values: list[float] = []
    nearest = np.zeros(len(scores), dtype=np.float32)
    left = np.ones(len(scores), dtype=np.bool_)
    for _ in range(len(scores)):
        value = np.where(left, (1 - diversity) * scores + diversity * (1 - nearest), -np.inf)
        best = int(np.argmax(value))
        chosen.append(best)
        values.append(float(value[best]))
        left[best] = False
        nearest = np.maximum(nearest, np.minimum(vectors @ vectors[best], 1))
    return np.array(chosen, dtype=np.int64), np.array(values, dtype=np.float32)
