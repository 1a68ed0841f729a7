"""For whoever runs the service: does it live, is it ready, what does it serve, how is it doing."""

from importlib.metadata import PackageNotFoundError, version

from fastapi import APIRouter, Response
from starlette.responses import RedirectResponse

from embeddings.errors import NothingPublished
from service.api import examples
from service.api.openapi import answers_operator as documented
from service.api.responses import Alive, Info, Limits, Ready
from service.engine.request_engine import Engine, RequestEngine
from service.engine.served_snapshot import ServedSnapshot, encoder_threads
from service.http.json import respond
from service.settings import Settings
from service.telemetry import metrics

router = APIRouter(tags=["operations"])


@router.get(
    "/livez",
    response_model=Alive,
    operation_id="livez",
    summary="Does the process live?",
    responses=documented(examples.ALIVE, "It does."),
)
async def livez() -> Response:
    """Answer as long as the process can answer at all, whatever is published. For liveness probes."""
    alive: Alive = {"status": "alive"}
    return respond(alive)


@router.get(
    "/readyz",
    response_model=Ready,
    operation_id="readyz",
    summary="Are questions answered?",
    responses=documented(examples.READY, "They are, from this snapshot.", NothingPublished),
)
async def readyz(engine: Engine) -> Response:
    """Say which snapshot answers and how old it is. For readiness probes, and to be told of builds that stopped.

    A snapshot that was published later but could not be taken up shows as `reload_failure`; the one before it is
    served on.
    """
    served = _current(engine)
    answer: Ready = {
        "status": "ready",
        "snapshot": served.snapshot.id,
        "built_at": served.snapshot.manifest.built_at,
        "published_at": served.pointer.published_at,
        "age_seconds": served.age_s(),
    }
    failure = engine.state.reloader.failure
    if failure is not None:
        answer["reload_failure"] = {"detail": failure.detail, "since": failure.since}
    return respond(answer)


@router.get(
    "/info",
    response_model=Info,
    operation_id="info",
    summary="What is served, and within which limits?",
    responses=documented(examples.INFO, "The snapshot, its encoder, and the limits.", NothingPublished),
)
async def info(engine: Engine) -> Response:
    """Describe the snapshot, the encoder that built it and reads the queries, and what the service lets in."""
    served = _current(engine)
    manifest, encoder = served.snapshot.manifest, served.encoder
    answer: Info = {
        "version": installed_version(),
        "snapshot": manifest.snapshot,
        "model": {
            "name": encoder.info.name,
            "revision": encoder.info.revision,
            "fingerprint": encoder.info.fingerprint,
            "dimension": encoder.info.dimension,
            "window_tokens": encoder.info.window_tokens,
            "max_tokens": encoder.info.max_tokens,
            "device": encoder.runtime.device,
            "backend": encoder.runtime.computation.backend.value,
            "precision": encoder.runtime.computation.precision.value,
        },
        "counts": manifest.counts,
        "index": manifest.index,
        "evaluation": manifest.evaluation,
        "duplicates": manifest.duplicates,
        "versions": manifest.versions,
        "limits": _limits(engine.settings),
        "workers": engine.settings.workers,
        "threads": encoder_threads(engine.settings),
    }
    return respond(answer)


@router.get(
    "/metrics",
    operation_id="metrics",
    summary="How is it doing?",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus' text format.",
            "content": {"text/plain": {"schema": {"type": "string"}, "example": examples.METRICS}},
        },
        **{status: said for status, said in documented(None, "").items() if status != 200},
    },
)
async def read_metrics(engine: Engine) -> Response:
    """Count requests, times, passes through the model and reloads, for Prometheus."""
    served = engine.state.reloader.current
    age_s = None if served is None else served.age_s()
    return Response(engine.state.metrics.render(age_s), media_type=metrics.CONTENT_TYPE)


@router.get("/", include_in_schema=False)
async def home() -> RedirectResponse:
    """Lead people to the documentation."""
    return RedirectResponse("/docs")


def installed_version() -> str:
    """The version of this package; `0` where it runs from a folder without being installed."""
    try:
        return version("related-papers")
    except PackageNotFoundError:
        return "0"


def _current(engine: RequestEngine) -> ServedSnapshot:
    """What is served now. No lease: the last one to end closes the snapshot, which must not hold up the event loop."""
    served = engine.state.reloader.current
    if served is None:
        raise NothingPublished(f"nothing is published in {engine.settings.snapshots}")
    return served


def _limits(settings: Settings) -> Limits:
    return {
        "max_top_k": settings.max_top_k,
        "max_offset": settings.max_offset,
        "max_why": settings.max_why,
        "max_query_chars": settings.max_query_chars,
        "max_batch": settings.max_batch,
        "max_body_bytes": settings.max_body_bytes,
        "search_threads": settings.search_threads,
        "max_waiting": settings.max_waiting,
        "admission": (
            f"Each worker answers {settings.search_threads} requests at a time and lets {settings.max_waiting} wait; "
            "a batch counts as one. Beyond that a request is answered 503 with Retry-After at once."
        ),
    }
