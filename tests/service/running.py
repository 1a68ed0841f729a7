"""Starts the service in a thread, waits for what happens in its own time, and knows what a problem looks like."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import uvicorn
from fastapi import FastAPI
from pydantic import TypeAdapter

from service.api.responses import Problem
from service.app import create_app
from service.engine.request_engine import AppState
from service.settings import Settings

_PROBLEM: TypeAdapter[Problem] = TypeAdapter(Problem)
# Far beyond what anything takes here: only a hang reaches it
PATIENCE_S = 120.0


@dataclass(frozen=True)
class Running:
    """A service that answers."""

    app: FastAPI
    base_url: str
    client: httpx.Client

    @property
    def parts(self) -> AppState:
        parts: AppState = self.app.state.parts
        return parts


@contextmanager
def running(settings: Settings, prepare: Callable[[FastAPI], None] = lambda app: None) -> Iterator[Running]:
    """Serve on a free port until the block ends, then shut down in good order."""
    app = create_app(settings)
    prepare(app)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            wait_until(lambda: server.started or not thread.is_alive())
            with httpx.Client(base_url=base_url, timeout=PATIENCE_S) as client:
                yield Running(app, base_url, client)
        finally:
            server.should_exit = True
            thread.join()


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens in another thread or process."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def assert_problem(response: httpx.Response, status: int, slug: str) -> Problem:
    """Check that a response is a whole problem of this kind, and return it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = _PROBLEM.validate_json(response.content)
    assert problem["type"] == f"urn:related-papers:problem:{slug}"
    assert problem["status"] == status
    assert problem["title"] and problem["detail"]
    assert problem["instance"] == response.request.url.raw_path.partition(b"?")[0].decode()
    assert problem["request_id"] == response.headers["x-request-id"]
    if status == 503:
        assert int(response.headers["retry-after"]) >= 1
    return problem
