"""Problem details (RFC 9457): the table of exceptions and how each is told. `handlers` has them answered."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import Scope

from embeddings.errors import (
    AmbiguousPaperId,
    BuildError,
    CorpusError,
    DistillationError,
    EmptyQuery,
    EncoderError,
    EncoderMismatch,
    InvalidOption,
    NothingPublished,
    PaperNotFound,
    QueryError,
    RelatedPapersError,
    SnapshotError,
)
from service.api.responses import InvalidValue, Problem
from service.errors import BodyTooLarge, CannotListen, InvalidSettings, Overloaded, ServiceError, ShuttingDown

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem.

    Attributes:
        status: HTTP status.
        slug: Last part of `type`, which clients compare; never changes.
        title: The kind in words, always the same.
        detail: Said instead of the exception's message where that is the server's own affair.
        retry_after_s: For `Retry-After`, where asking again helps.
    """

    status: HTTPStatus
    slug: str
    title: str
    detail: str | None = None
    retry_after_s: int | None = None

    @property
    def type(self) -> str:
        """The URI that names this kind."""
        return f"urn:related-papers:problem:{self.slug}"


INTERNAL = Kind(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "internal-error",
    "The service failed",
    "The request was not at fault. The log has the cause under this request id; tell whoever runs the service.",
)
INVALID_REQUEST = Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request", "The request has values that cannot be used")
MALFORMED_BODY = Kind(
    HTTPStatus.BAD_REQUEST,
    "malformed-body",
    "The request body cannot be read",
    "The body must be JSON in UTF-8, not nested absurdly deep.",
)
NO_SUCH_ROUTE = Kind(HTTPStatus.NOT_FOUND, "no-such-route", "Nothing is served at this address")
METHOD_NOT_ALLOWED = Kind(HTTPStatus.METHOD_NOT_ALLOWED, "method-not-allowed", "This address does not take this method")
_UNAVAILABLE = Kind(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "snapshot-unavailable",
    "No usable snapshot is loaded",
    "The published snapshot cannot be used; the log says why. Publish a sound one: related-papers build SOURCE…",
    retry_after_s=30,
)

PROBLEMS: dict[type[RelatedPapersError], Kind] = {
    RelatedPapersError: INTERNAL,
    CorpusError: INTERNAL,
    BuildError: INTERNAL,
    DistillationError: INTERNAL,
    EncoderError: INTERNAL,
    SnapshotError: _UNAVAILABLE,
    EncoderMismatch: _UNAVAILABLE,
    NothingPublished: Kind(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "nothing-published",
        "No snapshot is published yet",
        "Publish one with: related-papers build SOURCE… It is served within seconds, without a restart.",
        retry_after_s=5,
    ),
    QueryError: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-query", "The question cannot be answered"),
    PaperNotFound: Kind(HTTPStatus.NOT_FOUND, "paper-not-found", "No paper has this id"),
    AmbiguousPaperId: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "ambiguous-paper-id", "Several papers fit this id"),
    EmptyQuery: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "empty-query", "There is nothing to search for"),
    InvalidOption: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-option", "An option is out of its range"),
    ServiceError: INTERNAL,
    Overloaded: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "overloaded", "Too many requests are waiting", retry_after_s=1),
    ShuttingDown: Kind(
        HTTPStatus.SERVICE_UNAVAILABLE, "shutting-down", "The service is shutting down", retry_after_s=5
    ),
    BodyTooLarge: Kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large", "The request body is too long"),
    CannotListen: INTERNAL,
    InvalidSettings: INTERNAL,
}


def kind_of(error: BaseException) -> Kind:
    """The kind of an exception: that of its nearest class with a row in the table."""
    for each in type(error).__mro__:
        if each in PROBLEMS:
            return PROBLEMS[each]
    return INTERNAL


def problem(
    kind: Kind,
    instance: str,
    *,
    detail: str | None = None,
    errors: Sequence[InvalidValue] = (),
    request_id: str | None = None,
) -> Problem:
    """Describe one occurrence of a problem.

    Args:
        kind: What kind it is; its own detail goes before the one given.
        instance: URI reference of what was asked.
        detail: What went wrong this time, and what to do.
        errors: The values at fault.
        request_id: To be found in the log.
    """
    described: Problem = {
        "type": kind.type,
        "title": kind.title,
        "status": int(kind.status),
        "detail": kind.detail or detail or kind.title,
        "instance": instance,
    }
    if errors:
        described["errors"] = list(errors)
    if request_id is not None:
        described["request_id"] = request_id
    return described


def respond(
    scope: Scope,
    kind: Kind,
    *,
    detail: str | None = None,
    errors: Sequence[InvalidValue] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer a request with a problem."""
    described = problem(
        kind, _as_sent(scope), detail=detail, errors=errors, request_id=scope.get("state", {}).get("request_id")
    )
    extra = dict(headers or {})
    if kind.retry_after_s is not None:
        extra["Retry-After"] = str(kind.retry_after_s)
    # ASCII: what a client sent may hold halves of surrogate pairs, which have no UTF-8
    return Response(json.dumps(described), int(kind.status), extra, MEDIA_TYPE)


def _as_sent(scope: Scope) -> str:
    """The address as the client wrote it, made safe for a URI where it was not."""
    return quote(scope.get("raw_path") or scope["path"], safe="%/:@!$&'()*+,;=~")


def invalid_values(failures: Sequence[Any], within: Sequence[int | str] = ()) -> list[InvalidValue]:
    """Say which values are at fault, as paths into `query`, `path` or `body`; never what they were.

    Args:
        failures: pydantic's.
        within: Where the value that pydantic saw stands in the request.
    """
    return [
        {
            "location": "/".join(str(part) for part in (*within, *failure["loc"])),
            "detail": str(failure["msg"]),
            "type": str(failure["type"]),
        }
        for failure in failures
    ]


def summary(errors: Sequence[InvalidValue]) -> str:
    """All invalid values in one line."""
    return "; ".join(f"{error['location']}: {error['detail']}" for error in errors)
