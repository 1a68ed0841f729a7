"""Compares the index with exact search on a sample of the corpus. Pure."""

import numpy as np
from numpy.typing import NDArray

_SAMPLE = 200
_BLOCK = 16_384
TOP_K = 10


def sample(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """Choose up to 200 rows as queries, the same ones for the same number of rows.

    Each is blended with half of another, so that it lies between papers as queries do, and not on one that every
    index finds.

    Returns:
        Shape (m, dimension), unit rows.
    """
    generator = np.random.default_rng(0)
    count = min(_SAMPLE, len(embeddings))
    one = np.asarray(embeddings[np.sort(generator.choice(len(embeddings), count, replace=False))])
    other = np.asarray(embeddings[np.sort(generator.choice(len(embeddings), count, replace=False))])
    blended = one + 0.5 * other
    return np.asarray(blended / np.linalg.norm(blended, axis=1, keepdims=True), dtype=np.float32)


def exact_neighbours(embeddings: NDArray[np.float32], queries: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores of the exact nearest rows, by comparing with all of them, a block at a time.

    Args:
        embeddings: Shape (n, dimension), unit rows; may be memory-mapped.
        queries: Shape (m, dimension), unit rows.

    Returns:
        Shape (m, min(10, n)), best first.
    """
    count = min(TOP_K, len(embeddings))
    best = np.empty((len(queries), 0), dtype=np.float32)
    for start in range(0, len(embeddings), _BLOCK):
        scores = queries @ np.asarray(embeddings[start : start + _BLOCK]).T
        best = -np.sort(-np.concatenate([best, scores], axis=1), axis=1)[:, :count]
    return best
