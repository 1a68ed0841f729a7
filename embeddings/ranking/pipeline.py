"""The ranking pipeline: one list of stages for texts, papers and examples, and for the neighbours a build stores."""

from collections.abc import Collection
from dataclasses import replace
from importlib import import_module

import numpy as np

from embeddings.indexes.base import NO_ROW
from embeddings.indexes.cosines import cosines
from embeddings.queries import Scale
from embeddings.ranking.candidates import Candidates, QueryKind, RankingData, RankingQuery
from embeddings.ranking.stage import Stage
from embeddings.ranking.stage_names import StageName
from embeddings.ranking.stages import lexical as lexical_stage
from embeddings.ranking.weights import WEIGHTS

STAGES: tuple[Stage, ...] = tuple(import_module(f"embeddings.ranking.stages.{name}").STAGE for name in StageName)
"""In the order in which they run: that of `StageName`."""

DENSE = "dense"
"""The name of the cosine among the scores of stages."""

DENSE_DESCRIPTION = "Cosine of query and paper."


def search(query: RankingQuery, depth: int, data: RankingData) -> Candidates:
    """Find and rank candidates, best first.

    A fixed number of candidates is ranked, whatever the depth, so that pages join; what is asked for beyond them
    follows in the order of its cosine.

    Args:
        query: What is asked.
        depth: How many are wanted; there may be more, or fewer if there are fewer papers.
        data: Of the corpus.
    """
    nearest = dense(query, WEIGHTS[query.kind].candidates, data)
    ranked = rank(nearest, query, data)
    if depth <= len(nearest):
        return ranked
    return _followed(ranked, dense(query, depth, data), query, data)


def rank(candidates: Candidates, query: RankingQuery, data: RankingData) -> Candidates:
    """Run the stages over candidates, and order them.

    Args:
        candidates: The nearest papers by cosine, as many as `Weights.candidates`, or all there are.
        query: What is asked.
        data: Of the corpus.
    """
    weights = WEIGHTS[query.kind]
    for stage in STAGES:
        if stage.name in weights.stages and stage.name not in query.without:
            candidates = stage.apply(candidates, query, data, weights)
    candidates = replace(candidates, scale=_scale(candidates, query))
    return candidates[candidates.order()]


def dense(query: RankingQuery, depth: int, data: RankingData) -> Candidates:
    """The papers with the highest cosine, best first; all stages left out."""
    found = data.index.nearest(query.vector[None], depth, filters=query.filters, exclude=query.exclude)
    known = found.rows[0] != NO_ROW
    rows, similarity = found.rows[0][known], found.similarity[0][known]
    bound = float(similarity[-1]) if len(rows) else 1.0
    return Candidates(rows, similarity, similarity, complete=len(rows) < depth, bound=bound)


def lexical(query: RankingQuery, depth: int, data: RankingData) -> Candidates:
    """The papers with the highest BM25, of those that have any of the terms; the score is its share of the maximum."""
    rows, scores = data.lexical.best(query.terms, depth + 1, filters=query.filters, exclude=query.exclude)
    best, bm25 = rows[:depth], scores[:depth]  # one more was asked for to know whether anything follows
    share = bm25 / np.float32(query.max_lexical or 1)
    similarity = cosines(data.index.vectors(best), query.vector)
    return Candidates(best, similarity, share, {StageName.LEXICAL: bm25}, complete=len(rows) <= depth)


def stages_of(kind: QueryKind) -> tuple[StageName, ...]:
    """The stages that run for a kind of query, unless it leaves them out."""
    return WEIGHTS[kind].stages


def runs_in_full(kind: QueryKind, without: Collection[StageName]) -> bool:
    """Whether a query that leaves these stages out is ranked as one that leaves out none."""
    return not set(without) & set(stages_of(kind))


def _scale(candidates: Candidates, query: RankingQuery) -> Scale | None:
    """What the scores are measured on: calibrated are the whole pipeline, and that of texts without smoothing."""
    left_out = set(query.without) & set(stages_of(query.kind))
    if query.kind is QueryKind.PAPER:
        return None if left_out else Scale.PAPER
    if left_out - {StageName.SMOOTHING}:
        return None
    return Scale.TEXT if StageName.SMOOTHING in candidates.stages else Scale.FUSED


def _followed(first: Candidates, nearest: Candidates, query: RankingQuery, data: RankingData) -> Candidates:
    """Ranked candidates, then whatever else is near in the order of its cosine, with scores below theirs."""
    rest = nearest[~np.isin(nearest.rows, first.rows)]
    below = rest.similarity
    if len(first) and len(rest):
        lowest = first.score.min()
        below = np.minimum(rest.similarity + min(lowest - rest.similarity[0], np.float32(0)), lowest)
    stages = {name: np.full(len(rest), np.nan, dtype=np.float32) for name in first.stages}
    if StageName.LEXICAL in first.stages:
        stages[StageName.LEXICAL] = lexical_stage.scores(rest.rows, query, data)
    return replace(
        first,
        rows=np.concatenate([first.rows, rest.rows]),
        similarity=np.concatenate([first.similarity, rest.similarity]),
        score=np.concatenate([first.score, below]).astype(np.float32),
        stages={name: np.concatenate([values, stages[name]]) for name, values in first.stages.items()},
        complete=nearest.complete,
        bound=nearest.bound,
    )
