"""Combines the semantic scores and the lexical one into one score."""

from dataclasses import replace

from embeddings.ranking.candidates import Candidates, RankingData, RankingQuery
from embeddings.ranking.fusion import fused
from embeddings.ranking.stage import Stage
from embeddings.ranking.stage_names import StageName
from embeddings.ranking.weights import Weights


def apply(candidates: Candidates, query: RankingQuery, _data: RankingData, weights: Weights) -> Candidates:
    """See `Stage.apply`."""
    score = fused(candidates, query, weights)
    return replace(candidates.with_stage(StageName.FUSION, score), score=score)


STAGE = Stage(StageName.FUSION, "Weighted sum of the semantic and the lexical scores.", apply)
