"""Answers into JSON. The door to orjson."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from embeddings.queries import Page
from embeddings.snapshots.stored_fields import ID_END

MEDIA_TYPE = "application/json"


def written(answer: Mapping[str, Any]) -> bytes:
    """Write an answer as compact JSON in UTF-8: letters as they are, numbers that are none as null."""
    return orjson.dumps(answer)


def related(snapshot: str, page: Page) -> bytes:
    """Write the answer that `answers.related` makes of the same page, out of what is written already."""
    scores, probabilities = (orjson.dumps(each)[1:-1].split(b",") for each in (page.scores, page.probabilities))
    parts = [b'{"snapshot":"%b","paper":"%b","hits":[' % (snapshot.encode(), page.paper.encode())]
    for card, score, probability in zip(page.cards, scores, probabilities, strict=True):
        parts += (
            card[:ID_END],
            b',"score":',
            score,
            b',"similarity":',
            score,
            b',"probability":',
            probability,
            card[ID_END:],
            b",",
        )
    parts[-1] = b'],"total":%d,"exhausted":false,"found":%b}' % (page.total, orjson.dumps(page.found))
    return b"".join(parts)


def respond(answer: Mapping[str, Any]) -> Response:
    """Respond with an answer, which is not checked against its schema again: the type checker has."""
    return Response(written(answer), media_type=MEDIA_TYPE)
