"""Engine work in a bounded number of threads, and the one rule about who is let in."""

import contextvars
import threading
from asyncio import wrap_future
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from service.errors import Overloaded, ShuttingDown
from service.telemetry.metrics import Metrics

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

    async def run(self, function: Callable[[], T], first: Callable[[], Awaitable[None]] | None = None) -> T:
        """Run a function in a thread, in the caller's context.

        Args:
            function: The work.
            first: What is awaited before a thread is taken, but after being let in.

        Raises:
            Overloaded: Too many wait.
            ShuttingDown: The threads have ended.
        """
        self._enter()
        try:
            if first is not None:
                await first()
            future = self._submit(function)
        except BaseException:  # of the caller who stops waiting, too
            self._leave()
            raise
        # When the work ends, not when its caller stops waiting for it: the thread is busy until then
        future.add_done_callback(self._leave)
        return await wrap_future(future)

    def close(self) -> None:
        """Wait for the work under way; drop what waits."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _submit(self, function: Callable[[], T]) -> "Future[T]":
        try:
            return self._executor.submit(contextvars.copy_context().run, function)
        except RuntimeError as error:
            raise ShuttingDown("the service is shutting down; ask again in a moment") from error

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
