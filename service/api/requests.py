"""What the service is asked: the request half of the HTTP contract, and its translation into the engine's options."""

from dataclasses import replace
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Field, SkipValidation, field_validator

from embeddings.errors import InvalidOption
from embeddings.queries import Filters, Mode, SearchOptions, Stage
from service.api import examples
from service.api.strict import Strict, Text
from service.settings import Settings

# Farther than anyone pages, and safe to add to within the engine and its database
_FARTHEST = 1_000_000_000
_MOST_IDS = 1000

Ids: TypeAlias = Annotated[tuple[Text, ...], Field(max_length=_MOST_IDS)]


class Nothing(Strict):
    """A route without parameters."""


class Options(Strict):
    """How many hits, which, and in what order."""

    top_k: int = Field(
        10, ge=1, le=_FARTHEST, description="Most hits; at most `limits.max_top_k` of /info.", examples=[2]
    )
    offset: int = Field(
        0,
        ge=0,
        le=_FARTHEST,
        description="Hits to leave out at the top, for paging; at most `limits.max_offset` of /info.",
    )
    min_score: float | None = Field(None, ge=-1, le=1, description="Leave out hits below this cosine.")
    min_probability: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Leave out hits that are less probably related; an error where probability is not known.",
    )
    diversity: float = Field(
        0.0, ge=0, le=1, description="0 orders by score; towards 1, each hit is ever less like those above it."
    )
    group_duplicates: bool = Field(False, description="Only the best of each group of near-duplicates.")
    why: bool = Field(
        False, description="Give each hit the pair of sentences that match best; with at most `limits.max_why` hits."
    )
    without: tuple[Stage, ...] = Field(
        (), max_length=len(Stage), description="Stages of ranking to leave out; without all, the order is the score's."
    )
    explain: bool = Field(False, description="Give each hit what each stage of ranking said of it.")
    fields: tuple[Literal["abstract"], ...] = Field((), description="What each hit has besides: `abstract`.")
    language: tuple[Text, ...] = Field(
        (), max_length=100, description="Only these languages, ISO 639-1.", examples=[["en"]]
    )
    year_from: int | None = Field(None, ge=0, le=9999, description="Earliest year, included.")
    year_to: int | None = Field(None, ge=0, le=9999, description="Latest year, included.")
    category: tuple[Text, ...] = Field(
        (), max_length=100, description="Only these categories, spelt as the sources do."
    )
    source: tuple[Text, ...] = Field((), max_length=100, description="Only papers seen in these source files.")
    id: Ids = Field((), description="Only these papers; unknown ids are an error.")
    exclude_id: Ids = Field((), description="Not these papers.")

    def to_engine(self, settings: Settings) -> SearchOptions:
        """Translate into the engine's words.

        Raises:
            InvalidOption: More hits are asked for than the service gives or explains, they lie too far down, or the
                years contradict each other.
        """
        top_k = within(self, "top_k", settings)
        if self.offset > settings.max_offset:
            raise InvalidOption(f"offset is {self.offset}; at most {settings.max_offset}, narrow the search by filters")
        if self.why and top_k > settings.max_why:
            raise InvalidOption(f"top_k is {top_k}; with why at most {settings.max_why}, page on with offset")
        return SearchOptions(
            top_k=top_k,
            offset=self.offset,
            min_score=self.min_score,
            min_probability=self.min_probability,
            diversity=self.diversity,
            group_duplicates=self.group_duplicates,
            without=frozenset(self.without),
            why=self.why,
            explain=self.explain,
            filters=Filters(
                languages=self.language,
                year_from=self.year_from,
                year_to=self.year_to,
                categories=self.category,
                sources=self.source,
                ids=self.id,
                exclude_ids=self.exclude_id,
            ),
        )


class _InAddress(Options):
    """Options of a query string: lists may be repeated (`language=en&language=zh`) or separated (`language=en,zh`)."""

    @field_validator("without", "fields", "language", "category", "source", "id", "exclude_id", mode="before")
    @classmethod
    def _split(cls, values: Any) -> Any:  # noqa: ANN401 - not yet validated
        if not isinstance(values, list):
            return values
        return [part.strip() for value in values for part in str(value).split(",") if part.strip()]


class _OfText(Options):
    """Options of a question in words."""

    mode: Mode = Field(
        Mode.HYBRID,
        description="Order by meaning and words together, by meaning alone (cosine), or by words alone (BM25).",
    )

    def to_engine(self, settings: Settings) -> SearchOptions:
        """As of all options, with the mode."""
        return replace(super().to_engine(settings), mode=self.mode)


class SearchAddress(_InAddress, _OfText):
    """`GET /search`."""

    q: Text = Field(description="What to look for: a few words, a sentence, an abstract.", examples=[examples.QUERY])


class RelatedAddress(_InAddress):
    """`GET /papers/{paper_id}/related`."""


class SearchBody(_OfText):
    """`POST /search`: as the query string, lists being JSON lists."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SEARCH_BODY]})

    q: Text = Field(description="What to look for; at most `limits.max_query_chars` characters of /info.")


class ExamplesBody(Options):
    """`POST /related`: papers and texts to be like and unlike."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.EXAMPLES_BODY]})

    positive: Ids = Field((), description="Ids of papers to be like.")
    negative: Ids = Field((), description="Ids of papers to be unlike.")
    text: Text | None = Field(None, description="A text to be like.")
    negative_text: Text | None = Field(None, description="A text to be unlike.")


class RelatedItem(Options):
    """One paper of `POST /batch/related`."""

    paper: Text = Field(description="Its id, in any form that `GET /papers/{paper_id}` takes.")


# Documented as their types, but taken as they come: one that is wrong must fail alone
class BatchSearchBody(Strict):
    """`POST /batch/search`."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.BATCH_SEARCH_BODY]})

    queries: list[SkipValidation[SearchBody]] = Field(
        min_length=1, description="At most `limits.max_batch` of /info, each as for `POST /search`."
    )


class BatchRelatedBody(Strict):
    """`POST /batch/related`."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.BATCH_RELATED_BODY]})

    queries: list[SkipValidation[RelatedItem]] = Field(
        min_length=1, description="At most `limits.max_batch` of /info: papers, each with its options."
    )


class ListingAddress(Strict):
    """`GET /papers`."""

    offset: int = Field(0, ge=0, le=_FARTHEST, description="Papers to leave out at the beginning.")
    limit: int = Field(
        20, ge=1, le=_FARTHEST, description="Most papers; at most `limits.max_top_k` of /info.", examples=[2]
    )


def within(asked: Options | ListingAddress, name: Literal["top_k", "limit"], settings: Settings) -> int:
    """How many things to answer with: as asked; if not asked, the default or the most there may be.

    Raises:
        InvalidOption: More are asked for than one answer has.
    """
    value: int = getattr(asked, name)
    if value <= settings.max_top_k:
        return value
    if name not in asked.model_fields_set:
        return settings.max_top_k
    raise InvalidOption(f"{name} is {value}; one answer has at most {settings.max_top_k}, page on with offset")


def check_text(name: str, text: str, settings: Settings) -> str:
    """Pass on a text that is not too long.

    Raises:
        InvalidOption: It is.
    """
    if len(text) > settings.max_query_chars:
        raise InvalidOption(
            f"{name} has {len(text)} characters; at most {settings.max_query_chars} are read, shorten it"
        )
    return text
