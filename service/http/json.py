"""Responses with a JSON body."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from embeddings.search.results_json import to_json

MEDIA_TYPE = "application/json"


def respond(answer: Mapping[str, Any]) -> Response:
    """Respond with an answer, which is not checked against its schema again: the type checker has."""
    return Response(to_json(answer), media_type=MEDIA_TYPE)
