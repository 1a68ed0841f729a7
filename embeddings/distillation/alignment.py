"""Aligns new tokens with the teacher's tokens in translation pairs, to initialise their embeddings. Pure.

IBM Model 1 (Brown et al. 1993, The Mathematics of Statistical Machine Translation, section 4.1), translation
probabilities only.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ITERATIONS = 5
_NULL = 0
"""The empty word of IBM Model 1: aligned with tokens that have no counterpart in the translation."""

TokenPairs = Iterable[tuple[NDArray[np.integer[Any]], NDArray[np.integer[Any]]]]


def translation_probabilities(
    pairs: TokenPairs, new_tokens: int, max_links: int = 40_000_000
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Estimate the probability of each of the teacher's tokens as the translation of each new token, by EM.

    Args:
        pairs: For each pair of texts the teacher's token ids, shape (n,), and the new tokens, in [0, `new_tokens`),
            shape (m,).
        new_tokens: Number of new tokens.
        max_links: Maximum number of token pairs, which bounds memory (about 20 B each); further texts are left out.

    Returns:
        Three arrays of equal length: new token, teacher's token, probability of the latter given the former. Sorted by
        new token; new tokens that occur in no pair are absent.
    """
    texts, old, new = _token_links(pairs, max_links)
    if not len(texts):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    width = int(old.max()) + 1
    cells, cell = np.unique(new * width + old, return_inverse=True)
    del new
    # One slot for each teacher's token of each text: its expected counts sum to 1 over the new tokens of the text
    slots, slot = np.unique(texts * width + old, return_inverse=True)
    del texts, old
    owner = cells // width
    probability = np.ones(len(cells))
    for _ in range(_ITERATIONS):
        expected = probability[cell]
        expected /= np.bincount(slot, expected, minlength=len(slots))[slot]
        counts = np.bincount(cell, expected, minlength=len(cells))
        probability = counts / np.bincount(owner, counts, minlength=new_tokens + 1)[owner]
    known = owner != _NULL
    return owner[known] - 1, cells[known] % width, probability[known]


def initial_embeddings(
    table: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]],
    new_tokens: int,
    embeddings: NDArray[np.float32],
    min_probability: float = 0.05,
) -> NDArray[np.float32]:
    """Initialise each new token as the mean of its translations' embeddings, weighted by their probability.

    Args:
        table: See `translation_probabilities`.
        new_tokens: Number of new tokens.
        embeddings: The teacher's input embeddings, shape (vocabulary, width).
        min_probability: Translations below this probability are ignored as noise.

    Returns:
        Shape (new_tokens, width). A token without a probable translation gets the mean of the others.
    """
    new, old, probability = table
    likely = probability >= min_probability
    new, old, probability = new[likely], old[likely], probability[likely]
    rows = np.zeros((new_tokens, embeddings.shape[1]), dtype=np.float32)
    np.add.at(rows, new, embeddings[old] * probability[:, None].astype(np.float32))
    mass = np.bincount(new, probability, minlength=new_tokens)
    known = mass > 0
    rows[known] /= mass[known, None]
    if known.any():
        rows[~known] = rows[known].mean(axis=0)
    return rows


def _token_links(pairs: TokenPairs, max_links: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """All combinations of a teacher's token with a new token of the same pair or the empty word.

    Returns:
        Three arrays of equal length: number of the text, teacher's token, new token + 1 (0 is the empty word).
    """
    texts, old_tokens, new_tokens, total = [], [], [], 0
    for number, (old, new) in enumerate(pairs):
        origins = np.concatenate([[_NULL], new + 1])
        total += len(old) * len(origins)
        if total > max_links:
            break
        texts.append(np.full(len(old) * len(origins), number))
        old_tokens.append(np.repeat(old, len(origins)))
        new_tokens.append(np.tile(origins, len(old)))
    if not texts:
        empty = np.empty(0, dtype=np.int64)
        return empty, empty, empty
    return np.concatenate(texts), np.concatenate(old_tokens), np.concatenate(new_tokens)
