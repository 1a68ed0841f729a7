"""The exact nearest rows, and how many of them were found."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embeddings.indexes.faiss.evaluation import exact_neighbours

_ROUNDING = 1e-6


def recall_at_10(
    vectors: NDArray[np.float32],
    queries: NDArray[np.float32],
    rows: Sequence[Sequence[int]],
    least: NDArray[np.float32],
) -> float:
    """Share of the ten nearest rows that were found, scores computed anew from the vectors.

    A row counts if it is at least as near as the tenth of the exact ones, so that of equally near ones either will do
    (ann-benchmarks, `knn_threshold`); a row named twice counts once.

    Args:
        vectors: Shape (n, dimension), unit rows.
        queries: Shape (m, dimension), unit rows; only the first `len(rows)` were answered.
        rows: What was found for each answered query, at most ten each.
        least: Shape (m,): score of the tenth exact neighbour of each query, or of the last, where there are fewer.

    Raises:
        ValueError: Nothing was answered, an answer is too long, or a row does not exist.
    """
    if not rows:
        raise ValueError("no query was answered")
    found = 0
    wanted = min(10, len(vectors))
    for query, threshold, answer in zip(queries, least, rows, strict=False):
        different = np.unique(np.array(answer, dtype=np.int64))
        if len(answer) > wanted or (len(different) and not 0 <= different[0] <= different[-1] < len(vectors)):
            raise ValueError(f"{list(answer)} are not ten rows of {len(vectors)}")
        found += int(np.count_nonzero(vectors[different] @ query >= threshold - _ROUNDING))
    return found / (wanted * len(rows))


def tenth_scores(vectors: NDArray[np.float32], queries: NDArray[np.float32]) -> NDArray[np.float32]:
    """Score of the tenth exact neighbour of each query, by comparing with everything; shape (m,)."""
    return exact_neighbours(vectors, queries)[:, -1]
