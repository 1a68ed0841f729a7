"""One relevance out of cosines and words. Pure."""

import numpy as np
from numpy.typing import NDArray

# On Cranfield and Cystic Fibrosis nDCG@10 is level from 0.4 to 0.5. More serves questions that quote a paper, less
# those in another language than their paper's.
LEXICAL_WEIGHT = 0.45

TITLE_WEIGHT = 0.25
"""What a title weighs against title and abstract together; level from 0.25 to 0.5."""

LIKENESS_WEIGHT = 0.5
"""What common words weigh between two papers; level from 0.4 to 0.5."""

CANDIDATES = 200
"""How many of the best of each leg are worth fusing."""

RELATED_CANDIDATES = 100
"""How many of a paper's nearest papers are worth comparing by words."""

# docs/decisions/0011: of 3 to 20 papers and powers 1 to 3 the most even between the languages
_EXEMPLARS = 5
_POWER = 1.5
_LEAST_COSINE = 0.05  # nearer than what is far from everything says nothing


def fuse(cosines: NDArray[np.float32], lexical: NDArray[np.float32], ceiling: float) -> NDArray[np.float32]:
    """Weigh cosine and BM25, the latter as the share of what it could be.

    BM25 divided by the idf of the whole query says how much of the question, weighed by rarity, stands in the paper:
    0 for nothing, close to 1 for all of it, often. Unlike min-max or z-scores it asks nothing of the other candidates,
    so a paper's relevance is the same on every page and in a corpus of one; and where most of the question is in no
    paper, be it in other words or in another language, BM25 has little say and the cosine decides.

    Args:
        cosines: Of query and papers, any shape.
        lexical: BM25 of the same papers, at least 0.
        ceiling: `LexicalIndex.ceiling` of the query; 0 for a query without terms.

    Returns:
        Relevance, at most 1, higher is better, never falling as either argument rises. Without a common term, the
        order of the cosines.
    """
    share = lexical.astype(np.float64) / ceiling if ceiling > 0 else np.zeros(lexical.shape)
    return ((1 - LEXICAL_WEIGHT) * cosines.astype(np.float64) + LEXICAL_WEIGHT * share).astype(np.float32)


def fair(
    cosines: NDArray[np.float32], words: NDArray[np.float32], foreign: NDArray[np.bool_], most: float
) -> NDArray[np.float32]:
    """Lend papers in another language the words that they would share if they were in the query's.

    They can hardly share words with the query, however near they are: left at nothing they would stand below whatever
    shares a word in the query's own language. What is lent is the mean of the best five papers in that language, times
    the power 1.5 of how much nearer the paper is than they are on average.

    Args:
        cosines: Shape (n,), of the candidates.
        words: Shape (n,), what they share with the query, at least 0.
        foreign: Shape (n,), whether they are in another language than the query.
        most: What can be shared at all.

    Returns:
        Shape (n,), at most `most`; `words` where a paper is not foreign or shares more, and everywhere if all are
        foreign or none is.
    """
    if most <= 0 or foreign.all() or not foreign.any():
        return words
    x, y = cosines[~foreign].astype(np.float64), words[~foreign] / most
    best = np.argsort(-((1 - LEXICAL_WEIGHT) * x + LEXICAL_WEIGHT * y), kind="stable")[:_EXEMPLARS]
    nearer = np.maximum(cosines, 0) / max(float(x[best].mean()), _LEAST_COSINE)
    lent = most * np.clip(y[best].mean() * nearer**_POWER, 0, 1)
    return np.where(foreign, np.maximum(words, lent), words).astype(np.float32)


def with_titles(cosines: NDArray[np.float32], titles: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average the cosines of papers with those of their titles.

    Args:
        cosines: Shape (n,).
        titles: Shape (n,); NaN where there is no title, and the cosine stays as it is.
    """
    return np.where(np.isnan(titles), cosines, (cosines + TITLE_WEIGHT * titles) / (1 + TITLE_WEIGHT))


def alike(cosines: NDArray[np.float32], likeness: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weigh the cosines of papers to a paper with `LexicalIndex.likeness`, which is in [0, 1]."""
    return (1 - LIKENESS_WEIGHT) * cosines + LIKENESS_WEIGHT * likeness
