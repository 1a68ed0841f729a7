"""Orders hits so that they are near the query and unlike each other. Pure."""

import numpy as np
from numpy.typing import NDArray


def diversify(
    scores: NDArray[np.float32], embeddings: NDArray[np.float32], count: int, diversity: float
) -> NDArray[np.int64]:
    """Choose by maximal marginal relevance (Carbonell and Goldstein 1998).

    Each step takes the candidate with the largest (1 - diversity) score - diversity max cos(candidate, chosen).

    Args:
        scores: Shape (n,): cosine of each candidate to the query.
        embeddings: Shape (n, dimension), unit rows.
        count: Candidates to choose; more than n chooses all.
        diversity: In [0, 1]: 0 orders by score.

    Returns:
        Positions of the chosen candidates, shape (min(count, n),), in order of choice.
    """
    chosen: list[int] = []
    likeness = np.full(len(scores), -1.0, dtype=np.float32)
    left = np.ones(len(scores), dtype=np.bool_)
    for _ in range(min(count, len(scores))):
        penalty = diversity * likeness if chosen else 0.0
        value = np.where(left, (1 - diversity) * scores - penalty, -np.inf)
        best = int(np.argmax(value))
        chosen.append(best)
        left[best] = False
        likeness = np.maximum(likeness, embeddings @ embeddings[best])
    return np.array(chosen, dtype=np.int64)
