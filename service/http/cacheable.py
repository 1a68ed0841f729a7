"""Which routes are cacheable: an attribute of the endpoint, read from the routes of the application."""

from collections.abc import Callable, Iterator, Sequence
from re import Pattern
from typing import Any, TypeVar

from fastapi import routing
from starlette.routing import BaseRoute

from service.api.openapi import path_template

E = TypeVar("E", bound=Callable[..., object])

_MARK = "cacheable"


def cacheable(endpoint: E) -> E:
    """Mark an endpoint whose answers depend only on the request, the settings and the snapshot."""
    setattr(endpoint, _MARK, True)
    return endpoint


def flat(routes: Sequence[BaseRoute]) -> Iterator[Any]:
    """Iterate over routes and those of included routers, in the order of the router.

    FastAPI keeps included routers nested in newer versions, and has `iter_route_contexts` to read them; older versions
    keep one flat list.
    """
    read: Callable[[Sequence[BaseRoute]], Iterator[Any]] = getattr(routing, "iter_route_contexts", iter)
    return read(routes)


class CacheableRoutes:
    """Finds the template of a path among the GET routes of an application, in the order of the router."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        """Read the marks of the routes."""
        found: list[tuple[Pattern[str], str | None]] = []
        last = 0
        for route in flat(routes):
            if "GET" in (getattr(route, "methods", None) or ()):
                marked = getattr(route.endpoint, _MARK, False)
                found.append((route.path_regex, path_template(route.path) if marked else None))
                last = len(found) if marked else last
        self._routes = found[:last]  # no route after the last marked one changes the result

    def template(self, path: str) -> str | None:
        """Return the template of the route of a path; None if the route is not cacheable or does not exist."""
        for pattern, template in self._routes:
            if pattern.match(path):
                return template
        return None
