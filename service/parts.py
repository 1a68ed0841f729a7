"""What every route works with: the application's parts, and how a question reaches the engine."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from service.generation import Generation
from service.live import Live
from service.metrics import Metrics
from service.settings import Settings
from service.workers import Workers

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one application, put together by `create_app`."""

    settings: Settings
    metrics: Metrics
    live: Live
    workers: Workers


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


AtDesk = Annotated[Desk, Depends()]
