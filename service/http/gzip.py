"""Answers compressed for who takes them so."""

from starlette.middleware.gzip import GZipResponder
from starlette.types import ASGIApp, Receive, Scope, Send

from service.http.headers import takes_gzip

# Below, an answer fits in one packet as it is
_LEAST_BYTES = 1000
# Most of what can be saved, in a fraction of the time of higher levels
_LEVEL = 1


class Gzip:
    """Compresses what is long enough where gzip is taken.

    Starlette's own middleware does wherever the header holds the word, even `gzip;q=0`; what it does it with is used.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        app = self._app
        if scope["type"] == "http" and takes_gzip(scope):
            app = GZipResponder(app, _LEAST_BYTES, compresslevel=_LEVEL)
        await app(scope, receive, send)
