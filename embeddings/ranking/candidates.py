"""What a ranking pipeline works on: the query, the data of the corpus, the candidates. Pure values."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embeddings.indexes.base import LexicalIndex, TermVector, VectorIndex
from embeddings.queries import NO_FILTERS, Filters, Scale
from embeddings.ranking.stage_names import StageName
from embeddings.texts.language import UNDETERMINED


class QueryKind(StrEnum):
    """What a query is made of: it decides weights and the number of candidates (`ranking.weights`)."""

    TEXT = "text"
    PAPER = "paper"


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingQuery:
    """A query as the pipeline sees it.

    Attributes:
        kind: A text; or a paper, or several examples.
        vector: Shape (dimension,), length 1.
        terms: Of a text, see `texts.terms`.
        term_vector: Of papers and several examples.
        max_lexical: What the lexical score of a candidate cannot exceed: `LexicalIndex.max_score` of a text, 1 of a
            paper, whose lexical score is a cosine.
        language: ISO 639-1 code, or `UNDETERMINED`.
        filters: Which papers may be hits.
        exclude: Rows that may not be hits: the query papers.
        without: Stages to leave out.
    """

    kind: QueryKind
    vector: NDArray[np.float32]
    terms: tuple[str, ...] = ()
    term_vector: TermVector | None = None
    max_lexical: float = 1.0
    language: str = UNDETERMINED
    filters: Filters = NO_FILTERS
    exclude: Collection[int] = ()
    without: Collection[StageName] = ()


class RankingData(Protocol):
    """What the stages read of a corpus. `Snapshot` has it, and so has a build."""

    @property
    def index(self) -> VectorIndex:
        """Of the papers' embeddings."""
        ...

    @property
    def lexical(self) -> LexicalIndex:
        """Of the papers' terms."""
        ...

    @property
    def titles(self) -> NDArray[np.int8]:
        """Title embeddings, shape (papers, dimension), see `indexes.title_embeddings`."""
        ...

    @property
    def languages(self) -> NDArray[np.bytes_]:
        """ISO 639-1 codes, shape (papers,)."""
        ...


@dataclass(frozen=True, slots=True)
class Candidates:
    """Papers that may become hits, and what the stages so far say of them.

    Attributes:
        rows: Shape (m,).
        similarity: Shape (m,): cosine of each to the query.
        score: Shape (m,): what they are ordered by.
        stages: Name of a stage → its scores, shape (m,); NaN where it does not apply.
        complete: Whether no other paper is a candidate.
        bound: No other candidate has a higher similarity than this.
        scale: What the scores are measured on; None where they are not calibrated.
        relevance: Shape (m,): the scores before diversification, which probability is computed from; None if they are
            `score`.
        vectors: Shape (m, dimension), if a stage has read them; see `read_vectors`.
    """

    rows: NDArray[np.int64]
    similarity: NDArray[np.float32]
    score: NDArray[np.float32]
    stages: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    complete: bool = False
    bound: float = 1.0
    scale: Scale | None = None
    relevance: NDArray[np.float32] | None = None
    vectors: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, chosen: "slice | NDArray[np.bool_] | NDArray[np.int64]") -> "Candidates":
        """Some of the candidates, in the order chosen."""
        return replace(
            self,
            rows=self.rows[chosen],
            similarity=self.similarity[chosen],
            score=self.score[chosen],
            stages={name: values[chosen] for name, values in self.stages.items()},
            relevance=None if self.relevance is None else self.relevance[chosen],
            vectors=None,
        )

    def read_vectors(self, data: RankingData) -> NDArray[np.float32]:
        """Their embeddings, shape (m, dimension)."""
        return data.index.vectors(self.rows) if self.vectors is None else self.vectors

    def with_stage(self, name: str, values: NDArray[np.float32]) -> "Candidates":
        """The same candidates with the scores of one more stage."""
        return replace(self, stages={**self.stages, name: values})

    def order(self) -> NDArray[np.int64]:
        """Positions by descending score; ties by similarity, then by row."""
        return np.lexsort((self.rows, -self.similarity, -self.score))

    @property
    def calibrated_on(self) -> NDArray[np.float32]:
        """The scores that probability is computed from, shape (m,)."""
        return self.score if self.relevance is None else self.relevance
