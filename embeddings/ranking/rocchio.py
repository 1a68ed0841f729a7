"""One query out of several examples, wanted and unwanted (Rocchio 1971). Pure."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embeddings.indexes.base import TermVector

# The weights of Manning, Raghavan and Schütze, Introduction to Information Retrieval, section 9.1.1
BETA = 0.75
GAMMA = 0.15


def combine(positive: NDArray[np.float32], negative: NDArray[np.float32]) -> NDArray[np.float32]:
    """Move from the mean of the wanted vectors away from the mean of the unwanted ones.

    q = normalise(beta · mean(P) - gamma · mean(N)); every example, text or paper, has the same weight.

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


def combine_terms(positive: Sequence[TermVector], negative: Sequence[TermVector]) -> TermVector:
    """The same of weighted terms; weights that would be negative are dropped, as is usual in the Vector Space Model.

    Args:
        positive: At least one.
        negative: May be none.

    Returns:
        Of length 1, or without terms.
    """
    sides = ((positive, BETA), (negative, -GAMMA))
    parts = [(vector, factor / len(side)) for side, factor in sides for vector in side]
    terms, places = np.unique(np.concatenate([vector.terms for vector, _ in parts]), return_inverse=True)
    added = np.concatenate([vector.weights.astype(np.float64) * factor for vector, factor in parts])
    weights = np.bincount(places, added, minlength=len(terms))
    kept = weights > 0
    length = float(np.linalg.norm(weights[kept])) or 1.0
    return TermVector(terms[kept].astype(np.int32), (weights[kept] / length).astype(np.float32))
