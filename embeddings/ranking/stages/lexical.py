"""Adds the best papers by BM25, and scores all candidates by the terms they share with the query."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from embeddings.indexes.cosines import cosines
from embeddings.ranking.candidates import Candidates, QueryKind, RankingData, RankingQuery
from embeddings.ranking.stage import Stage
from embeddings.ranking.stage_names import StageName
from embeddings.ranking.weights import Weights


def apply(candidates: Candidates, query: RankingQuery, data: RankingData, weights: Weights) -> Candidates:
    """See `Stage.apply`."""
    if query.kind is QueryKind.TEXT:
        best, _ = data.lexical.best(query.terms, weights.candidates, filters=query.filters, exclude=query.exclude)
        candidates = _extended(candidates, best, query, data)
    return candidates.with_stage(StageName.LEXICAL, scores(candidates.rows, query, data))


def scores(rows: NDArray[np.int64], query: RankingQuery, data: RankingData) -> NDArray[np.float32]:
    """The lexical score of these papers, shape (len(rows),).

    Of a text it is BM25; of a paper, the cosine of both papers' weighted terms.
    """
    if query.kind is QueryKind.TEXT:
        return data.lexical.scores_of(query.terms, rows)
    if query.term_vector is None:
        return np.zeros(len(rows), dtype=np.float32)
    return data.lexical.cosines(query.term_vector, rows)


def _extended(candidates: Candidates, rows: NDArray[np.int64], query: RankingQuery, data: RankingData) -> Candidates:
    """The candidates and these rows, by ascending row: postings are found sooner in that order."""
    together = np.union1d(candidates.rows, rows)
    vectors = data.index.vectors(together)
    similarity = cosines(vectors, query.vector)
    return replace(candidates, rows=together, similarity=similarity, score=similarity, vectors=vectors)


STAGE = Stage(
    StageName.LEXICAL,
    "Of a text: BM25, 0 without a common term. Of a paper: the cosine of both papers' weighted terms.",
    apply,
)
