"""What OpenAPI says of the routes beyond their types: problem responses, headers, the shared schema of problems."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter
from starlette.types import Scope

from embeddings.errors import NothingPublished, RelatedPapersError
from service.api import examples
from service.api.problems import INTERNAL, INVALID_REQUEST, MALFORMED_BODY, MEDIA_TYPE, PROBLEMS, Kind, problem
from service.api.responses import Problem
from service.errors import BodyTooLarge, Overloaded

Responses = dict[int | str, dict[str, Any]]

_HEADERS = {
    "X-Request-ID": (
        "The id of this request, as sent or made; the log has it too.",
        "0f8fad5bd9cb469fa16570867728950e",
    ),
    "X-Snapshot": ("Id of the snapshot that answered; absent while nothing is published.", examples.SNAPSHOT),
}


def answers(example: object, description: str, *failures: type[RelatedPapersError]) -> Responses:
    """The responses of a route that takes parameters and asks the engine.

    Args:
        example: A real answer.
        description: What a good answer is.
        failures: What the engine may raise besides what every such route may answer.
    """
    kinds = [INVALID_REQUEST, *(PROBLEMS[each] for each in (*failures, NothingPublished, Overloaded))]
    return {200: _good(example, description), **_problems(kinds)}


def answers_body(example: object, description: str, *failures: type[RelatedPapersError]) -> Responses:
    """As `answers`, of a route that reads a body."""
    return {**answers(example, description, *failures), **_problems([MALFORMED_BODY, PROBLEMS[BodyTooLarge]])}


def answers_operator(example: object, description: str, *failures: type[RelatedPapersError]) -> Responses:
    """The responses of a route that takes no parameters."""
    return {200: _good(example, description), **_problems([PROBLEMS[each] for each in failures])}


def describe(app: FastAPI) -> dict[str, Any]:
    """Write the OpenAPI document, once; meant for `app.openapi`."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=app.description,
            routes=app.routes,
            tags=app.openapi_tags,
        )
        adapter: TypeAdapter[Problem] = TypeAdapter(Problem)
        problem_schema = adapter.json_schema(ref_template="#/components/schemas/{model}")
        components = schema["components"]["schemas"]
        components.update(problem_schema.pop("$defs", {}))
        components["Problem"] = problem_schema
        app.openapi_schema = schema
    return app.openapi_schema


def template(scope: Scope) -> str | None:
    """The address of the route that was found, its parameters unfilled, as OpenAPI names it.

    Never what a client made up; None where there is no route.
    """
    noted: str | None = scope["state"].get("template")
    if noted is not None:
        return noted
    path = getattr(scope.get("route"), "path", None)
    return path_template(path) if isinstance(path, str) else None


def path_template(path: str) -> str:
    """Write the path of a route as OpenAPI does: without the converters of its parameters."""
    return path.replace(":path}", "}")


def note_template(scope: Scope, template: str) -> None:
    """Say which route's request was answered, where the router was not asked."""
    scope["state"]["template"] = template


def _good(example: object, description: str) -> dict[str, Any]:
    headers = {
        name: {"description": text, "schema": {"type": "string"}, "example": value}
        for name, (text, value) in _HEADERS.items()
    }
    return {"description": description, "headers": headers, "content": {"application/json": {"example": example}}}


def _problems(kinds: list[Kind]) -> Responses:
    """Problem responses by status; kinds of one status become examples of one response."""
    responses: Responses = {}
    for kind in (*kinds, INTERNAL):
        response = responses.setdefault(
            int(kind.status),
            {
                "description": kind.title,
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}},
            },
        )
        content = response["content"][MEDIA_TYPE]
        if kind.title not in response["description"]:
            response["description"] += f"; or: {kind.title}"
        content["examples"][kind.slug] = {"summary": kind.title, "value": problem(kind, "/search")}
        if kind.retry_after_s is not None:
            response["headers"] = {
                "Retry-After": {"description": "Seconds after which to ask again.", "schema": {"type": "integer"}}
            }
    return responses
