"""Answers about papers whose neighbours the build stored, ahead of the framework: no model, no search, no thread.

Such an answer takes microseconds, which the way through threads and parameters would take several times over. Only
what the usual route has understood before is answered here, by the same code; whatever else there may be to say, a
mistake above all, is left to that route (docs/decisions/0013).
"""

import re
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from embeddings.errors import NothingPublished, RelatedPapersError
from embeddings.queries import SearchOptions
from embeddings.search import results_json
from service.api.openapi import note_template
from service.engine.reloader import Reloader
from service.engine.served_snapshot import ServedSnapshot
from service.http import json

TEMPLATE = "/papers/{paper_id}/related"
# As the framework reads this address: an id may have slashes, but no line break
_ADDRESS = re.compile(r"/papers/(.*)/related")
_MOST_QUESTIONS = 1024
_LONGEST_QUESTION = 256


@dataclass(frozen=True, slots=True)
class Question:
    """What a query string of the route means: it depends on nothing else.

    Attributes:
        options: For the engine.
        plain: Whether it asks for nothing but a page of the stored hits as they are.
    """

    options: SearchOptions
    plain: bool


class Stored:
    """Answers out of what the build stored, to questions that the route has understood before."""

    def __init__(self, live: Reloader) -> None:
        """Answer from the snapshot that is served."""
        self._live = live
        self._questions: dict[bytes, Question] = {}

    def remember(self, query_string: bytes, options: SearchOptions) -> None:
        """Keep what a query string means, in little memory whatever is sent."""
        if len(query_string) <= _LONGEST_QUESTION:
            if len(self._questions) >= _MOST_QUESTIONS:
                self._questions.clear()
            self._questions[query_string] = Question(options, options.plain)

    def answer(self, paper: str, query_string: bytes) -> tuple[str, bytes] | None:
        """Answer as the route does; None where only the route can.

        Returns:
            The snapshot's id, and the answer as JSON.
        """
        question = self._questions.get(query_string)
        if question is None:
            return None
        try:
            generation = self._live.take()
        except NothingPublished:
            return None
        try:
            body = _answer(generation, paper, question)
            return None if body is None else (generation.snapshot.id, body)
        except RelatedPapersError:
            return None  # which the route finds out again, and tells
        finally:
            self._live.give_back(generation)


def _answer(generation: ServedSnapshot, paper: str, question: Question) -> bytes | None:
    options, snapshot = question.options, generation.snapshot.id
    if question.plain and (page := generation.searcher.stored_page(paper, options.top_k, options.offset)) is not None:
        return results_json.stored_page(snapshot, page)
    results = generation.searcher.stored(paper, options)
    return None if results is None else results_json.to_json(results_json.answer(snapshot, results, options))


class FastPath:
    """Answers with `Stored` what it can, and hands on the rest."""

    def __init__(self, app: ASGIApp, stored: Stored) -> None:
        """Wrap an application."""
        self._app = app
        self._stored = stored

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        found = None
        if scope["type"] == "http" and scope["method"] == "GET" and (address := _ADDRESS.fullmatch(scope["path"])):
            found = self._stored.answer(address[1], scope["query_string"])
        if found is None:
            await self._app(scope, receive, send)
            return
        snapshot, body = found
        scope["state"]["snapshot"] = snapshot
        note_template(scope, TEMPLATE)
        headers = [(b"content-length", b"%d" % len(body)), (b"content-type", json.MEDIA_TYPE.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
