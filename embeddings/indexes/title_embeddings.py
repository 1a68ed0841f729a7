"""Vectors of titles at a byte a number, and how near they are to a query. Pure."""

import numpy as np
from numpy.typing import NDArray

_LARGEST = 127


def packed(vectors: NDArray[np.float32]) -> NDArray[np.int8]:
    """Scale each row so that its largest number is 127, and round; the direction is kept within half a degree."""
    largest = np.abs(vectors).max(axis=1, keepdims=True, initial=0)
    return np.rint(vectors * (_LARGEST / np.where(largest > 0, largest, 1))).astype(np.int8)


def cosines(titles: NDArray[np.int8], query: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compare titles with a query.

    Args:
        titles: Shape (n, dimension), as `packed` makes them; a row of zeros stands for no title.
        query: Shape (dimension,), length 1.

    Returns:
        Shape (n,), in [-1, 1]; NaN where there is no title.
    """
    vectors = titles.astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1)
    found = np.full(len(titles), np.nan, dtype=np.float32)
    np.divide(vectors @ query, lengths, out=found, where=lengths > 0)
    return np.clip(found, -1, 1)
