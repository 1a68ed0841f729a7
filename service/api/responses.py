"""What the service answers: the response half of the HTTP contract. Keys that are not required are absent, not null."""

from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict  # pydantic cannot read typing's before Python 3.12

from embeddings.ranking.pipeline import DENSE, DENSE_DESCRIPTION, STAGES


class InvalidValue(TypedDict):
    """One value that cannot be used."""

    location: Annotated[str, Field(description="Where it stands: `query/top_k`, `body/positive/0`.")]
    detail: Annotated[str, Field(description="What is wrong, and what would be right.")]
    type: Annotated[str, Field(description="The kind of mistake, for programs.")]


class Problem(TypedDict):
    """An error, as RFC 9457 describes it."""

    type: Annotated[str, Field(description="URI of the kind of problem. Compare this one.")]
    title: Annotated[str, Field(description="The kind in words.")]
    status: Annotated[int, Field(description="The HTTP status.")]
    detail: Annotated[str, Field(description="What went wrong this time, and what to do.")]
    instance: Annotated[str, Field(description="What was asked.")]
    errors: NotRequired[Annotated[list[InvalidValue], Field(description="The values at fault.")]]
    request_id: NotRequired[Annotated[str, Field(description="To be found in the service's log.")]]


class WhyAnswer(TypedDict):
    """The two sentences that match best."""

    query_sentence: Annotated[str, Field(description="Of the query text, or of the query paper's abstract.")]
    hit_sentence: Annotated[str, Field(description="Of the hit's abstract.")]
    similarity: Annotated[float, Field(description="Cosine of the two sentences.")]


StagesAnswer = TypedDict(  # type: ignore[misc]  # made of the stages there are
    "StagesAnswer",
    {
        name: NotRequired[Annotated[float | None, Field(description=description)]]
        for name, description in (
            (DENSE, DENSE_DESCRIPTION),
            *((stage.name.value, stage.description) for stage in STAGES),
        )
    },
)


class HitAnswer(TypedDict):
    """One answer: a paper and how near it is."""

    id: Annotated[str, Field(description="The paper, 40 hexadecimal digits.")]
    score: Annotated[
        float,
        Field(description="What the hits are ordered by, highest first, in [0, 1]; comparable within one answer only."),
    ]
    similarity: Annotated[float, Field(description="Cosine of query and paper, in [-1, 1].")]
    probability: Annotated[
        float | None,
        Field(
            description="Of being related, as people judged it elsewhere; null where it is not known: of an order by "
            "words alone, with stages left out, to several examples, or of a model that was not calibrated."
        ),
    ]
    title: NotRequired[
        Annotated[str | None, Field(description="Null where no source gave one; a title is never invented.")]
    ]
    label: NotRequired[
        Annotated[str, Field(description="What to call the paper: the title, or the key clause of the abstract.")]
    ]
    authors: NotRequired[Annotated[list[str], Field(description="Names in order.")]]
    venue: NotRequired[Annotated[str, Field(description="Journal, conference or repository.")]]
    year: NotRequired[Annotated[int, Field(description="Of publication.")]]
    date: NotRequired[Annotated[str, Field(description="Of publication: YYYY, YYYY-MM or YYYY-MM-DD.")]]
    url: NotRequired[Annotated[str, Field(description="Where people read the paper.")]]
    categories: NotRequired[Annotated[list[str], Field(description="Subject classes, spelt as in the source.")]]
    language: NotRequired[Annotated[str, Field(description="ISO 639-1 code.")]]
    externalIds: NotRequired[Annotated[dict[str, str], Field(description="Ids in other systems, by system.")]]
    duplicates: NotRequired[Annotated[list[str], Field(description="Ids of its near-duplicates.")]]
    abstract: NotRequired[Annotated[str, Field(description="With `abstract` among the fields asked for.")]]
    extra: NotRequired[
        Annotated[
            dict[str, Any],
            Field(description="Other fields of the source record; with `extra` among the fields asked for."),
        ]
    ]
    why: NotRequired[Annotated[WhyAnswer, Field(description="With `why=true`.")]]
    stages: NotRequired[Annotated[StagesAnswer, Field(description="With `explain=true`.")]]


