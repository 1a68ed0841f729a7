"""What a caller asks and what comes back: options, filters, hits. Pure values, checked when made.

`SearchOptions` is the only declaration of the options of a search. HTTP parameters, request bodies, command-line
options and the reference pages are derived from it with `declared_options`.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated, Any, get_args, get_type_hints

from annotated_types import Ge, Le, MaxLen
from typing_extensions import Doc

from embeddings.errors import InvalidOption
from embeddings.papers import PaperSummary
from embeddings.ranking.stage_names import OPTIONAL, StageName


class Mode(StrEnum):
    """What a text is compared by."""

    HYBRID = "hybrid"
    DENSE = "dense"
    LEXICAL = "lexical"


class HitField(StrEnum):
    """A field of a paper that a hit may show."""

    ID = "id"
    TITLE = "title"
    LABEL = "label"
    AUTHORS = "authors"
    VENUE = "venue"
    YEAR = "year"
    DATE = "date"
    URL = "url"
    CATEGORIES = "categories"
    LANGUAGE = "language"
    EXTERNAL_IDS = "externalIds"
    DUPLICATES = "duplicates"
    ABSTRACT = "abstract"
    EXTRA = "extra"


class Scale(StrEnum):
    """What a score is measured on: equal numbers on two scales mean different things. Each has its calibration."""

    TEXT = "text"  # of a text: the whole pipeline
    FUSED = "fused"  # the same without smoothing, which is skipped among papers of several languages
    DENSE = "dense"  # of a text: the cosine
    PAPER = "paper"  # of papers: the whole pipeline


@dataclass(frozen=True, slots=True)
class TextOnly:
    """Marks an option that only queries by text have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which papers may be hits. Empty fields admit all; fields are joined by *and*, the values of one by *or*.

    Raises:
        InvalidOption: A value is out of its range, or `year_from` is after `year_to`.
    """

    language: Annotated[tuple[str, ...], MaxLen(100), Doc("Only papers in these languages, ISO 639-1 codes.")] = ()
    year_from: Annotated[
        int | None, Ge(0), Le(9999), Doc("Earliest year, included. A paper without a year passes no year filter.")
    ] = None
    year_to: Annotated[int | None, Ge(0), Le(9999), Doc("Latest year, included.")] = None
    category: Annotated[
        tuple[str, ...], MaxLen(100), Doc("Only papers of these categories, compared whole, spelt as in the sources.")
    ] = ()
    source: Annotated[tuple[str, ...], MaxLen(100), Doc("Only papers seen in these source files.")] = ()
    id: Annotated[tuple[str, ...], MaxLen(1000), Doc("Only these papers; an unknown id is an error.")] = ()
    exclude_id: Annotated[tuple[str, ...], MaxLen(1000), Doc("Not these papers; an unknown id is an error.")] = ()

    def __post_init__(self) -> None:
        _check(self)
        if self.year_from is not None and self.year_to is not None and self.year_from > self.year_to:
            raise InvalidOption(f"year_from is {self.year_from}, after year_to {self.year_to}; swap them")


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """How many hits, which, in what order, and what each shows.

    Raises:
        InvalidOption: A value is out of its range.
    """

    top_k: Annotated[int, Ge(1), Doc("Most hits to return.")] = 10
    offset: Annotated[int, Ge(0), Doc("Hits to skip from the top, for paging.")] = 0
    min_score: Annotated[float | None, Ge(0), Le(1), Doc("Leave out hits with a lower score.")] = None
    min_similarity: Annotated[float | None, Ge(-1), Le(1), Doc("Leave out hits with a lower cosine.")] = None
    min_probability: Annotated[
        float | None,
        Ge(0),
        Le(1),
        Doc("Leave out hits with a lower probability; an error where probability is not calibrated."),
    ] = None
    diversity: Annotated[
        float,
        Ge(0),
        Le(1),
        Doc(
            "Weight of novelty against relevance: maximal marginal relevance (Carbonell and Goldstein 1998) with "
            "lambda = 1 - diversity. 0 orders by relevance alone."
        ),
    ] = 0.0
    group_duplicates: Annotated[bool, Doc("Return only the best paper of each group of near-duplicates.")] = False
    mode: Annotated[
        Mode,
        TextOnly(),
        Doc("Rank by meaning and words together, by meaning alone (cosine), or by words alone (BM25)."),
    ] = Mode.HYBRID
    without: Annotated[
        tuple[StageName, ...],
        MaxLen(len(StageName)),
        Doc("Ranking stages to leave out. Without all of them the order is that of the cosine."),
    ] = ()
    why: Annotated[bool, Doc("Add to each hit the pair of sentences that match best.")] = False
    explain: Annotated[bool, Doc("Add to each hit the score of every ranking stage.")] = False
    fields: Annotated[
        tuple[HitField, ...],
        MaxLen(len(HitField)),
        Doc(
            "Fields of each hit besides its scores. By default all but `abstract` and `extra`, the fields of the "
            "source record that have no meaning here."
        ),
    ] = ()
    filters: Filters = field(default_factory=Filters)

    def __post_init__(self) -> None:
        _check(self)
        if StageName.FUSION in self.without:
            raise InvalidOption(f"the stage fusion cannot be left out; those that can are {', '.join(OPTIONAL)}")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "SearchOptions":
        """Make options from a flat mapping, as HTTP parameters and command-line options are.

        Args:
            values: Names of `declared_options` → values. Names that are missing keep their default.

        Raises:
            InvalidOption: A value is out of its range.
            TypeError: There is no option of this name.
        """
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        filters: dict[str, Any] = {name: given.pop(name) for name in _FILTER_NAMES & given.keys()}
        return cls(**given, filters=Filters(**filters)) if filters else cls(**given)

    @property
    def plain(self) -> bool:
        """Whether all options but `top_k` and `offset` have their default."""
        return replace(self, top_k=_USUAL.top_k, offset=_USUAL.offset) == _USUAL


_FILTER_NAMES = frozenset(each.name for each in dataclasses.fields(Filters))


@dataclass(frozen=True, slots=True)
class DeclaredOption:
    """One option, as interfaces derive theirs from it.

    Attributes:
        name: The same in every interface.
        annotation: Its type with the constraints of `annotated_types`.
        default: If it is not given.
        description: One or two sentences.
        text_only: Whether only queries by text have it.
        constraints: `Ge`, `Le`, `MaxLen`.
    """

    name: str
    annotation: Any
    default: Any
    description: str
    text_only: bool
    constraints: tuple[Any, ...]


def _declared(owner: "type[SearchOptions | Filters]") -> tuple[DeclaredOption, ...]:
    hints = get_type_hints(owner, include_extras=True)
    found = []
    for each in dataclasses.fields(owner):
        kind, *metadata = get_args(hints[each.name]) if hasattr(hints[each.name], "__metadata__") else (None,)
        if kind is None:
            continue  # `filters`, whose fields are declared by `Filters`
        found.append(
            DeclaredOption(
                name=each.name,
                annotation=hints[each.name],
                default=each.default,
                description=next(item.documentation for item in metadata if isinstance(item, Doc)),
                text_only=any(isinstance(item, TextOnly) for item in metadata),
                constraints=tuple(item for item in metadata if isinstance(item, Ge | Le | MaxLen)),
            )
        )
    return tuple(found)


_DECLARED = {owner: _declared(owner) for owner in (SearchOptions, Filters)}
# (name, default, constraint): worked out once, as options are made for each request
_CONSTRAINTS = {
    owner: tuple((each.name, each.default, one) for each in declared for one in each.constraints)
    for owner, declared in _DECLARED.items()
}


def declared_options() -> tuple[DeclaredOption, ...]:
    """All options of a search, those of `Filters` among them, in the order of their declaration."""
    return _DECLARED[SearchOptions] + _DECLARED[Filters]


def _check(options: "SearchOptions | Filters") -> None:
    for name, default, constraint in _CONSTRAINTS[type(options)]:
        value = getattr(options, name)
        if value is default or value is None:
            continue
        if isinstance(constraint, Ge) and not value >= constraint.ge:
            raise InvalidOption(f"{name} is {value}; it must be at least {constraint.ge}")
        if isinstance(constraint, Le) and not value <= constraint.le:
            raise InvalidOption(f"{name} is {value}; it must be at most {constraint.le}")
        if isinstance(constraint, MaxLen) and len(value) > constraint.max_length:
            raise InvalidOption(f"{name} has {len(value)} values; at most {constraint.max_length} are allowed")


NO_FILTERS = Filters()
_USUAL = SearchOptions()


@dataclass(frozen=True, slots=True)
class Highlight:
    """The pair of sentences with the highest cosine, one of the query and one of the hit.

    Attributes:
        query_sentence: From the query text, or from the abstract of the query paper.
        hit_sentence: From the hit's abstract.
        similarity: Cosine of the two sentences.
    """

    query_sentence: str
    hit_sentence: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer: a paper and its scores.

    Attributes:
        paper: What is shown of the paper.
        score: What the order goes by, in [0, 1]; no hit has a higher score than the one above it. Comparable within
            one answer only.
        similarity: Cosine of query and paper, in [-1, 1].
        probability: That a person would judge it related, to three digits (see `ranking.calibration`); None where the
            ranking is not calibrated.
        stages: Ranking stage → its score; None where the stage does not apply to the hit. `dense` is the cosine.
        highlight: The matching sentences, with `SearchOptions.why`.
        abstract: With `HitField.ABSTRACT` among the fields asked for.
        extra: Fields of the source record without a meaning here, with `HitField.EXTRA` among the fields asked for.
    """

    paper: PaperSummary
    score: float
    similarity: float
    probability: float | None = None
    stages: Mapping[str, float | None] = field(default_factory=dict)
    highlight: Highlight | None = None
    abstract: str | None = None
    extra: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class QueryText:
    """What the encoder read of the query text.

    Attributes:
        tokens_seen: Tokens it read.
        tokens_total: Tokens the text has.
        language: ISO 639-1 code, `und` where it cannot be determined.
    """

    tokens_seen: int
    tokens_total: int
    language: str


