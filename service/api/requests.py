"""What the service is asked: the request half of the HTTP contract, and its translation into the engine's options."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar, get_args

from annotated_types import Le
from pydantic import ConfigDict, Field, SkipValidation, create_model, field_validator

from embeddings.errors import InvalidOption
from embeddings.queries import DeclaredOption, SearchOptions, declared_options
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
    """The options of a search, as `SearchOptions` declares them: subclasses get their fields from `_derived`."""

    def to_engine(self, settings: Settings) -> SearchOptions:
        """Translate into the engine's options.

        Raises:
            InvalidOption: More hits are asked for than the service gives or explains, they lie too far down, or the
                years contradict each other.
        """
        options = SearchOptions.of(
            {each.name: getattr(self, each.name) for each in declared_options() if hasattr(self, each.name)}
        )
        top_k = within(self, "top_k", options.top_k, settings)
        if options.offset > settings.max_offset:
            raise InvalidOption(
                f"offset is {options.offset}; at most {settings.max_offset}, narrow the search by filters"
            )
        if options.why and top_k > settings.max_why:
            raise InvalidOption(f"top_k is {top_k}; with why at most {settings.max_why}, page on with offset")
        return options if top_k == options.top_k else replace(options, top_k=top_k)


class _InAddress(Options):
    """Options of a query string: lists may be repeated (`language=en&language=zh`) or separated (`language=en,zh`)."""

    @field_validator("*", mode="before")
    @classmethod
    def _split(cls, values: Any) -> Any:  # noqa: ANN401 - not yet validated
        if not isinstance(values, list):
            return values
        return [part.strip() for value in values for part in str(value).split(",") if part.strip()]


M = TypeVar("M", bound=Options)


def _derived(name: str, base: type[M], *, text: bool) -> type[M]:
    """A model with the fields of `base` and those of `SearchOptions`.

    Args:
        name: Of the model.
        base: Holds the fields that are not options.
        text: Whether options that only queries by text have are among them.
    """
    fields: Any = {
        each.name: (_annotation(each), Field(each.default, description=each.description))
        for each in declared_options()
        if text or not each.text_only
    }
    model: type[M] = create_model(name, __base__=base, __doc__=base.__doc__, **fields)
    return model


def _annotation(option: DeclaredOption) -> Any:  # noqa: ANN401 - a type
    """The type of an option over HTTP: texts are checked, numbers are bounded."""
    kind = get_args(option.annotation)[0]
    constraints = list(option.constraints)
    if kind == tuple[str, ...]:
        kind = tuple[Text, ...]
    if kind is int and not any(isinstance(each, Le) for each in constraints):
        constraints.append(Le(_FARTHEST))
    return Annotated[kind, *constraints] if constraints else kind


class _SearchAddress(_InAddress):
    """`GET /search`."""

    q: Text = Field(description="What to look for: a few words, a sentence, an abstract.", examples=[examples.QUERY])


class _RelatedAddress(_InAddress):
    """`GET /papers/{paper_id}/related`."""


class _SearchBody(Options):
    """`POST /search`: as the query string, lists being JSON lists."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SEARCH_BODY]})

    q: Text = Field(description="What to look for; at most `limits.max_query_chars` characters of /info.")


class _ExamplesBody(Options):
    """`POST /related`: papers and texts to be like and unlike."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.EXAMPLES_BODY]})

    positive: Ids = Field((), description="Ids of papers to be like.")
    negative: Ids = Field((), description="Ids of papers to be unlike.")
    text: Text | None = Field(None, description="A text to be like.")
    negative_text: Text | None = Field(None, description="A text to be unlike.")


class _RelatedItem(Options):
    """One paper of `POST /batch/related`."""

    paper: Text = Field(description="Its id, in any form that `GET /papers/{paper_id}` takes.")


if TYPE_CHECKING:
    SearchAddress: TypeAlias = _SearchAddress
    RelatedAddress: TypeAlias = _RelatedAddress
    SearchBody: TypeAlias = _SearchBody
    ExamplesBody: TypeAlias = _ExamplesBody
    RelatedItem: TypeAlias = _RelatedItem
else:
    SearchAddress = _derived("SearchAddress", _SearchAddress, text=True)
    RelatedAddress = _derived("RelatedAddress", _RelatedAddress, text=False)
    SearchBody = _derived("SearchBody", _SearchBody, text=True)
    ExamplesBody = _derived("ExamplesBody", _ExamplesBody, text=False)
    RelatedItem = _derived("RelatedItem", _RelatedItem, text=False)


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


def within(asked: Strict, name: str, value: int, settings: Settings) -> int:
    """How many things to answer with: as asked; if not asked, the default or the most there may be.

    Raises:
        InvalidOption: More are asked for than one answer has.
    """
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
