"""Estimates the lexical score that papers in another language than the query's would have in its language."""

import numpy as np
from numpy.typing import NDArray

from embeddings.ranking.candidates import Candidates, RankingData, RankingQuery
from embeddings.ranking.stage import Stage
from embeddings.ranking.stage_names import StageName
from embeddings.ranking.weights import Weights
from embeddings.texts.language import UNDETERMINED

# docs/decisions/0011: of 3 to 20 papers and powers 1 to 3 the most even between the languages
_EXEMPLARS = 5
_POWER = 1.5
_LEXICAL_WEIGHT = 0.45  # for choosing the best papers in the query's language
_MIN_COSINE = 0.05  # a smaller divisor would say nothing: everything is that near


def in_another_language(rows: NDArray[np.int64], query: RankingQuery, data: RankingData) -> NDArray[np.bool_]:
    """Which papers are in another language than the query, shape (len(rows),); none where its language is unknown."""
    if query.language == UNDETERMINED:
        return np.zeros(len(rows), dtype=np.bool_)
    return np.asarray(data.languages[rows] != query.language.encode())


def apply(candidates: Candidates, query: RankingQuery, data: RankingData, _weights: Weights) -> Candidates:
    """See `Stage.apply`."""
    if StageName.LEXICAL not in candidates.stages or query.max_lexical <= 0:
        return candidates
    shares = candidates.stages[StageName.LEXICAL] / query.max_lexical
    foreign = in_another_language(candidates.rows, query, data)
    if foreign.all() or not foreign.any():
        return candidates
    estimated = estimate(candidates.similarity, shares, foreign)
    return candidates.with_stage(StageName.CROSS_LANGUAGE, np.where(foreign, estimated, np.float32(np.nan)))


def estimate(
    similarity: NDArray[np.float32], shares: NDArray[np.float32], foreign: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Estimate the lexical share of papers in another language from that of similar papers in the query's language.

    They can hardly share terms with the query: with a share of 0 they would rank below every paper that shares a term
    in the query's own language. The estimate is the mean share of the best five papers in that language, times
    (cosine / mean cosine of the five)^1.5; never less than what the paper really shares.

    Args:
        similarity: Shape (n,), of the candidates.
        shares: Shape (n,): lexical score as a share of what it could be, in [0, 1].
        foreign: Shape (n,): which candidates are in another language than the query; some, not all.

    Returns:
        Shape (n,), in [0, 1]; `shares` of papers in the query's language.
    """
    own_similarity, own_shares = similarity[~foreign].astype(np.float64), shares[~foreign].astype(np.float64)
    best = np.argsort(-((1 - _LEXICAL_WEIGHT) * own_similarity + _LEXICAL_WEIGHT * own_shares), kind="stable")
    best = best[:_EXEMPLARS]
    ratio = np.maximum(similarity, 0) / max(float(own_similarity[best].mean()), _MIN_COSINE)
    estimated = np.clip(own_shares[best].mean() * ratio**_POWER, 0, 1)
    return np.where(foreign, np.maximum(shares, estimated), shares).astype(np.float32)


STAGE = Stage(
    StageName.CROSS_LANGUAGE,
    "Estimated share of the query's terms that a paper in another language would have, in [0, 1].",
    apply,
)
