"""Around every request: its id, its log line, its count; a bounded body; and an answer even when a bug strikes.

Plain ASGI: Starlette's BaseHTTPMiddleware would run each request in a second task and lose its context.
"""

import random
import re
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.openapi import template
from service.api.problems import INTERNAL, PROBLEMS, respond
from service.engine.reloader import Reloader
from service.errors import BodyTooLarge
from service.http.headers import header
from service.telemetry import logs
from service.telemetry.metrics import Metrics

_VISIBLE = re.compile(r"[\x21-\x7e]{1,128}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NO_ROUTE = "(none)"


class RequestContext:
    """The outermost layer."""

    def __init__(self, app: ASGIApp, reloader: Reloader, metrics: Metrics) -> None:
        """Wrap an application."""
        self._app = app
        self._reloader = reloader
        self._metrics = metrics
        self._log = logs.logger("service.access")
        self._write = logs.AccessLog()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        request_id = state["request_id"] = _request_id(scope)
        status: int | None = None

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                marks = [(b"x-request-id", request_id.encode())]
                snapshot = self._snapshot(scope)
                if snapshot is not None:
                    marks.append((b"x-snapshot", snapshot.encode()))
                message["headers"] = [*message["headers"], *marks]
            await send(message)

        started = perf_counter()
        self._metrics.in_flight.inc()
        within = logs.request_id.set(request_id)
        try:
            await self._app(scope, receive, send_marked)
        except Exception:
            self._log.exception("request failed")
            if status is not None:
                raise  # half an answer is out: only breaking the connection tells the client
            await respond(scope, INTERNAL)(scope, receive, send_marked)
        finally:
            self._metrics.in_flight.dec()
            self._note(scope, status, perf_counter() - started)
            logs.request_id.reset(within)

    def _snapshot(self, scope: Scope) -> str | None:
        """Id of the snapshot that answered, else of the served snapshot."""
        asked: str | None = scope["state"].get("snapshot")
        current = self._reloader.current
        return asked or (None if current is None else current.snapshot.id)

    def _note(self, scope: Scope, status: int | None, seconds: float) -> None:
        route = template(scope) or _NO_ROUTE
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.answered(method, route, "aborted" if status is None else str(status), seconds)
        self._write(
            {
                "method": method,
                "path": route,
                "status": status,
                "duration_ms": round(seconds * 1000, 2),
                "snapshot": self._snapshot(scope),
            }
        )


class HeadAsGet:
    """Answers HEAD as GET without the body, as HTTP asks of every resource (RFC 9110, section 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        asked = {**scope, "method": "GET"}
        await self._app(asked, receive, send_head)
        if "route" in asked:
            scope["route"] = asked["route"]  # the outer layers count and log by it


class BoundedBody:
    """Reads the body before the application does, and answers 413 if it is too long, announced or not."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        """Wrap an application."""
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        announced = header(scope, b"content-length") if scope["type"] == "http" else None
        if announced is None and (scope["type"] != "http" or header(scope, b"transfer-encoding") is None):
            await self._app(scope, receive, send)
            return
        body = bytearray()
        # The server checks that a length is a number, and that the body is no longer
        too_large = int(announced or "0") > self._max_bytes
        more = not too_large
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            too_large = len(body) > self._max_bytes
            more = message.get("more_body", False) and not too_large
        if too_large:
            detail = f"At most {self._max_bytes} bytes are read; send fewer or shorter queries at once."
            # Without `close` the server would read the rest, to reuse the connection
            answer = respond(scope, PROBLEMS[BodyTooLarge], detail=detail, headers={"Connection": "close"})
            await answer(scope, receive, send)
            return
        replayed = False

        async def replay() -> Message:
            nonlocal replayed
            if replayed:
                return await receive()
            replayed = True
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self._app(scope, replay, send)


def _request_id(scope: Scope) -> str:
    given = header(scope, b"x-request-id")
    return given if given is not None and _VISIBLE.fullmatch(given) else f"{random.getrandbits(128):032x}"
