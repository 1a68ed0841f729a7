"""What every route works with: the application's parts, and how a question reaches the engine."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from starlette.responses import Response

from embeddings.encoders.encoder_info import Encoded
from embeddings.errors import RelatedPapersError
from embeddings.search.ranking_queries import check_readable
from service.engine.admission import Workers
from service.engine.query_batcher import QueryBatcher
from service.engine.reloader import Reloader
from service.engine.served_snapshot import ServedSnapshot
from service.http.fast_path import Stored
from service.http.json import respond
from service.settings import Settings
from service.telemetry.metrics import Metrics

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one application, put together by `create_app`."""

    settings: Settings
    metrics: Metrics
    live: Reloader
    workers: Workers
    stored: Stored


class RequestEngine:
    """Takes the questions of one request to the engine."""

    def __init__(self, request: Request) -> None:
        """Find the application's parts."""
        parts: Parts = request.app.state.parts
        self.parts = parts
        self.settings = parts.settings
        self.request = request

    async def ask(
        self, question: Callable[[ServedSnapshot], T], first: Callable[[], Awaitable[None]] | None = None
    ) -> T:
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

    async def answer(self, question: Callable[[ServedSnapshot], Mapping[str, Any]]) -> Response:
        """As `ask`, and write the answer, in the same thread."""
        return await self.ask(lambda generation: respond(question(generation)))

    async def answer_text(
        self, text: str, question: Callable[[ServedSnapshot, Encoded | None], Mapping[str, Any]]
    ) -> Response:
        """As `answer`, of a question about a text, which is encoded before a thread is taken.

        Many more texts than there are threads wait for the encoder at once and share its passes.

        Args:
            text: Asked about.
            question: Is given what the encoder of the same generation made of the text, or has to ask it itself.
        """
        batcher: QueryBatcher | None = None
        encoded: Encoded | None = None

        async def read() -> None:
            nonlocal batcher, encoded
            current = self.parts.live.current
            if current is not None:
                with suppress(RelatedPapersError):  # the question meets the same mistake, and tells
                    check_readable(text)
                    encoded = await current.batcher.encode_query(text)
                    batcher = current.batcher

        def answer(generation: ServedSnapshot) -> Response:
            return respond(question(generation, encoded if generation.batcher is batcher else None))

        return await self.ask(answer, read)


async def _desk(request: Request) -> RequestEngine:
    """Give a request its desk; FastAPI would make a class, or whatever is not a coroutine, in a thread of its own."""
    return RequestEngine(request)


Engine = Annotated[RequestEngine, Depends(_desk)]
