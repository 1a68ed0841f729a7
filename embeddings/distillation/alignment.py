"""Which of the teacher's tokens stand for a new one, learnt from pairs: where a new row starts from. Pure.

IBM Model 1 (Brown et al. 1993, The Mathematics of Statistical Machine Translation, section 4.1), the lexicon alone.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 5
_NOTHING = 0
"""The empty word: accounts for what the other side adds for its grammar."""


def lexicon(
    pairs: Iterable[tuple[NDArray[np.integer[Any]], NDArray[np.integer[Any]]]], new_tokens: int, links: int = 40_000_000
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Estimate how likely each of the teacher's tokens is the translation of each new token.

    Args:
        pairs: For each pair of texts the teacher's token ids, any shape (n,), and the new tokens, 0 to `new_tokens`
            - 1, shape (m,).
        new_tokens: How many new tokens there are.
        links: Most pairs of tokens looked at, which bounds memory (about 20 B each); further texts are left out.

    Returns:
        Three arrays of equal length: new token, teacher's token, probability of the latter given the former. Sorted by
        new token; those that occur in no pair are missing.
    """
    texts, ours, theirs = _links(pairs, links)
    if not len(texts):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    width = int(ours.max()) + 1
    cells, cell = np.unique(theirs * width + ours, return_inverse=True)
    del theirs
    # One slot for each teacher's token of each text: what its possible origins share
    slots, slot = np.unique(texts * width + ours, return_inverse=True)
    del texts, ours
    owner = cells // width
    probability = np.ones(len(cells))
    for _ in range(_ROUNDS):
        shares = probability[cell]
        shares /= np.bincount(slot, shares, minlength=len(slots))[slot]
        counts = np.bincount(cell, shares, minlength=len(cells))
        probability = counts / np.bincount(owner, counts, minlength=new_tokens + 1)[owner]
    known = owner != _NOTHING
    return owner[known] - 1, cells[known] % width, probability[known]


def starting_rows(
    table: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]],
    new_tokens: int,
    embeddings: NDArray[np.float32],
    least: float = 0.05,
) -> NDArray[np.float32]:
    """Mix each new row from the teacher's rows that it probably stands for.

    Args:
        table: See `lexicon`.
        new_tokens: How many new tokens there are.
        embeddings: The teacher's input embeddings, shape (vocabulary, width).
        least: Translations less likely than this are noise.

    Returns:
        Shape (new_tokens, width). A token without a likely translation gets the mean of the others.
    """
    new, old, probability = table
    likely = probability >= least
    new, old, probability = new[likely], old[likely], probability[likely]
    rows = np.zeros((new_tokens, embeddings.shape[1]), dtype=np.float32)
    np.add.at(rows, new, embeddings[old] * probability[:, None].astype(np.float32))
    mass = np.bincount(new, probability, minlength=new_tokens)
    known = mass > 0
    rows[known] /= mass[known, None]
    if known.any():
        rows[~known] = rows[known].mean(axis=0)
    return rows


def _links(
    pairs: Iterable[tuple[NDArray[np.integer[Any]], NDArray[np.integer[Any]]]], most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Every teacher's token beside every new one of the same text, and beside nothing."""
    texts, ours, theirs, total = [], [], [], 0
    for number, (old, new) in enumerate(pairs):
        origins = np.concatenate([[_NOTHING], new + 1])
        total += len(old) * len(origins)
        if total > most:
            break
        texts.append(np.full(len(old) * len(origins), number))
        ours.append(np.repeat(old, len(origins)))
        theirs.append(np.tile(origins, len(old)))
    if not texts:
        nothing = np.empty(0, dtype=np.int64)
        return nothing, nothing, nothing
    return np.concatenate(texts), np.concatenate(ours), np.concatenate(theirs)