class QueryAnswer(TypedDict):
    """What the encoder made of the query text."""

    tokens_seen: Annotated[int, Field(description="Tokens it read.")]
    tokens_total: Annotated[int, Field(description="Tokens the text has.")]
    language: Annotated[str, Field(description="ISO 639-1 code, `und` where it cannot be told.")]


class _Hits(TypedDict):
    snapshot: Annotated[str, Field(description="Id of the snapshot that answered.")]
    hits: Annotated[list[HitAnswer], Field(description="In descending `score`.")]
    total: Annotated[int, Field(description="Papers that the filters admit, query papers not counted.")]
    exhausted: Annotated[bool, Field(description="True when a larger `offset` would return nothing.")]
    found: Annotated[
        bool | None,
        Field(
            description="False when even the best hit, on whatever page, is too improbable to be about what was asked; "
            "null where probability is not known."
        ),
    ]


class SearchAnswer(_Hits):
    """Papers near a text."""

    query: Annotated[QueryAnswer, Field(description="What the encoder made of the text.")]


class RelatedAnswer(_Hits):
    """Papers near a paper."""

    paper: Annotated[str, Field(description="Full id of the paper asked about.")]


class ExamplesAnswer(_Hits):
    """Papers like some examples and unlike others."""

    query: NotRequired[Annotated[QueryAnswer, Field(description="What the encoder made of `text`.")]]


class SourceAnswer(TypedDict):
    """A place where the abstract was seen."""

    file: Annotated[str, Field(description="Name of the file.")]
    line: Annotated[int, Field(description="First line of the record, from 1.")]


class PaperAnswer(TypedDict):
    """A paper with all known fields."""

    snapshot: Annotated[str, Field(description="Id of the snapshot that answered.")]
    id: Annotated[str, Field(description="SHA-1 of the normalised abstract, 40 hexadecimal digits.")]
    title: Annotated[str | None, Field(description="Null if no source gave one; a title is never invented.")]
    label: Annotated[str, Field(description="The title, or the key clause of the abstract.")]
    authors: NotRequired[Annotated[list[str], Field(description="Names in order.")]]
    venue: NotRequired[Annotated[str, Field(description="Journal, conference or repository.")]]
    year: NotRequired[Annotated[int, Field(description="Year of publication.")]]
    date: NotRequired[Annotated[str, Field(description="Date of publication: YYYY, YYYY-MM or YYYY-MM-DD.")]]
    url: NotRequired[Annotated[str, Field(description="Address of a page about the paper.")]]
    categories: NotRequired[Annotated[list[str], Field(description="Subject classes, spelt as in the source.")]]
    language: Annotated[str, Field(description="ISO 639-1 code.")]
    externalIds: Annotated[dict[str, str], Field(description="Ids in other systems, by system.")]
    duplicates: NotRequired[Annotated[list[str], Field(description="Ids of its near-duplicates.")]]
    abstract: Annotated[str, Field(description="As received.")]
    extra: NotRequired[Annotated[dict[str, Any], Field(description="Other fields of the source record.")]]
    sources: Annotated[list[SourceAnswer], Field(description="Every position where it was found.")]
    tokens_seen: Annotated[int, Field(description="Tokens of title and abstract that the encoder read.")]
    tokens_total: Annotated[int, Field(description="Tokens that title and abstract have.")]


class ListedPaper(TypedDict):
    """A paper in a listing."""

    id: Annotated[str, Field(description="40 hexadecimal digits.")]
    title: Annotated[str | None, Field(description="Null where no source gave one.")]
    label: Annotated[str, Field(description="What people may call it.")]
    language: Annotated[str, Field(description="ISO 639-1 code.")]
    year: NotRequired[Annotated[int, Field(description="Of publication.")]]
    externalIds: Annotated[dict[str, str], Field(description="Ids in other systems, by system.")]


class ListingAnswer(TypedDict):
    """A page of all papers, in the order of the corpus."""

    snapshot: Annotated[str, Field(description="Id of the snapshot that answered.")]
    total: Annotated[int, Field(description="Papers there are.")]
    papers: Annotated[list[ListedPaper], Field(description="From `offset`, at most `limit`.")]


