"""Answers that caches may keep: named by what they depend on, and not sent again to who has them (RFC 9110, 9111)."""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.openapi import note_template
from service.engine.reloader import Reloader
from service.http.headers import header
from service.settings import Settings

_NAME = re.compile(r'"([^"]*)"')
_VARY = (b"vary", b"Accept-Encoding")
# What changes answers besides request and snapshot
_DECISIVE = {"max_top_k", "max_offset", "max_why", "max_query_chars"}


E = TypeVar("E", bound=Callable[..., Any])


class CacheableRoute(NamedTuple):
    """A route whose answers may be cached.

    Attributes:
        path_regex: Matches its addresses.
        template: Its address with the names of parameters, as OpenAPI shows it.
    """

    path_regex: re.Pattern[str]
    template: str


class ETags:
    """Names good answers to GET, and answers 304 where the client has the very one.

    The name (`ETag`) is made of the version, the settings that shape answers, the snapshot's id and the address as it
    was sent. It can be compared before anything is read or searched: whoever has the name got it with a good answer to
    this address, so that a mistake is never answered 304. It is weak, as scores of texts differ in their last bit with
    what else was in the pass through the model, and as compressed answers share it.
    """

    def __init__(
        self, app: ASGIApp, live: Reloader, settings: Settings, version: str, routes: Sequence[CacheableRoute]
    ) -> None:
        """Wrap an application.

        Args:
            app: Answers questions.
            live: Knows which snapshot is served.
            settings: Decide what an answer is like, and how long caches need not ask.
            version: Of this service.
            routes: Whose answers may be cached.
        """
        self._routes = routes
        self._app = app
        self._live = live
        self._release = f"{version} {sorted(settings.model_dump(mode='json', include=_DECISIVE).items())}".encode()
        kept = f"max-age={settings.max_age_s}" if settings.max_age_s else "no-cache"
        self._cache_control = (b"cache-control", kept.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        template = self._template(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if template is None:
            await self._app(scope, receive, send)
            return
        known = header(scope, b"if-none-match")
        current = self._live.current
        if known is not None and current is not None:
            name = self._name(scope, current.snapshot.id)
            if name in _NAME.findall(known):
                scope["state"]["snapshot"] = current.snapshot.id
                note_template(scope, template)
                await send({"type": "http.response.start", "status": 304, "headers": [*self._headers(name), _VARY]})
                await send({"type": "http.response.body", "body": b""})
                return
        # A star means any good answer: whether there is one shows only then
        anything = known is not None and known.strip() == "*"
        unchanged = False

        async def send_named(message: Message) -> None:
            nonlocal unchanged
            if message["type"] == "http.response.start" and message["status"] == 200:
                named = self._headers(self._name(scope, scope["state"]["snapshot"]))
                unchanged = anything
                if unchanged:
                    message = {**message, "status": 304, "headers": [*named, _VARY]}
                else:
                    headers = [*message["headers"], *named]
                    # What compressed the answer has said so
                    message["headers"] = headers if any(key == b"vary" for key, _ in headers) else [*headers, _VARY]
            elif unchanged and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app(scope, receive, send_named)

    def _template(self, path: str) -> str | None:
        """The address of the cacheable route that this path belongs to, as OpenAPI names it."""
        for route in self._routes:
            if route.path_regex.match(path):
                return route.template
        return None

    def _headers(self, name: str) -> list[tuple[bytes, bytes]]:
        return [(b"etag", f'W/"{name}"'.encode()), self._cache_control]

    def _name(self, scope: Scope, snapshot: str) -> str:
        made = hashlib.blake2b(self._release, digest_size=12, key=snapshot.encode())
        made.update(b"\0" + (scope.get("raw_path") or scope["path"].encode()) + b"?" + scope["query_string"])
        return made.hexdigest()


def cacheable(endpoint: E) -> E:
    """Mark an endpoint whose answers depend on the snapshot and the request alone: they get an `ETag`."""
    endpoint.cacheable = True  # type: ignore[attr-defined]
    return endpoint


def cacheable_routes(routers: Iterable[Router]) -> tuple[CacheableRoute, ...]:
    """The routes of GET whose endpoints are marked, in the order in which the router tries them."""
    return tuple(
        CacheableRoute(route.path_regex, route.path.replace(":path}", "}"))
        for router in routers
        for route in router.routes
        if isinstance(route, Route) and "GET" in (route.methods or ()) and getattr(route.endpoint, "cacheable", False)
    )
