"""Admission control: a bounded number of threads, and a bounded number of requests that wait for them."""

import contextvars
import threading
from asyncio import wrap_future
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, ParamSpec, TypeVar

from service.errors import Overloaded, ShuttingDown
from service.telemetry.metrics import Metrics

P = ParamSpec("P")
T = TypeVar("T")


class Workers:
    """Runs at most `size` functions at a time, has at most `max_waiting` wait, and refuses others at once.

    The threads are our own and stay: the engine keeps one database connection a thread. The event loop is never
    blocked, so liveness answers however slow a search is.
    """

    def __init__(self, size: int, max_waiting: int, metrics: Metrics) -> None:
        """Start no thread before it is needed."""
        self.size = size
        self.max_waiting = max_waiting
        self._metrics = metrics
        self._executor = ThreadPoolExecutor(size, thread_name_prefix="search")
        self._admitted = 0
        self._lock = threading.Lock()

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator["Admission"]:
        """Count the request as admitted until the block and the work started in it have ended.

        Raises:
            Overloaded: Too many requests wait.
        """
        self._enter()
        admission = Admission(self._executor)
        try:
            yield admission
        finally:
            # A cancelled request ends the block, but its thread is busy until the work ends
            if admission.work is None:
                self._leave()
            else:
                admission.work.add_done_callback(self._leave)

    def close(self) -> None:
        """Wait for the work under way; drop what waits."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _enter(self) -> None:
        with self._lock:
            if self._admitted >= self.size + self.max_waiting:
                raise Overloaded(
                    f"{self.size} requests are worked on and {self.max_waiting} wait; ask again in a moment"
                )
            self._count(1)

    def _leave(self, _done: object = None) -> None:
        with self._lock:
            self._count(-1)

    def _count(self, change: int) -> None:
        self._admitted += change
        self._metrics.waiting.set(max(0, self._admitted - self.size))


class Admission:
    """An admitted request, which may run one function in a thread."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        """Start nothing."""
        self._executor = executor
        self.work: Future[Any] | None = None

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function in a thread, in the context of the caller.

        Raises:
            ShuttingDown: The threads have ended.
        """
        try:
            work = self._executor.submit(contextvars.copy_context().run, partial(function, *args, **kwargs))
        except RuntimeError as error:
            raise ShuttingDown("the service is shutting down; ask again in a moment") from error
        self.work = work
        return await wrap_future(work)
