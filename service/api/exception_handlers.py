"""Has every exception that reaches the framework answered with a problem."""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from embeddings.errors import RelatedPapersError
from service.api.openapi import template
from service.api.problems import (
    INTERNAL,
    INVALID_REQUEST,
    MALFORMED_BODY,
    METHOD_NOT_ALLOWED,
    NO_SUCH_ROUTE,
    Kind,
    invalid_values,
    kind_of,
    respond,
    summary,
)


def install(app: FastAPI) -> None:
    """Have the application answer every exception of ours, and the framework's, with a problem."""
    app.add_exception_handler(RelatedPapersError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


async def _ours(request: Request, error: Exception) -> Response:
    kind = kind_of(error)
    if kind is INTERNAL:
        raise error  # for the outermost layer, which logs it
    return respond(request.scope, kind, detail=str(error))


async def _invalid(request: Request, error: Exception) -> Response:
    failures = error.errors() if isinstance(error, RequestValidationError) else []
    if any(failure["type"] == "json_invalid" for failure in failures):
        return respond(request.scope, MALFORMED_BODY)
    errors = invalid_values(failures)
    return respond(request.scope, INVALID_REQUEST, detail=summary(errors), errors=errors)


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    if status == HTTPStatus.NOT_FOUND:
        return respond(
            request.scope, NO_SUCH_ROUTE, detail="Look for it in /docs; addresses end without a slash.", headers=headers
        )
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = _methods(request)
        return respond(request.scope, METHOD_NOT_ALLOWED, detail=f"It takes {allowed}.", headers={"Allow": allowed})
    if status == HTTPStatus.BAD_REQUEST:
        return respond(request.scope, MALFORMED_BODY, headers=headers)
    known = HTTPStatus(status)
    other = Kind(known, known.phrase.lower().replace(" ", "-"), known.phrase)
    return respond(request.scope, other, detail=known.description or known.phrase, headers=headers)


def _methods(request: Request) -> str:
    """All methods of an address; the framework names only those of the first route that has it."""
    documented = request.app.openapi()["paths"].get(template(request.scope), {})
    return ", ".join(sorted(method.upper() for method in documented)) or "GET"
