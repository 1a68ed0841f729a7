"""The papers themselves: one, or a page of all."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from embeddings.errors import AmbiguousPaperId, InvalidOption, PaperNotFound
from service.api import examples, serialization
from service.api.openapi import answers as documented
from service.api.requests import ListingAddress, Nothing, within
from service.api.responses import ListingAnswer, PaperAnswer
from service.api.routes.search import PaperId
from service.engine.request_engine import Engine
from service.engine.served_snapshot import ServedSnapshot
from service.http.cacheable import cacheable

router = APIRouter(tags=["papers"])


@router.get(
    "/papers",
    response_model=ListingAnswer,
    operation_id="list_papers",
    summary="Browse all papers",
    responses=documented(examples.LISTING, "A page of papers, in the order of the corpus.", InvalidOption),
)
@cacheable
async def browse(asked: Annotated[ListingAddress, Query()], engine: Engine) -> Response:
    """List the papers in the order of the corpus, a page at a time. Beyond the end the page is empty."""
    limit = within(asked, "limit", asked.limit, engine.settings)

    def answer(served: ServedSnapshot) -> ListingAnswer:
        snapshot = served.snapshot
        page = [serialization.listed(paper) for paper in snapshot.papers(asked.offset, limit)]
        return {"snapshot": snapshot.id, "total": len(snapshot), "papers": page}

    return await engine.answer(answer)


@router.get(
    "/papers/{paper_id:path}",
    response_model=PaperAnswer,
    operation_id="get_paper",
    summary="Show one paper",
    responses=documented(examples.PAPER_SHOWN, "The paper.", PaperNotFound, AmbiguousPaperId),
)
@cacheable
async def show(paper_id: PaperId, _asked: Annotated[Nothing, Query()], engine: Engine) -> Response:
    """Show all that is known of a paper: abstract, language, where it was seen, its ids, its near-duplicates."""
    return await engine.answer(_paper_in, paper_id)


def _paper_in(served: ServedSnapshot, paper_id: str) -> dict[str, Any]:
    return serialization.paper(served.snapshot.id, served.snapshot.paper(paper_id))
