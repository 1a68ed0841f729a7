"""Answers about papers whose neighbours the build stored, ahead of the framework: no model, no search, no thread.

Such an answer takes microseconds, which the way through threads and parameters would take several times over. Only
what the usual route has understood before is answered here, by the same code; whatever else there may be to say, a
mistake above all, is left to that route (docs/decisions/0013).
"""

from dataclasses import dataclass

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from embeddings.errors import NothingPublished, RelatedPapersError
from embeddings.queries import SearchOptions
from embeddings.search import results_json
from service.api.openapi import note_template, path_template
from service.engine.reloader import Reloader
from service.engine.served_snapshot import ServedSnapshot
from service.http import json

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

    def __init__(self, reloader: Reloader) -> None:
        """Answer from the snapshot that is served."""
        self._reloader = reloader
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
            served = self._reloader.take()
        except NothingPublished:
            return None
        try:
            body = _answer(served, paper, question)
            return None if body is None else (served.snapshot.id, body)
        except RelatedPapersError:
            return None  # which the route finds out again, and tells
        finally:
            self._reloader.give_back(served)


def _answer(served: ServedSnapshot, paper: str, question: Question) -> bytes | None:
    options, snapshot = question.options, served.snapshot.id
    if question.plain and (page := served.searcher.stored_page(paper, options.top_k, options.offset)) is not None:
        return results_json.stored_page(snapshot, page)
    results = served.searcher.stored(paper, options)
    return None if results is None else results_json.to_json(results_json.answer(snapshot, results, options))


class FastPath:
    """Answers with `Stored` what it can, and hands on the rest."""

    def __init__(self, app: ASGIApp, stored: Stored, route: Route) -> None:
        """Wrap an application.

        Args:
            app: Has the route.
            stored: Answers without the route.
            route: Of related papers, with the parameter `paper_id`.
        """
        self._app = app
        self._pattern = route.path_regex
        self._template = path_template(route.path)
        self._stored = stored

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        found = None
        if scope["type"] == "http" and scope["method"] == "GET" and (path := self._pattern.match(scope["path"])):
            found = self._stored.answer(path["paper_id"], scope["query_string"])
        if found is None:
            await self._app(scope, receive, send)
            return
        snapshot, body = found
        scope["state"]["snapshot"] = snapshot
        note_template(scope, self._template)
        headers = [(b"content-length", b"%d" % len(body)), (b"content-type", json.MEDIA_TYPE.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
