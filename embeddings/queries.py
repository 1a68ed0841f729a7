"""What a caller asks and what comes back: options, filters, hits. Pure values, checked when made."""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from embeddings.errors import InvalidOption
from embeddings.papers import PaperSummary


class Mode(StrEnum):
    """What a text is compared by."""

    HYBRID = "hybrid"
    DENSE = "dense"
    LEXICAL = "lexical"


class Stage(StrEnum):
    """What refines an order by meaning."""

    WORDS = "words"
    TITLE = "title"
    FEEDBACK = "feedback"
    SMOOTHING = "smoothing"


class Scale(StrEnum):
    """What relevance is measured on: equal numbers on two scales mean different things."""

    TEXT = "text"  # of a text: meaning and words, refined
    FUSED = "fused"  # the same without smoothing, which keeps silent among papers of several languages
    DENSE = "dense"  # of a text: the cosine
    PAPER = "paper"  # of a paper: meaning and words, smoothed


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which papers may be hits. Empty fields admit all; fields are joined by *and*, the values of one by *or*.

    Attributes:
        languages: ISO 639-1 codes.
        year_from: Earliest year, included. A paper without a year passes no year filter.
        year_to: Latest year, included.
        categories: Subject classes, compared whole, as the sources spell them.
        sources: Names of source files, as `Source.file`.
        ids: Only these papers, in any form `Searcher.paper` accepts; unknown ids are an error.
        exclude_ids: Not these.
    """

    languages: tuple[str, ...] = ()
    year_from: int | None = None
    year_to: int | None = None
    categories: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    exclude_ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.year_from is not None and self.year_to is not None and self.year_from > self.year_to:
            raise InvalidOption(f"year_from is {self.year_from}, after year_to {self.year_to}; swap them")


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """How many hits, which, and in what order.

    Attributes:
        top_k: Most hits to return, at least 1.
        offset: Hits to leave out at the top, for paging, at least 0.
        min_score: Leave out hits below this cosine, in [-1, 1].
        min_probability: Leave out hits that are less probably related, in [0, 1]; needs a calibrated answer.
        diversity: 0 orders by score alone; towards 1 each next hit is chosen ever more for being unlike those
            above it. Maximal marginal relevance (Carbonell and Goldstein 1998) with lambda = 1 - diversity.
        group_duplicates: Answer with the best paper of each group of near-duplicates only.
        mode: Order the answers to a text by meaning and words together, by meaning alone (cosine), or by words alone
            (BM25). Answers to several examples are always by meaning.
        without: Stages of ranking to leave out, of hybrid answers to a text and of answers to one paper, which know
            words and smoothing only. Without all of them the order is that of the cosine.
        why: Give each hit the pair of sentences that match best.
        explain: Have every stage say what it has to say of each hit, even where that takes more work.
        filters: Which papers may be hits.
    """

    top_k: int = 10
    offset: int = 0
    min_score: float | None = None
    min_probability: float | None = None
    diversity: float = 0.0
    group_duplicates: bool = False
    mode: Mode = Mode.HYBRID
    without: frozenset[Stage] = frozenset()
    why: bool = False
    explain: bool = False
    filters: Filters = field(default_factory=Filters)

    def __post_init__(self) -> None:
        if self.top_k < 1:
            raise InvalidOption(f"top_k is {self.top_k}; it must be at least 1")
        if self.offset < 0:
            raise InvalidOption(f"offset is {self.offset}; it must be at least 0")
        if self.min_score is not None and not -1.0 <= self.min_score <= 1.0:
            raise InvalidOption(f"min_score is {self.min_score}; a cosine lies in [-1, 1]")
        if self.min_probability is not None and not 0.0 <= self.min_probability <= 1.0:
            raise InvalidOption(f"min_probability is {self.min_probability}; a probability lies in [0, 1]")
        if not 0.0 <= self.diversity <= 1.0:
            raise InvalidOption(f"diversity is {self.diversity}; it must be in [0, 1]")

    @property
    def plain(self) -> bool:
        """Whether neither the order nor what is shown of a hit is another than usual; only which page is asked for."""
        return replace(self, top_k=_USUAL.top_k, offset=_USUAL.offset) == _USUAL


_USUAL = SearchOptions()


@dataclass(frozen=True, slots=True)
class Why:
    """The two sentences that match best, one of the query and one of the hit.

    Attributes:
        query_sentence: From the query text, or from the abstract of the query paper.
        hit_sentence: From the hit's abstract.
        score: Cosine of the two sentences.
    """

    query_sentence: str
    hit_sentence: str
    score: float


@dataclass(frozen=True, slots=True)
class Stages:
    """What each stage of ranking said of a hit; None where it was not asked, or had nothing to say.

    Attributes:
        dense: Cosine to the query.
        title: Cosine of the title alone to the query.
        lexical: Of a text query, BM25, 0 if it has no word of the query; of a query paper, the cosine of both papers'
            words, weighed as BM25 does; of stored neighbours only with `SearchOptions.explain`.
        feedback: Cosine to the query moved towards the best papers found.
        fused: What all these come to, of a text query.
        relevance: What the order goes by: `fused`, drawn towards that of the nearest candidates; comparable within one
            answer only.
    """

    dense: float
    relevance: float
    title: float | None = None
    lexical: float | None = None
    feedback: float | None = None
    fused: float | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer: a paper and how near it is.

    Attributes:
        paper: What is shown of the paper.
        score: Cosine to the query in [-1, 1], higher is closer, whatever the order goes by.
        stages: How it came to its place.
        probability: Of being related, to three digits (see `calibration`); None where it is not known.
        why: The matching sentences, if asked for.
    """

    paper: PaperSummary
    score: float
    stages: Stages
    probability: float | None = None
    why: Why | None = None


@dataclass(frozen=True, slots=True)
class QueryText:
    """What the encoder made of the query text.

    Attributes:
        tokens_seen: Tokens it read.
        tokens_total: Tokens the text has.
        language: ISO 639-1 code, `und` where it cannot be told.
    """

    tokens_seen: int
    tokens_total: int
    language: str


@dataclass(frozen=True, slots=True)
class Results:
    """The hits of one query.

    Attributes:
        hits: In the order asked for; by `Stages.relevance`, highest first, unless `diversity` is above 0.
        total: Papers that the filters admit, the query papers not counted.
        exhausted: True when no further hit would follow: a larger `offset` returns nothing.
        query: Of text queries only.
        paper: Full id of the paper asked about, of answers to one paper.
        found: Whether the best hit, on whatever page it is, is as probably related as those of questions that have an
            answer are; None where it is not known.
        scale: What `Stages.relevance` is measured on.
    """

    hits: tuple[Hit, ...]
    total: int
    exhausted: bool
    query: QueryText | None = None
    found: bool | None = None
    scale: Scale | None = None
    paper: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of stored hits on one paper, what they show already written; more of them follow.

    Attributes:
        paper: Full id of the paper asked about.
        scores: Of each hit, as `Hit.score`.
        probabilities: Of each hit, as `Hit.probability`.
        cards: Of each hit, see `stored_fields.to_json`.
        total: As `Results.total`.
        found: As `Results.found`.
    """

    paper: str
    scores: list[float]
    probabilities: list[float] | list[None]
    cards: list[bytes]
    total: int
    found: bool | None
