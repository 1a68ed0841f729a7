"""Compares the query with the titles alone."""

from embeddings.indexes.title_embeddings import cosines
from embeddings.ranking.candidates import Candidates, RankingData, RankingQuery
from embeddings.ranking.stage import Stage
from embeddings.ranking.stage_names import StageName
from embeddings.ranking.weights import Weights


def apply(candidates: Candidates, query: RankingQuery, data: RankingData, _weights: Weights) -> Candidates:
    """See `Stage.apply`."""
    return candidates.with_stage(StageName.TITLE, cosines(data.titles[candidates.rows], query.vector))


STAGE = Stage(StageName.TITLE, "Cosine of the query and the title alone.", apply)
