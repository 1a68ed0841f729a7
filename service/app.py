"""The application, put together. The only wiring."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI

from embeddings import threads
from service.api import exception_handlers, openapi
from service.api.routes import batch, operations, papers, search
from service.engine.admission import Workers
from service.engine.reloader import Reloader
from service.engine.request_engine import AppState
from service.http.cacheable import flat
from service.http.etag import ETags
from service.http.fast_path import FastPath, Stored
from service.http.gzip import Gzip
from service.http.middleware import BoundedBody, HeadAsGet, RequestContext
from service.settings import Settings
from service.telemetry.metrics import Metrics

_DESCRIPTION = """
Find papers related to a paper, or to a sentence. Hits are in descending order of `score`, in [0, 1]; `similarity` is
the cosine, in [-1, 1].

Every answer names the snapshot it came from, in the body and in `X-Snapshot`. Every error is a problem detail
(RFC 9457, `application/problem+json`); compare its `type`. Parameters that are not known are refused, not ignored.
""".strip()


def create_app(settings: Settings) -> FastAPI:
    """Open the published snapshot, load its encoder, and connect the parts.

    With nothing published the application starts all the same and takes up the first snapshot that is.

    Raises:
        SnapshotError: The published snapshot cannot be used, or another encoder built it.
        EncoderError: Its encoder cannot be loaded.
    """
    threads.single_threaded_blas()
    metrics = Metrics()
    reloader = Reloader(settings, metrics)
    reloader.open()
    workers = Workers(settings.search_threads, settings.max_waiting, metrics)
    stored = Stored(reloader)
    version = operations.installed_version()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        reloader.watch()
        yield
        workers.close()
        reloader.close()
        metrics.close()

    app = FastAPI(
        title="Related papers",
        summary="Find papers related to a paper, or to a sentence.",
        description=_DESCRIPTION,
        version=version,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.parts = AppState(settings, metrics, reloader, workers, stored)
    # In this order: `search` has the route that ends in /related, `papers` one that takes every ending
    for router in (search.router, papers.router, batch.router, operations.router):
        app.include_router(router)
    exception_handlers.install(app)
    # What is added last is outermost
    app.add_middleware(FastPath, stored=stored, route=_route_of(app, search.related))
    app.add_middleware(Gzip)
    app.add_middleware(ETags, reloader=reloader, settings=settings, version=version, routes=app.routes)
    app.add_middleware(HeadAsGet)
    app.add_middleware(BoundedBody, max_bytes=settings.max_body_bytes)
    app.add_middleware(RequestContext, reloader=reloader, metrics=metrics)
    app.openapi = partial(openapi.describe, app)  # type: ignore[method-assign]
    return app


def _route_of(app: FastAPI, endpoint: object) -> Any:  # noqa: ANN401 - a route or, in newer FastAPI, its context
    return next(route for route in flat(app.routes) if getattr(route, "endpoint", None) is endpoint)
