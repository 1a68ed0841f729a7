"""Query texts of many requests through one encoder: whatever waits is encoded together.

One thread runs the encoder. A pass over eight short queries takes little longer than over one, so under load the
texts that arrived during a pass share the next; a lone query waits for nothing.
"""

import threading
from asyncio import wrap_future
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from embeddings.encoders.encoder_info import Encoded
from embeddings.search.searcher import EncodeQueries
from service.engine.query_cache import QueryCache, Row
from service.errors import Overloaded, ShuttingDown
from service.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What bounds a batcher.

    Attributes:
        texts: Most texts in one pass, unless a single call brings more.
        chars: Most characters in one pass, unless a single call brings more.
        calls: Most calls that wait.
        remembered: Texts whose vectors are kept.
    """

    texts: int = 32
    chars: int = 64_000
    calls: int = 64
    remembered: int = 1024


@dataclass(slots=True)
class _Call:
    texts: list[str]
    result: "Future[Encoded]" = field(default_factory=Future)

    @property
    def chars(self) -> int:
        return sum(map(len, self.texts))


class QueryBatcher:
    """Encodes queries for many threads. Close it, or its thread stays."""

    def __init__(self, encode: EncodeQueries, limits: BatchLimits, metrics: Metrics) -> None:
        """Start the thread.

        Args:
            encode: The query side of the encoder, henceforth called by this thread only.
            limits: What bounds it.
            metrics: Where passes and queues are counted.
        """
        self._encode_queries = encode
        self._limits = limits
        self._metrics = metrics
        self._remembered = QueryCache(limits.remembered)
        self._waiting: deque[_Call] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="encoder", daemon=True)
        self._thread.start()

    def encode_queries(self, texts: Sequence[str]) -> Encoded:
        """Encode texts as `Encoder.encode_queries` does, together with those of other callers; waits.

        Raises:
            Overloaded: Too many calls wait.
            ShuttingDown: The batcher was closed before the texts had their turn.
            EncoderError: The encoder could not encode these texts.
        """
        known = [self._remembered.get(text) for text in texts]
        missing = list(dict.fromkeys(text for text, row in zip(texts, known, strict=True) if row is None))
        self._count(len(texts) - len(missing), len(missing))
        if missing or not texts:
            encoded = self._submit(missing).result()
            fresh = {text: Row.of(encoded, i) for i, text in enumerate(missing)}
            for text, row in fresh.items():
                self._remembered.put(text, row)
            if not texts:
                return encoded
            rows = [fresh[text] if row is None else row for text, row in zip(texts, known, strict=True)]
        else:
            rows = [row for row in known if row is not None]
        return Encoded(
            np.stack([row.embedding for row in rows]),
            np.array([row.tokens_seen for row in rows], dtype=np.int64),
            np.array([row.tokens_total for row in rows], dtype=np.int64),
        )

    async def encode_query(self, text: str) -> Encoded:
        """As `encode_queries` of one text, for the event loop: no thread waits.

        Raises:
            Overloaded: Too many calls wait.
            ShuttingDown: The batcher was closed before the text had its turn.
            EncoderError: The encoder could not encode it.
        """
        row = self._remembered.get(text)
        self._count(int(row is not None), int(row is None))
        if row is not None:
            return Encoded(row.embedding[None], np.array([row.tokens_seen]), np.array([row.tokens_total]))
        encoded = await wrap_future(self._submit([text]))
        self._remembered.put(text, Row.of(encoded, 0))
        return encoded

    def close(self) -> None:
        """Let the pass under way end, tell all who wait that there is no next, and end the thread."""
        with self._changed:
            self._closed = True
            abandoned, self._waiting = list(self._waiting), deque()
            self._changed.notify_all()
        for call in abandoned:
            call.result.set_exception(ShuttingDown("the service is shutting down; ask again in a moment"))
        self._thread.join()

    def _count(self, hits: int, misses: int) -> None:
        self._metrics.query_cache.labels("hit").inc(hits)
        self._metrics.query_cache.labels("miss").inc(misses)

    def _submit(self, texts: list[str]) -> "Future[Encoded]":
        call = _Call(texts)
        call.result.set_running_or_notify_cancel()  # who stops waiting does not stop the pass
        with self._changed:
            if self._closed:
                raise ShuttingDown("the service is shutting down; ask again in a moment")
            if len(self._waiting) >= self._limits.calls:
                raise Overloaded(f"{len(self._waiting)} calls wait for the encoder already; ask again in a moment")
            self._waiting.append(call)
            self._metrics.encoder_waiting.set(len(self._waiting))
            self._changed.notify()
        return call.result

    def _work(self) -> None:
        while calls := self._take():
            try:
                self._encode(calls)
            except Exception as error:
                if len(calls) == 1:
                    calls[0].result.set_exception(error)
                    continue
                # One unreadable text must not fail the questions that happened to share its pass
                for call in calls:
                    self._encode_alone(call)

    def _take(self) -> list[_Call]:
        """Wait for calls and take as many as one pass may hold, at least one; none when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            taken: list[_Call] = []
            texts = chars = 0
            while self._waiting:
                texts += len(self._waiting[0].texts)
                chars += self._waiting[0].chars
                if taken and (texts > self._limits.texts or chars > self._limits.chars):
                    break
                taken.append(self._waiting.popleft())
            self._metrics.encoder_waiting.set(len(self._waiting))
            return taken

    def _encode(self, calls: Sequence[_Call]) -> None:
        texts = [text for call in calls for text in call.texts]
        started = perf_counter()
        encoded = self._encode_queries(texts)
        self._metrics.encoder_seconds.observe(perf_counter() - started)
        self._metrics.encoder_batch.observe(len(texts))
        start = 0
        for call in calls:
            part = slice(start, start + len(call.texts))
            start = part.stop
            call.result.set_result(
                Encoded(encoded.embeddings[part], encoded.tokens_seen[part], encoded.tokens_total[part])
            )

    def _encode_alone(self, call: _Call) -> None:
        try:
            self._encode([call])
        except Exception as error:
            call.result.set_exception(error)
