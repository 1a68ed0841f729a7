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

_ENOUGH = 3  # points for a line
# Standard deviations. With 2, titles find their abstracts in the other language less often than by cosine alone
_LENT = 3


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


def fair(cosines: NDArray[np.float32], words: NDArray[np.float32], foreign: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Give papers in another language as many words as papers of the same cosine have at best.

    They can hardly share words with the query, however near they are: left at nothing they would stand below whatever
    shares a word in the query's own language. The best is three standard deviations above the line of least squares
    through the candidates in that language, and no more than the most of them.

    Args:
        cosines: Shape (n,), of the candidates.
        words: Shape (n,), what they share with the query, at least 0.
        foreign: Shape (n,), whether they are in another language than the query.

    Returns:
        Shape (n,); `words` where a paper is not foreign or shares more, and everywhere if fewer than three are not.
    """
    x, y = cosines[~foreign].astype(np.float64), words[~foreign].astype(np.float64)
    if len(x) == len(words) or len(x) < _ENOUGH:
        return words
    deviations = x - x.mean()
    spread = float(deviations @ deviations)
    slope = max(float(deviations @ y) / spread, 0.0) if spread > 0 else 0.0
    scatter = float(np.std(y - slope * deviations))
    lent = np.clip(y.mean() + slope * (cosines - x.mean()) + _LENT * scatter, 0, y.max())
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
