"""Exact cosines that do not depend on which other rows are computed with them. Pure."""

import numpy as np
from numpy.typing import NDArray

_BLOCK_ROWS = 8_192


def cosines(vectors: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute the dot product of each row with a query, each by itself.

    A product of matrices (`vectors @ query`) sums the numbers of a row in an order that depends on how many rows there
    are, on some processors; then a deeper search could swap two hits that are equal but for the last bit.

    Args:
        vectors: Shape (n, dimension), unit rows.
        query: Shape (dimension,), length 1.

    Returns:
        Shape (n,). The number of a row is the same in every call on one machine.
    """
    return np.asarray(np.vecdot(vectors, query), dtype=np.float32)


def cosines_of_rows(
    vectors: NDArray[np.float32], rows: NDArray[np.int64], query: NDArray[np.float32]
) -> NDArray[np.float32]:
    """As `cosines` of some rows of a memory-mapped array, read in blocks.

    Args:
        vectors: Shape (n, dimension).
        rows: Shape (m,).
        query: Shape (dimension,), length 1.

    Returns:
        Shape (m,).
    """
    found = np.empty(len(rows), dtype=np.float32)
    for start in range(0, len(rows), _BLOCK_ROWS):
        block = rows[start : start + _BLOCK_ROWS]
        found[start : start + len(block)] = cosines(vectors[block], query)
    return found