@dataclass(frozen=True, slots=True)
class Results:
    """The hits of one query.

    Attributes:
        hits: In descending `score`; ties by similarity, then by the paper's place in the corpus.
        total: Papers that the filters admit, without the query papers.
        exhausted: Whether a larger `offset` returns nothing.
        query: Of queries with one text.
        paper: Full id of the query paper, of queries by one paper.
        found: Whether the best hit, on whatever page it is, reaches the calibrated threshold; None where the ranking is
            not calibrated.
        scale: What the scores are measured on; None where they are not calibrated.
    """

    hits: tuple[Hit, ...]
    total: int
    exhausted: bool
    query: QueryText | None = None
    found: bool | None = None
    scale: Scale | None = None
    paper: str | None = None


@dataclass(frozen=True, slots=True)
class StoredPage:
    """A page of stored neighbours, ready to be written as JSON; more hits follow it.

    Attributes:
        paper: Full id of the query paper.
        scores: Of each hit, as `Hit.score`.
        similarities: Of each hit, as `Hit.similarity`.
        probabilities: Of each hit, as `Hit.probability`.
        fields: Of each hit, the JSON of `snapshots.stored_fields`.
        total: As `Results.total`.
        found: As `Results.found`.
    """

    paper: str
    scores: list[float]
    similarities: list[float]
    probabilities: list[float] | list[None]
    fields: list[bytes]
    total: int
    found: bool | None
