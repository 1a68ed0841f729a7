"""Texts of many callers share passes, and nothing else."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest

from embeddings.encoders.encoder import Encoder
from embeddings.encoders.encoder_info import Encoded
from embeddings.errors import EncoderError
from embeddings.search.searcher import EncodeQueries
from service.engine.query_batcher import BatchLimits, QueryBatcher
from service.errors import Overloaded, ShuttingDown
from service.telemetry.metrics import Metrics
from tests.service.running import wait_until

TEXTS = [
    f"{subject} {'for small devices ' * length}" for subject in ("graphs", "图神经网络", "CT") for length in (0, 1, 40)
]


class Gate:
    """An encoder's query side that lets passes through one by one, and remembers them."""

    def __init__(self, encode: EncodeQueries) -> None:
        self.passes: list[list[str]] = []
        self.arrived, self.opened = threading.Semaphore(0), threading.Semaphore(0)
        self._encode = encode

    def __call__(self, texts: Sequence[str]) -> Encoded:
        self.passes.append(list(texts))
        self.arrived.release()
        self.opened.acquire()
        if "poison" in texts:
            raise EncoderError("a text cannot be encoded")
        return self._encode(texts)


@pytest.fixture
def gate(encoder: Encoder) -> Gate:
    return Gate(encoder.encode_queries)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(32) as threads:
        yield threads


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def waiting(
    batcher: QueryBatcher, metrics: Metrics, pool: ThreadPoolExecutor, texts: Sequence[str]
) -> "list[Future[Encoded]]":
    """Have one caller for each text wait, in this order."""
    calls = []
    for i, text in enumerate(texts):
        calls.append(pool.submit(batcher.encode_queries, [text]))
        line = f"related_papers_encoder_waiting_calls {i + 1}.0".encode()
        wait_until(lambda line=line: line in metrics.render(None))  # type: ignore[misc]
    return calls


def blocked(batcher: QueryBatcher, gate: Gate, pool: ThreadPoolExecutor) -> "Future[Encoded]":
    """Occupy the encoder."""
    first = pool.submit(batcher.encode_queries, ["first"])
    gate.arrived.acquire()
    return first


def test_a_vector_does_not_depend_on_its_company(encoder: Encoder, pool: ThreadPoolExecutor) -> None:
    alone = {text: encoder.encode_queries([text]).embeddings[0] for text in TEXTS}
    batcher = QueryBatcher(encoder.encode_queries, BatchLimits(remembered=0), Metrics())
    answers = list(pool.map(lambda text: (text, batcher.encode_queries([text])), TEXTS * 8))
    batcher.close()
    for text, encoded in answers:
        assert encoded.embeddings.shape == (1, encoder.info.dimension)
        assert float(encoded.embeddings[0] @ alone[text]) > 0.9999


def test_a_call_gets_its_rows_in_its_order(encoder: Encoder) -> None:
    batcher = QueryBatcher(encoder.encode_queries, BatchLimits(), Metrics())
    expected = encoder.encode_queries(TEXTS)
    for _ in range(2):  # encoded, then remembered
        shuffled = [TEXTS[3], TEXTS[0], TEXTS[3], *TEXTS]
        encoded = batcher.encode_queries(shuffled)
        rows = [TEXTS.index(text) for text in shuffled]
        np.testing.assert_allclose(encoded.embeddings, expected.embeddings[rows], atol=1e-5)
        np.testing.assert_array_equal(encoded.tokens_seen, expected.tokens_seen[rows])
        np.testing.assert_array_equal(encoded.tokens_total, expected.tokens_total[rows])
    assert batcher.encode_queries([]).embeddings.shape == (0, encoder.info.dimension)
    batcher.close()


def test_what_waits_is_encoded_together_within_the_limits(
    gate: Gate, metrics: Metrics, pool: ThreadPoolExecutor
) -> None:
    batcher = QueryBatcher(gate, BatchLimits(texts=3, chars=20), metrics)
    first = blocked(batcher, gate, pool)
    calls = waiting(batcher, metrics, pool, ["a", "b", "c", "d", "e" * 19, "f" * 100, "g"])
    gate.opened.release(10)
    for call in [first, *calls]:
        assert call.result().embeddings.shape[0] == 1
    batcher.close()
    assert gate.passes == [["first"], ["a", "b", "c"], ["d", "e" * 19], ["f" * 100], ["g"]]


