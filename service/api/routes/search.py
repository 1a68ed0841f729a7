"""Papers near a text, near a paper, or like some examples."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from embeddings.encoders.encoder_info import Encoded
from embeddings.errors import AmbiguousPaperId, EmptyQuery, InvalidOption, PaperNotFound
from embeddings.queries import SearchOptions
from embeddings.search import results_json
from service.api import examples
from service.api.openapi import answers as documented
from service.api.openapi import answers_body as documented_body
from service.api.requests import ExamplesBody, Options, RelatedAddress, SearchAddress, SearchBody, check_text
from service.api.responses import ExamplesAnswer, RelatedAnswer, SearchAnswer
from service.engine.request_engine import Engine
from service.engine.served_snapshot import ServedSnapshot
from service.http.etag import cacheable

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
    summary="Find papers near a text",
    responses=documented(examples.SEARCH, "Papers, the nearest first.", EmptyQuery, InvalidOption, PaperNotFound),
)
@cacheable
async def search(asked: Annotated[SearchAddress, Query()], desk: Engine) -> Response:
    """Find the papers whose abstracts are nearest in meaning to a few words, a sentence or an abstract.

    Filters are applied inside the search: `top_k` hits come back whenever so many papers pass them. For long texts
    there is `POST /search`.
    """
    return await _search(asked.q, asked, desk)


@router.post(
    "/search",
    response_model=SearchAnswer,
    summary="Find papers near a long text",
    responses=documented_body(examples.SEARCH, "Papers, the nearest first.", EmptyQuery, InvalidOption, PaperNotFound),
)
async def search_post(asked: SearchBody, desk: Engine) -> Response:
    """As `GET /search`, with the question in the body: a whole draft abstract, or values that contain commas."""
    return await _search(asked.q, asked, desk)


async def _search(text: str, asked: Options, desk: Engine) -> Response:
    options = asked.to_engine(desk.settings)
    check_text("q", text, desk.settings)
    return await desk.answer_text(text, lambda generation, encoded: search_in(generation, text, options, encoded))


def search_in(
    generation: ServedSnapshot, text: str, options: SearchOptions, encoded: Encoded | None = None
) -> dict[str, Any]:
    """Answer a text from one generation; `encoded` by its encoder, if that was done before."""
    return results_json.answer(generation.snapshot.id, generation.searcher.search(text, options, encoded), options)


# Before /papers/{paper_id}, which takes everything that follows, slashes too
@router.get(
    "/papers/{paper_id:path}/related",
    response_model=RelatedAnswer,
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
async def related(paper_id: PaperId, asked: Annotated[RelatedAddress, Query()], desk: Engine) -> Response:
    """Find the papers nearest in meaning to a paper of the corpus. The model is not run, unless `why` asks for it."""
    options = asked.to_engine(desk.settings)
    desk.parts.stored.remember(desk.request.scope["query_string"], options)
    return await desk.answer(lambda generation: related_in(generation, paper_id, options))


def related_in(generation: ServedSnapshot, paper: str, options: SearchOptions) -> dict[str, Any]:
    """Answer a paper from one generation."""
    return results_json.answer(generation.snapshot.id, generation.searcher.related(paper, options), options)


@router.post(
    "/related",
    response_model=ExamplesAnswer,
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
async def related_to_examples(asked: ExamplesBody, desk: Engine) -> Response:
    """Find papers like the positive and unlike the negative examples, which may be papers and texts.

    At least one paper or text to be like is needed. Every example counts alike (Rocchio).
    """
    options = asked.to_engine(desk.settings)
    texts = [check_text("text", asked.text, desk.settings)] if asked.text is not None else []
    unlike = (
        [check_text("negative_text", asked.negative_text, desk.settings)] if asked.negative_text is not None else []
    )

    def answer(generation: ServedSnapshot) -> dict[str, Any]:
        results = generation.searcher.related_to(
            positive=asked.positive, negative=asked.negative, texts=texts, negative_texts=unlike, options=options
        )
        return results_json.answer(generation.snapshot.id, results, options)

    return await desk.answer(answer)
