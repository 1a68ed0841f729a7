"""The weights and sizes of the ranking pipeline, by kind of query. docs/ranking.md has the measurements."""

from dataclasses import dataclass

from embeddings.ranking.candidates import QueryKind
from embeddings.ranking.stage_names import StageName


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What a pipeline does with one kind of query.

    Attributes:
        stages: Those that run unless the query leaves them out.
        candidates: The nearest papers by cosine that are ranked; of a text, as many of the best by BM25 are added.
        lexical: Weight of the lexical score against the semantic one, in [0, 1].
        title: Weight of the title's cosine against that of title and abstract together, which has weight 1.
        feedback: Weight of the mean of the best papers against the query vector, which has weight 1.
        feedback_papers: How many of the best papers are fed back.
        smoothing: Weight of the nearest candidates' scores, see `stages.smoothing`.
        smooth_across_languages: Whether smoothing runs where many candidates are in another language than the query.
    """

    stages: tuple[StageName, ...]
    candidates: int
    lexical: float
    title: float = 0.25
    feedback: float = 0.5
    feedback_papers: int = 2
    smoothing: float = 0.2
    smooth_across_languages: bool = False


WEIGHTS = {
    # Lexical: nDCG@10 on Cranfield and Cystic Fibrosis is level from 0.4 to 0.5; more favours questions that quote a
    # paper, less those in another language than their paper. Title: level from 0.25 to 0.5. Feedback: level from 0.5 to
    # 1, and for two to five papers. Smoothing: level from 0.2 to 0.4; more costs questions that one paper answers
    QueryKind.TEXT: Weights(stages=tuple(StageName), candidates=200, lexical=0.45),
    # Lexical: level from 0.4 to 0.5
    QueryKind.PAPER: Weights(
        stages=(StageName.LEXICAL, StageName.CROSS_LANGUAGE, StageName.FUSION, StageName.SMOOTHING),
        candidates=100,
        lexical=0.5,
        smooth_across_languages=True,
    ),
}