class BatchSearchAnswer(TypedDict):
    """One answer for each query, in their order."""

    snapshot: Annotated[str, Field(description="Id of the snapshot that answered.")]
    results: Annotated[list[SearchAnswer | Problem], Field(description="A problem has `status`, an answer `hits`.")]


class BatchRelatedAnswer(TypedDict):
    """One answer for each paper, in their order."""

    snapshot: Annotated[str, Field(description="Id of the snapshot that answered.")]
    results: Annotated[list[RelatedAnswer | Problem], Field(description="A problem has `status`, an answer `hits`.")]


class Alive(TypedDict):
    """The process runs."""

    status: Annotated[str, Field(description="`alive`.")]


class ReloadFailureAnswer(TypedDict):
    """Why the snapshot that was published last is not served."""

    detail: Annotated[str, Field(description="What is wrong with it.")]
    since: Annotated[str, Field(description="When it was first met, ISO 8601, UTC.")]


class Ready(TypedDict):
    """The service answers questions."""

    status: Annotated[str, Field(description="`ready`.")]
    snapshot: Annotated[str, Field(description="Id of the snapshot that is served.")]
    built_at: Annotated[str, Field(description="When it was built, ISO 8601, UTC.")]
    published_at: Annotated[str, Field(description="When it was last published, ISO 8601, UTC.")]
    age_seconds: Annotated[
        float,
        Field(description="Since it was last published, if only again. Watch this: a job that stopped is silent."),
    ]
    reload_failure: NotRequired[
        Annotated[ReloadFailureAnswer, Field(description="A later snapshot was published and could not be taken up.")]
    ]


class Model(TypedDict):
    """The encoder of the snapshot."""

    name: Annotated[str, Field(description="Hub id, folder, or `embedded/…`.")]
    revision: Annotated[str | None, Field(description="Commit of a hub model.")]
    fingerprint: Annotated[str, Field(description="Equal fingerprints give equal vectors.")]
    dimension: Annotated[int, Field(description="Length of a vector.")]
    window_tokens: Annotated[int, Field(description="Tokens read at once; longer texts are read in windows.")]
    max_tokens: Annotated[int, Field(description="Most tokens of a text that are read, 0 for all.")]
    device: Annotated[str, Field(description="Where it computes.")]
    backend: Annotated[str, Field(description="What computes: torch or openvino.")]
    precision: Annotated[str, Field(description="With which numbers: f32 or bf16.")]


class Limits(TypedDict):
    """What the service lets in."""

    max_top_k: Annotated[int, Field(description="Most hits, or papers of a listing, in one answer.")]
    max_offset: Annotated[int, Field(description="Most hits left out at the top.")]
    max_why: Annotated[int, Field(description="Most hits in one answer that are explained by `why`.")]
    max_query_chars: Annotated[int, Field(description="Longest query text, in characters.")]
    max_batch: Annotated[int, Field(description="Most queries in one batch request.")]
    max_body_bytes: Annotated[int, Field(description="Longest request body.")]
    search_threads: Annotated[int, Field(description="Requests worked on at the same time, per worker.")]
    max_waiting: Annotated[int, Field(description="Requests that may wait beyond those, per worker.")]
    admission: Annotated[str, Field(description="The one rule, in words.")]


class Info(TypedDict):
    """What is served, by what, within which limits."""

    version: Annotated[str, Field(description="Of this service.")]
    snapshot: Annotated[str, Field(description="Id of the snapshot that is served.")]
    model: Annotated[Model, Field(description="Its encoder.")]
    counts: Annotated[dict[str, Any], Field(description="Papers, entries, languages, what was left out and why.")]
    index: Annotated[dict[str, Any], Field(description="FAISS factory string and search effort.")]
    evaluation: Annotated[dict[str, Any], Field(description="The index against exact search.")]
    duplicates: Annotated[dict[str, Any], Field(description="Near-duplicates: threshold, groups, papers.")]
    versions: Annotated[dict[str, str], Field(description="Of the libraries that built the snapshot.")]
    limits: Annotated[Limits, Field(description="What is let in.")]
    workers: Annotated[int, Field(description="Processes that answer.")]
    threads: Annotated[int, Field(description="Processors for one pass through the model, per worker.")]
