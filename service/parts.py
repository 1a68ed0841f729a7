"""What every route works with: the application's parts, and how a question reaches the engine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from starlette.responses import Response

from service.generation import Generation
from service.live import Live
from service.metrics import Metrics
from service.settings import Settings
from service.shortcut import Stored
from service.workers import Workers
from service.writing import respond

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one application, put together by `create_app`."""

    settings: Settings
    metrics: Metrics
    live: Live
    workers: Workers
    stored: Stored


class Desk:
    """Takes the questions of one request to the engine."""

    def __init__(self, request: Request) -> None:
        """Find the application's parts; made by FastAPI for each request."""
        parts: Parts = request.app.state.parts
        self.parts = parts
        self.settings = parts.settings
        self.request = request

    async def ask(self, question: Callable[[Generation], T]) -> T:
        """Put a question to the current generation, in a search thread.

        The lease is taken and given back in that thread: even if the request is abandoned meanwhile, the snapshot
        stays open as long as it is read.

        Raises:
            Overloaded: Too many requests wait.
            NothingPublished: There is no generation.
        """

        def answer() -> T:
            with self.parts.live.lease() as generation:
                self.request.state.snapshot = generation.snapshot.id
                return question(generation)

        return await self.parts.workers.run(answer)

    async def answer(self, question: Callable[[Generation], Mapping[str, Any]]) -> Response:
        """As `ask`, and write the answer, in the same thread."""
        return await self.ask(lambda generation: respond(question(generation)))


AtDesk = Annotated[Desk, Depends()]
