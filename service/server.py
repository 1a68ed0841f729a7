"""Runs the application under uvicorn: the socket, one process or several, and how they end."""

import os
import socket
import sys
import tempfile
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from embeddings.errors import RelatedPapersError
from embeddings.texts import language
from service.errors import CannotListen
from service.options import ENV_PREFIX
from service.settings import Settings
from service.telemetry import logs

if TYPE_CHECKING:
    from fastapi import FastAPI

# prometheus_client reads this when it is imported, so it is set before the workers start. Named here and not taken
# from `service.telemetry.metrics`, whose import would be that moment.
_MULTIPROCESS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def serve(settings: Settings) -> None:
    """Serve until told to stop.

    Raises:
        CannotListen: The address is taken or not ours.
        SnapshotError: The published snapshot cannot be used (one worker; several say so themselves).
        EncoderError: Its encoder cannot be loaded (likewise).
        SystemExit: A worker could not start.
    """
    logs.configure(settings.log_format, settings.log_level)
    # Taken before the model is loaded: a wrong port is known at once. Nobody can connect until uvicorn listens.
    with _bind(settings.host, settings.port) as listener:
        if settings.workers == 1:
            _serve_alone(settings, listener)
        else:
            _serve_together(settings, listener)


def worker() -> "FastAPI":
    """Make the application of one of several workers; the parent hands down the settings in the environment."""
    _load_beside()
    from service.app import create_app

    settings = Settings()
    logs.configure(settings.log_format, settings.log_level)
    try:
        return create_app(settings)
    except RelatedPapersError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(STARTUP_FAILURE)


def _serve_alone(settings: Settings, listener: socket.socket) -> None:
    _load_beside()
    from service.app import create_app

    server = _Server(_config(create_app(settings), settings))
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:  # raised again by uvicorn after it ended in good order
        pass


def _load_beside() -> None:
    """Unpack what recognises languages, which takes a second, beside all imports and the model's compilation."""
    threading.Thread(target=language.load, name="language", daemon=True).start()


def _serve_together(settings: Settings, listener: socket.socket) -> None:
    with tempfile.TemporaryDirectory(prefix="related-papers-metrics-") as folder:
        os.environ.update(_as_environment(settings), **{_MULTIPROCESS_FOLDER: folder})
        config = _config("service.server:worker", settings, workers=settings.workers, factory=True)
        listener.set_inheritable(True)
        parent = Multiprocess(config, sockets=[listener])
        logs.logger("service.server").info("starting workers", url=_url(listener), workers=settings.workers)
        parent.run()
        if any(process.exitcode == STARTUP_FAILURE for process in parent.processes):
            sys.exit(1)


class _Server(uvicorn.Server):
    """Says where it listens, once it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does; with sockets handed to it, it would not say where it listens."""
        await super().startup(sockets)
        if self.started and sockets:
            logs.logger("service.server").info("listening", url=_url(sockets[0]))


def _config(app: "FastAPI | str", settings: Settings, **more: Any) -> uvicorn.Config:  # noqa: ANN401 - uvicorn's own
    return uvicorn.Config(
        app,
        log_config=None,  # ours
        access_log=False,  # ours
        lifespan="on",
        server_header=False,
        timeout_graceful_shutdown=settings.shutdown_grace_s,
        **more,
    )


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )[0]
        # With the protocol named: asyncio sends small answers at once only on sockets that say they are TCP; on
        # others each would wait 40 ms for the client's acknowledgement
        listener = socket.socket(family, kind, protocol)
        # Connections of a service that just ended must not keep the next from starting
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise CannotListen(
            f"cannot listen on {host} port {port}: {error.strerror}; stop what uses it, or choose another with --host "
            "and --port"
        ) from error
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _as_environment(settings: Settings) -> Mapping[str, str]:
    """The settings as variables that `Settings()` reads back."""
    return {
        f"{ENV_PREFIX}{name.upper()}": str(value) for name, value in settings.model_dump().items() if value is not None
    }
