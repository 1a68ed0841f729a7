"""Where tasks run. All executors pass the tests in `tests/build/test_executors.py`."""

import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Protocol

from embeddings.build import plan
from embeddings.build.plan import EmbedResult, EmbedTask
from embeddings.errors import BuildError


class Executor(Protocol):
    """Runs tasks.

    Attributes:
        in_flight: Most tasks that are drawn and whose results are not yet returned.
    """

    in_flight: int

    def run(self, tasks: Iterable[EmbedTask]) -> Iterator[EmbedResult]:
        """Run tasks, and return their results in the order of the tasks.

        Tasks are drawn in the calling thread, and only as results are taken: never more than `in_flight` ahead. A task
        may run several times, for instance after a machine failed; one result is returned for each. Where there is no
        task, no encoder is loaded and no process is started.

        Args:
            tasks: Any number; may depend on results that were returned before.

        Raises:
            EncoderError: Of a task; the results of all tasks before it have been returned.
            BuildError: A task could not be run.
        """
        ...

    def close(self) -> None:
        """Free encoders and processes. The executor can be used again afterwards."""
        ...


class LocalExecutor:
    """Runs tasks in this process, one at a time. Each task uses all processors."""

    in_flight = 1

    def run(self, tasks: Iterable[EmbedTask]) -> Iterator[EmbedResult]:
        """See `Executor.run`."""
        return map(plan.run, tasks)

    def close(self) -> None:
        """See `Executor.close`."""
        plan.unload()


class ProcessExecutor:
    """Runs tasks in several processes of this machine, each with an encoder of its own.

    Worth its memory where one encoder does not use all processors: several GPUs or NUMA nodes, or a build planned with
    fewer threads than there are.
    """

    def __init__(self, processes: int) -> None:
        """Prepare; processes are started with the first task.

        Args:
            processes: At least 1.
        """
        self.in_flight = 2 * processes  # one that runs and one that waits, so that no process is idle
        self._processes = processes
        self._pool: ProcessPoolExecutor | None = None

    def run(self, tasks: Iterable[EmbedTask]) -> Iterator[EmbedResult]:
        """See `Executor.run`."""
        waiting: deque[Future[EmbedResult]] = deque()
        try:
            for task in tasks:
                waiting.append(self._started().submit(plan.run, task))
                if len(waiting) == self.in_flight:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            self.close()
            raise BuildError(
                "a process that embeds ended unexpectedly, perhaps for lack of memory; start the build again with "
                "fewer processes, it continues where it stopped"
            ) from error
        finally:
            for future in waiting:
                future.cancel()

    def close(self) -> None:
        """See `Executor.close`."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # A forked process would share the threads and locks of torch, which it cannot use
            self._pool = ProcessPoolExecutor(self._processes, multiprocessing.get_context("spawn"))
        return self._pool
