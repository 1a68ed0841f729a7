"""The formula that combines semantic and lexical scores. Pure."""

import numpy as np
from numpy.typing import NDArray

from embeddings.ranking.candidates import Candidates, RankingQuery
from embeddings.ranking.stage_names import StageName
from embeddings.ranking.weights import Weights


def fused(candidates: Candidates, query: RankingQuery, weights: Weights) -> NDArray[np.float32]:
    """Combine what the stages so far said: a score that does not depend on the other candidates.

    semantic = (c + w_title · title) / (1 + w_title), where c is the cosine to the query, or to the expanded one;
    score = (1 - w_lexical) · semantic + w_lexical · share, where share = lexical / `max_lexical` is how much of the
    query, weighted by rarity, the paper has. Unlike min-max or z-scores this asks nothing of the other candidates, so
    a paper's score is the same on every page and in a corpus of one.

    Args:
        candidates: With the scores of any of `lexical`, `cross_language`, `title`, `feedback`. Without lexical
            scores the result is the semantic score, without any the cosine.
        query: For `max_lexical`.
        weights: Of the query's kind.

    Returns:
        Shape (m,), at most 1 but for rounding; never falls as an argument rises.
    """
    stages = candidates.stages
    semantic = stages.get(StageName.FEEDBACK, candidates.similarity)
    if (title := stages.get(StageName.TITLE)) is not None:
        semantic = with_titles(semantic, title, weights.title)
    if (lexical := stages.get(StageName.LEXICAL)) is None:
        return semantic
    share = lexical.astype(np.float64) / query.max_lexical if query.max_lexical > 0 else np.zeros(len(lexical))
    if (estimated := stages.get(StageName.CROSS_LANGUAGE)) is not None:
        share = np.where(np.isnan(estimated), share, estimated)
    return ((1 - weights.lexical) * semantic.astype(np.float64) + weights.lexical * share).astype(np.float32)


def with_titles(semantic: NDArray[np.float32], titles: NDArray[np.float32], weight: float) -> NDArray[np.float32]:
    """Average semantic scores with the cosines of titles.

    Args:
        semantic: Shape (n,).
        titles: Shape (n,); NaN where a paper has no title, and its score stays as it is.
        weight: Of the title against the rest.
    """
    return np.where(np.isnan(titles), semantic, (semantic + np.float32(weight) * titles) / np.float32(1 + weight))
