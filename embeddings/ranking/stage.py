"""One step of the ranking pipeline."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from embeddings.ranking.candidates import Candidates, RankingData, RankingQuery
from embeddings.ranking.stage_names import StageName
from embeddings.ranking.weights import Weights

Apply: TypeAlias = Callable[[Candidates, RankingQuery, RankingData, Weights], Candidates]
"""Candidates in, candidates out: more of them, or one more named score, or another `score`."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A named step; its scores are found under this name in `Candidates.stages` and `Hit.stages`.

    Attributes:
        name: As `SearchOptions.without` names it.
        description: What its score says, for the API reference.
        apply: Pure; the arguments are not changed. Returns the candidates as they are where it does not apply.
    """

    name: StageName
    description: str
    apply: Apply