def test_remembered_texts_are_not_encoded_again(gate: Gate, metrics: Metrics, pool: ThreadPoolExecutor) -> None:
    batcher = QueryBatcher(gate, BatchLimits(remembered=2), metrics)
    gate.opened.release(10)
    for text in ("a", "b", "a", "c", "a", "b"):  # c pushes b out, which was not asked for longest
        batcher.encode_queries([text])
    batcher.close()
    assert gate.passes == [["a"], ["b"], ["c"], ["b"]]


def test_texts_wait_without_threads_and_who_gives_up_leaves_the_others_alone(gate: Gate, metrics: Metrics) -> None:
    batcher = QueryBatcher(gate, BatchLimits(), metrics)

    async def scenario() -> list[Encoded]:
        first = asyncio.create_task(batcher.encode_query("first"))
        await asyncio.to_thread(gate.arrived.acquire)
        others = [asyncio.create_task(batcher.encode_query(text)) for text in ("a", "b", "c")]
        await asyncio.sleep(0)
        others[1].cancel()
        gate.opened.release(10)
        with pytest.raises(asyncio.CancelledError):
            await others[1]
        return [await first, await others[0], await others[2], await batcher.encode_query("c")]

    found = asyncio.run(scenario())
    expected = batcher.encode_queries(["first", "a", "c", "c"])  # remembered
    batcher.close()
    assert gate.passes == [["first"], ["a", "b", "c"]]
    for i, encoded in enumerate(found):
        np.testing.assert_array_equal(encoded.embeddings, expected.embeddings[i : i + 1])
        assert encoded.tokens_seen.tolist() == [1] == encoded.tokens_total.tolist()
    said = metrics.render(None).decode()
    assert 'query_cache_total{result="hit"} 5.0' in said and 'query_cache_total{result="miss"} 4.0' in said


def test_a_failure_reaches_its_caller_and_no_other(gate: Gate, metrics: Metrics, pool: ThreadPoolExecutor) -> None:
    batcher = QueryBatcher(gate, BatchLimits(), metrics)
    first = blocked(batcher, gate, pool)
    good, bad, other = waiting(batcher, metrics, pool, ["good", "poison", "other"])
    gate.opened.release(10)
    assert first.result() and good.result() and other.result()
    with pytest.raises(EncoderError, match="cannot be encoded"):
        bad.result()
    batcher.close()


def test_a_failing_encoder_reaches_each_caller(pool: ThreadPoolExecutor) -> None:
    def fail(texts: Sequence[str]) -> Encoded:
        raise MemoryError(f"no room for {len(texts)} texts")

    batcher = QueryBatcher(fail, BatchLimits(), Metrics())
    for call in [pool.submit(batcher.encode_queries, [text]) for text in TEXTS]:
        with pytest.raises(MemoryError):
            call.result()
    batcher.close()


def test_a_full_queue_refuses(gate: Gate, metrics: Metrics, pool: ThreadPoolExecutor) -> None:
    batcher = QueryBatcher(gate, BatchLimits(calls=2), metrics)
    first = blocked(batcher, gate, pool)
    calls = waiting(batcher, metrics, pool, ["a", "b"])
    with pytest.raises(Overloaded, match="2 calls wait"):
        batcher.encode_queries(["c"])
    gate.opened.release(10)
    for call in [first, *calls]:
        call.result()
    batcher.close()


def test_closing_ends_the_waiting_and_lets_the_pass_under_way_end(
    gate: Gate, metrics: Metrics, pool: ThreadPoolExecutor
) -> None:
    batcher = QueryBatcher(gate, BatchLimits(), metrics)
    first = blocked(batcher, gate, pool)
    calls = waiting(batcher, metrics, pool, ["a", "b"])
    closing = pool.submit(batcher.close)
    for call in calls:
        with pytest.raises(ShuttingDown):
            call.result()
    gate.opened.release()
    assert first.result().embeddings.shape[0] == 1
    closing.result()
    with pytest.raises(ShuttingDown):
        batcher.encode_queries(["c"])
