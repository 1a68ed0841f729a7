"""The one rule about who is let in."""

import asyncio
import contextvars
import threading

import pytest

from service.engine.admission import Workers
from service.errors import Overloaded, ShuttingDown
from service.telemetry.metrics import Metrics


def test_size_work_others_wait_and_the_rest_is_refused() -> None:
    async def scenario() -> None:
        workers = Workers(2, 3, Metrics())
        release = threading.Event()
        admitted = [asyncio.create_task(workers.run(release.wait)) for _ in range(5)]
        await asyncio.sleep(0)
        for _ in range(3):
            with pytest.raises(Overloaded, match="2 requests are worked on and 3 wait"):
                await workers.run(release.wait)
        release.set()
        assert await asyncio.gather(*admitted) == [True] * 5
        assert await workers.run(lambda: "room again") == "room again"
        workers.close()

    asyncio.run(scenario())


def test_an_abandoned_request_keeps_its_place_until_its_work_ends() -> None:
    async def scenario() -> None:
        workers = Workers(1, 0, Metrics())
        started, release = threading.Event(), threading.Event()

        def work() -> None:
            started.set()
            release.wait()

        abandoned = asyncio.create_task(workers.run(work))
        await asyncio.to_thread(started.wait)
        abandoned.cancel()
        with pytest.raises(asyncio.CancelledError):
            await abandoned
        with pytest.raises(Overloaded):
            await workers.run(lambda: None)
        release.set()
        workers.close()
        with pytest.raises(ShuttingDown):
            await workers.run(lambda: None)

    asyncio.run(scenario())


def test_work_runs_in_the_context_of_its_request() -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name")

    async def scenario() -> None:
        workers = Workers(1, 0, Metrics())
        name.set("mine")
        assert await workers.run(name.get) == "mine"
        workers.close()

    asyncio.run(scenario())


def test_a_failure_is_raised_and_frees_its_place() -> None:
    async def scenario() -> None:
        workers = Workers(1, 0, Metrics())
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await workers.run(lambda: 1 // 0)
        workers.close()

    asyncio.run(scenario())


def test_what_comes_first_is_awaited_within_and_frees_its_place_if_given_up() -> None:
    async def scenario() -> None:
        workers = Workers(1, 0, Metrics())
        never = asyncio.Event()

        async def first() -> None:
            await never.wait()

        abandoned = asyncio.create_task(workers.run(lambda: None, first))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await workers.run(lambda: None)
        abandoned.cancel()
        with pytest.raises(asyncio.CancelledError):
            await abandoned
        never.set()
        assert await workers.run(lambda: "room again", first) == "room again"
        workers.close()

    asyncio.run(scenario())
