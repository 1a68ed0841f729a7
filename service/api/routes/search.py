"""Papers near a text, near a paper, or like some examples."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from embeddings.errors import AmbiguousPaperId, EmptyQuery, InvalidOption, PaperNotFound
from embeddings.queries import SearchOptions
from embeddings.search import results_json
from service.api import examples
from service.api.openapi import answers as documented
from service.api.openapi import answers_body as documented_body
from service.api.requests import ExamplesBody, Options, RelatedAddress, SearchAddress, SearchBody, check_text
from service.api.responses import ExamplesAnswer, RelatedAnswer, SearchAnswer
from service.engine.request_engine import EncodedQuery, Engine
from service.engine.served_snapshot import ServedSnapshot
from service.http.cacheable import cacheable

router = APIRouter(tags=["search"])

PaperId = Annotated[
    str,
    Path(
        description="The paper's id, the first 8 digits or more of it, or an id of another system with its prefix: "
        "`ARXIV:2301.00001`, `DOI:10.1000/x`, `CorpusId:1`. Slashes may stand as they are.",
        examples=[examples.PAPER],
    ),
]


@router.get(
    "/search",
    response_model=SearchAnswer,
    operation_id="search",
    summary="Find papers near a text",
    responses=documented(examples.SEARCH, "Papers, the nearest first.", EmptyQuery, InvalidOption, PaperNotFound),
)
@cacheable
async def search(asked: Annotated[SearchAddress, Query()], engine: Engine) -> Response:
    """Find the papers whose abstracts are nearest in meaning to a few words, a sentence or an abstract.

    Filters are applied inside the search: `top_k` hits come back whenever so many papers pass them. For long texts
    there is `POST /search`.
    """
    return await _search(asked.q, asked, engine)


@router.post(
    "/search",
    response_model=SearchAnswer,
    operation_id="search_post",
    summary="Find papers near a long text",
    responses=documented_body(examples.SEARCH, "Papers, the nearest first.", EmptyQuery, InvalidOption, PaperNotFound),
)
async def search_long(asked: SearchBody, engine: Engine) -> Response:
    """As `GET /search`, with the question in the body: a whole draft abstract, or values that contain commas."""
    return await _search(asked.q, asked, engine)


async def _search(text: str, asked: Options, engine: Engine) -> Response:
    options = asked.to_engine(engine.settings)
    check_text("q", text, engine.settings)
    async with engine.admitted() as admission:
        query = await engine.encode(text)
        return await admission.run(engine.respond, search_in, text, options, query)


def search_in(
    served: ServedSnapshot, text: str, options: SearchOptions, query: EncodedQuery | None = None
) -> dict[str, Any]:
    """Search a snapshot for a text; `query` is ignored if another encoder than that of the snapshot encoded it."""
    encoded = query.encoded if query is not None and query.batcher is served.batcher else None
    return results_json.answer(served.snapshot.id, served.searcher.search(text, options, encoded), options)


# Before /papers/{paper_id}, which takes everything that follows, slashes too
@router.get(
    "/papers/{paper_id:path}/related",
    response_model=RelatedAnswer,
    operation_id="related",
    summary="Find papers near a paper",
    responses=documented(
        examples.RELATED,
        "Papers, the nearest first; the paper itself is never among them.",
        PaperNotFound,
        AmbiguousPaperId,
        InvalidOption,
    ),
)
@cacheable
async def related(paper_id: PaperId, asked: Annotated[RelatedAddress, Query()], engine: Engine) -> Response:
    """Find the papers nearest in meaning to a paper of the corpus. The model is not run, unless `why` asks for it."""
    options = asked.to_engine(engine.settings)
    engine.state.stored.remember(engine.request.scope["query_string"], options)
    return await engine.answer(related_in, paper_id, options)


def related_in(served: ServedSnapshot, paper: str, options: SearchOptions) -> dict[str, Any]:
    """Search a snapshot for the neighbours of a paper."""
    return results_json.answer(served.snapshot.id, served.searcher.related(paper, options), options)


@router.post(
    "/related",
    response_model=ExamplesAnswer,
    operation_id="related_to_examples",
    summary="Find papers like some and unlike others",
    responses=documented_body(
        examples.EXAMPLES,
        "Papers, the nearest first; none of the examples is among them.",
        PaperNotFound,
        AmbiguousPaperId,
        EmptyQuery,
        InvalidOption,
    ),
)
async def related_to_examples(asked: ExamplesBody, engine: Engine) -> Response:
    """Find papers like the positive and unlike the negative examples, which may be papers and texts.

    At least one paper or text to be like is needed. Every example counts alike (Rocchio).
    """
    options = asked.to_engine(engine.settings)
    texts = [check_text("text", asked.text, engine.settings)] if asked.text is not None else []
    unlike = (
        [check_text("negative_text", asked.negative_text, engine.settings)] if asked.negative_text is not None else []
    )

    def answer(served: ServedSnapshot) -> dict[str, Any]:
        results = served.searcher.related_to(
            positive=asked.positive, negative=asked.negative, texts=texts, negative_texts=unlike, options=options
        )
        return results_json.answer(served.snapshot.id, results, options)

    return await engine.answer(answer)
