"""Many questions in one request. Answers come in order; a question that cannot be answered fails alone."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from embeddings.errors import InvalidOption, RelatedPapersError
from service.api import examples
from service.api.openapi import answers_body as documented
from service.api.problems import INTERNAL, INVALID_REQUEST, invalid_values, kind_of, problem, summary
from service.api.requests import BatchRelatedBody, BatchSearchBody, Options, RelatedItem, SearchBody, check_text
from service.api.responses import BatchRelatedAnswer, BatchSearchAnswer, Problem
from service.api.routes.search import related_in, search_in
from service.engine.request_engine import Engine
from service.engine.served_snapshot import ServedSnapshot
from service.settings import Settings
from service.telemetry import logs

router = APIRouter(prefix="/batch", tags=["batch"])

Q = TypeVar("Q", bound=Options)
A = TypeVar("A")


@router.post(
    "/search",
    response_model=BatchSearchAnswer,
    operation_id="batch_search",
    summary="Find papers near each of many texts",
    responses=documented(examples.BATCH_SEARCH, "An answer or a problem for each query, in order.", InvalidOption),
)
async def batch_search(asked: BatchSearchBody, engine: Engine) -> Response:
    """Answer many texts at once; they share passes through the model. Counts as one request for admission."""
    _check_size(asked.queries, engine.settings)
    questions = [_read(SearchBody, query) for query in asked.queries]

    def one(served: ServedSnapshot, question: SearchBody) -> dict[str, Any]:
        options = question.to_engine(engine.settings)
        check_text("q", question.q, engine.settings)
        return search_in(served, question.q, options)

    def answer(served: ServedSnapshot) -> dict[str, Any]:
        _encode_together(served, questions, engine.settings)
        results = _each(questions, lambda question: one(served, question), engine.request)
        return {"snapshot": served.snapshot.id, "results": results}

    return await engine.answer(answer)


@router.post(
    "/related",
    response_model=BatchRelatedAnswer,
    operation_id="batch_related",
    summary="Find papers near each of many papers",
    responses=documented(examples.BATCH_RELATED, "An answer or a problem for each paper, in order.", InvalidOption),
)
async def batch_related(asked: BatchRelatedBody, engine: Engine) -> Response:
    """Answer many papers at once, each with its own options. Counts as one request for admission."""
    _check_size(asked.queries, engine.settings)
    questions = [_read(RelatedItem, query) for query in asked.queries]

    def one(served: ServedSnapshot, question: RelatedItem) -> dict[str, Any]:
        return related_in(served, question.paper, question.to_engine(engine.settings))

    def answer(served: ServedSnapshot) -> dict[str, Any]:
        results = _each(questions, lambda question: one(served, question), engine.request)
        return {"snapshot": served.snapshot.id, "results": results}

    return await engine.answer(answer)


def _check_size(queries: Sequence[object], settings: Settings) -> None:
    if len(queries) > settings.max_batch:
        raise InvalidOption(f"the batch has {len(queries)} queries; at most {settings.max_batch} go in one request")


def _read(question: type[Q], query: Any) -> Q | ValidationError:  # noqa: ANN401 - as the client sent it
    try:
        return question.model_validate(query)
    except ValidationError as error:
        return error


def _encode_together(
    served: ServedSnapshot, questions: Sequence[SearchBody | ValidationError], settings: Settings
) -> None:
    """Have the batcher remember all texts after few passes, so that the searches find them there.

    Only a head start: whatever cannot be encoded, or is forgotten meanwhile, the searches encode one by one.
    """
    texts = [question.q for question in questions if not isinstance(question, ValidationError)]
    usable = [text for text in texts if text.strip() and len(text) <= settings.max_query_chars]
    for start in range(0, len(usable), settings.encoder_batch):
        try:
            served.batcher.encode_queries(usable[start : start + settings.encoder_batch])
        except RelatedPapersError:
            return


def _each(questions: Sequence[Q | ValidationError], one: Callable[[Q], A], request: Request) -> list[A | Problem]:
    """Answer each question or say why not."""
    results: list[A | Problem] = []
    request_id: str = request.state.request_id
    for i, question in enumerate(questions):
        instance = f"{request.url.path}#/queries/{i}"
        if isinstance(question, ValidationError):
            errors = invalid_values(
                question.errors(include_url=False, include_context=False), within=("body", "queries", i)
            )
            results.append(
                problem(INVALID_REQUEST, instance, detail=summary(errors), errors=errors, request_id=request_id)
            )
            continue
        try:
            results.append(one(question))
        except Exception as error:
            kind = kind_of(error)
            if kind is INTERNAL:
                logs.logger("service.batch").exception("query failed", instance=instance)
            results.append(problem(kind, instance, detail=str(error), request_id=request_id))
    return results
