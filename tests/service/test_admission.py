"""The one rule about who is let in."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import TypeVar

import pytest

from service.engine.admission import Workers
from service.errors import Overloaded, ShuttingDown
from service.telemetry.metrics import Metrics

T = TypeVar("T")


async def run(workers: Workers, function: Callable[[], T]) -> T:
    async with workers.admitted() as admission:
        return await admission.run(function)


def test_size_work_others_wait_and_the_rest_is_refused() -> None:
    async def scenario() -> None:
        workers = Workers(2, 3, Metrics())
        release = threading.Event()
        admitted = [asyncio.create_task(run(workers, release.wait)) for _ in range(5)]
        await asyncio.sleep(0)
        for _ in range(3):
            with pytest.raises(Overloaded, match="2 requests are worked on and 3 wait"):
                await run(workers, release.wait)
        release.set()
        assert await asyncio.gather(*admitted) == [True] * 5
        assert await run(workers, lambda: "room again") == "room again"
        workers.close()

    asyncio.run(scenario())


def test_an_abandoned_request_keeps_its_place_until_its_work_ends() -> None:
    async def scenario() -> None:
        workers = Workers(1, 0, Metrics())
        started, release = threading.Event(), threading.Event()

        def work() -> None:
            started.set()
            release.wait()

        abandoned = asyncio.create_task(run(workers, work))
        await asyncio.to_thread(started.wait)
        abandoned.cancel()
        with pytest.raises(asyncio.CancelledError):
            await abandoned
        with pytest.raises(Overloaded):
            await run(workers, lambda: None)
        release.set()
        workers.close()
        with pytest.raises(ShuttingDown):
            await run(workers, lambda: None)

    asyncio.run(scenario())


def test_work_runs_in_the_context_of_its_request() -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name")

    async def scenario() -> None:
        workers = Workers(1, 0, Metrics())
        name.set("mine")
        assert await run(workers, name.get) == "mine"
        workers.close()

    asyncio.run(scenario())


def test_a_failure_is_raised_and_frees_its_place() -> None:
    async def scenario() -> None:
        workers = Workers(1, 0, Metrics())
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await run(workers, lambda: 1 // 0)
        workers.close()

    asyncio.run(scenario())


def test_a_request_cancelled_before_its_work_frees_its_place() -> None:
    async def scenario() -> None:
        workers = Workers(1, 0, Metrics())
        never = asyncio.Event()

        async def encode_first() -> None:
            async with workers.admitted():
                await never.wait()

        abandoned = asyncio.create_task(encode_first())
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await run(workers, lambda: None)
        abandoned.cancel()
        with pytest.raises(asyncio.CancelledError):
            await abandoned
        assert await run(workers, lambda: "room again") == "room again"
        workers.close()

    asyncio.run(scenario())
