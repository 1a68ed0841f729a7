"""What every route works with: the application's parts, and how a question reaches the engine."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import Annotated, Any, Concatenate, ParamSpec

from fastapi import Depends, Request
from starlette.responses import Response

from embeddings.encoders.encoder_info import Encoded
from embeddings.errors import RelatedPapersError
from embeddings.search.ranking_queries import check_readable
from service.engine.admission import Admission, Workers
from service.engine.query_batcher import QueryBatcher
from service.engine.reloader import Reloader
from service.engine.served_snapshot import ServedSnapshot
from service.http.fast_path import Stored
from service.http.json import respond
from service.settings import Settings
from service.telemetry.metrics import Metrics

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class AppState:
    """The parts of one application, put together by `create_app`."""

    settings: Settings
    metrics: Metrics
    reloader: Reloader
    workers: Workers
    stored: Stored


@dataclass(frozen=True, slots=True)
class EncodedQuery:
    """A query text encoded before the search.

    Attributes:
        batcher: Of the encoder that computed it.
        encoded: One row.
    """

    batcher: QueryBatcher
    encoded: Encoded


class RequestEngine:
    """Answers one request: admit, encode, search, write."""

    def __init__(self, request: Request) -> None:
        """Find the application's parts."""
        state: AppState = request.app.state.parts
        self.state = state
        self.settings = state.settings
        self.request = request

    def admitted(self) -> AbstractAsyncContextManager[Admission]:
        """Admit the request, see `Workers.admitted`."""
        return self.state.workers.admitted()

    async def encode(self, text: str) -> EncodedQuery | None:
        """Encode a query text with the encoder of the served snapshot, without a search thread.

        Many more texts than there are threads can wait for the encoder at once and share its passes.

        Returns:
            None if the text cannot be encoded; the search of it raises the error.
        """
        served = self.state.reloader.current
        if served is None:
            return None
        with suppress(RelatedPapersError):
            check_readable(text)
            return EncodedQuery(served.batcher, await served.batcher.encode_query(text))
        return None

    def respond(
        self, compute: Callable[Concatenate[ServedSnapshot, P], Mapping[str, Any]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Response:
        """Compute an answer from the served snapshot and write it; meant for a search thread.

        The lease is taken and given back in that thread: the snapshot stays open while it is read, even if the
        request is cancelled.

        Raises:
            NothingPublished: No snapshot is served.
        """
        with self.state.reloader.lease() as served:
            self.request.state.snapshot = served.snapshot.id
            return respond(compute(served, *args, **kwargs))

    async def answer(
        self, compute: Callable[Concatenate[ServedSnapshot, P], Mapping[str, Any]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Response:
        """Admit the request and `respond` in a search thread.

        Raises:
            Overloaded: Too many requests wait.
            NothingPublished: No snapshot is served.
        """
        async with self.admitted() as admission:
            return await admission.run(self.respond, compute, *args, **kwargs)


async def _engine(request: Request) -> RequestEngine:
    """Make the engine of a request. A coroutine: FastAPI calls other dependencies in a thread."""
    return RequestEngine(request)


Engine = Annotated[RequestEngine, Depends(_engine)]
