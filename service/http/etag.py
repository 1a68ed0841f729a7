"""Answers that caches may keep: named by what they depend on, and not sent again to who has them (RFC 9110, 9111)."""

import hashlib
import re
from collections.abc import Sequence

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.openapi import note_template
from service.engine.reloader import Reloader
from service.http.cacheable import CacheableRoutes
from service.http.headers import header
from service.settings import Settings

_NAME = re.compile(r'"([^"]*)"')
_VARY = (b"vary", b"Accept-Encoding")
# What changes answers besides request and snapshot
_DECISIVE = {"max_top_k", "max_offset", "max_why", "max_query_chars"}


class ETags:
    """Names good answers to GET, and answers 304 where the client has the very one.

    The name (`ETag`) is made of the version, the settings that shape answers, the snapshot's id and the address as it
    was sent. It can be compared before anything is read or searched: whoever has the name got it with a good answer to
    this address, so that a mistake is never answered 304. It is weak, as scores of texts differ in their last bit with
    what else was in the pass through the model, and as compressed answers share it.
    """

    def __init__(
        self, app: ASGIApp, reloader: Reloader, settings: Settings, version: str, routes: Sequence[BaseRoute]
    ) -> None:
        """Wrap an application.

        Args:
            app: Answers questions.
            reloader: Holds the served snapshot.
            settings: Decide what an answer is like, and how long caches need not ask.
            version: Of this service.
            routes: Of the application; those marked `cacheable` get an ETag.
        """
        self._app = app
        self._reloader = reloader
        self._routes = CacheableRoutes(routes)
        self._release = f"{version} {sorted(settings.model_dump(mode='json', include=_DECISIVE).items())}".encode()
        kept = f"max-age={settings.max_age_s}" if settings.max_age_s else "no-cache"
        self._cache_control = (b"cache-control", kept.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        template = (
            self._routes.template(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        )
        if template is None:
            await self._app(scope, receive, send)
            return
        known = header(scope, b"if-none-match")
        current = self._reloader.current
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
            snapshot = scope["state"].get("snapshot")
            if message["type"] == "http.response.start" and message["status"] == 200 and snapshot is not None:
                named = self._headers(self._name(scope, snapshot))
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

    def _headers(self, name: str) -> list[tuple[bytes, bytes]]:
        return [(b"etag", f'W/"{name}"'.encode()), self._cache_control]

    def _name(self, scope: Scope, snapshot: str) -> str:
        made = hashlib.blake2b(self._release, digest_size=12, key=snapshot.encode())
        made.update(b"\0" + (scope.get("raw_path") or scope["path"].encode()) + b"?" + scope["query_string"])
        return made.hexdigest()
