"""What every route works with: the application's parts, and how a question reaches the engine."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from starlette.responses import Response

from embeddings.encoding.encoder_info import Encoded
from embeddings.errors import RelatedPapersError
from embeddings.searching.searcher import check_readable
from service.batcher import Batcher
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
        """Find the application's parts."""
        parts: Parts = request.app.state.parts
        self.parts = parts
        self.settings = parts.settings
        self.request = request

    async def ask(self, question: Callable[[Generation], T], first: Callable[[], Awaitable[None]] | None = None) -> T:
        """Put a question to the current generation, in a search thread; `first` see `Workers.run`.

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

        return await self.parts.workers.run(answer, first)

    async def answer(self, question: Callable[[Generation], Mapping[str, Any]]) -> Response:
        """As `ask`, and write the answer, in the same thread."""
        return await self.ask(lambda generation: respond(question(generation)))

    async def answer_text(
        self, text: str, question: Callable[[Generation, Encoded | None], Mapping[str, Any]]
    ) -> Response:
        """As `answer`, of a question about a text, which is encoded before a thread is taken.

        Many more texts than there are threads wait for the encoder at once and share its passes.

        Args:
            text: Asked about.
            question: Is given what the encoder of the same generation made of the text, or has to ask it itself.
        """
        batcher: Batcher | None = None
        encoded: Encoded | None = None

        async def read() -> None:
            nonlocal batcher, encoded
            current = self.parts.live.current
            if current is not None:
                with suppress(RelatedPapersError):  # the question meets the same mistake, and tells
                    check_readable(text)
                    encoded = await current.batcher.encode_query(text)
                    batcher = current.batcher

        def answer(generation: Generation) -> Response:
            return respond(question(generation, encoded if generation.batcher is batcher else None))

        return await self.ask(answer, read)


async def _desk(request: Request) -> Desk:
    """Give a request its desk; FastAPI would make a class, or whatever is not a coroutine, in a thread of its own."""
    return Desk(request)


AtDesk = Annotated[Desk, Depends(_desk)]
