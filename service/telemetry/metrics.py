"""What Prometheus is told. The only module that knows prometheus_client."""

import os
from functools import cache

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

CONTENT_TYPE = CONTENT_TYPE_LATEST
MULTIPROCESS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable that has several workers count together; prometheus_client reads it when imported."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """The metrics of one application, in a registry of its own."""

    def __init__(self) -> None:
        """Register them all."""
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "related_papers_requests", "Requests answered.", ["method", "route", "status"], registry=registry
        )
        self.request_seconds = Histogram(
            "related_papers_request_seconds", "Time to answer.", ["route"], buckets=_SECONDS, registry=registry
        )
        self.in_flight = Gauge(
            "related_papers_requests_in_flight",
            "Requests being answered.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.waiting = Gauge(
            "related_papers_requests_waiting",
            "Requests that wait for a search thread.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.encoder_batch = Histogram(
            "related_papers_encoder_batch_texts",
            "Texts in one pass through the model.",
            buckets=_TEXTS,
            registry=registry,
        )
        self.encoder_seconds = Histogram(
            "related_papers_encoder_seconds", "Time of one pass through the model.", buckets=_SECONDS, registry=registry
        )
        self.encoder_waiting = Gauge(
            "related_papers_encoder_waiting_calls",
            "Calls that wait for the model.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.query_cache = Counter(
            "related_papers_query_cache",
            "Query texts whose vector was remembered, or not.",
            ["result"],
            registry=registry,
        )
        self.papers = Gauge(
            "related_papers_papers", "Papers served.", multiprocess_mode="livemostrecent", registry=registry
        )
        self.reload_failures = Counter(
            "related_papers_reload_failures", "Published snapshots that could not be taken up.", registry=registry
        )
        self._snapshot = Gauge(
            "related_papers_snapshot_info",
            "1 for the snapshot that is served.",
            ["snapshot"],
            multiprocess_mode="livemostrecent",
            registry=registry,
        )
        self._age = Gauge(
            "related_papers_snapshot_age_seconds",
            "Time since the snapshot that is served was last published.",
            multiprocess_mode="livemostrecent",
            registry=registry,
        )
        self._serving: str | None = None
        self._answered = cache(self._series)  # looking up a series takes longer than counting in it

    def answered(self, method: str, route: str, status: str, seconds: float) -> None:
        """Count one answer; all but the last must be of few values."""
        counter, histogram = self._answered(method, route, status)
        counter.inc()
        histogram.observe(seconds)

    def serve(self, snapshot: str, papers: int) -> None:
        """Say which snapshot is served from now on."""
        if self._serving is not None and self._serving != snapshot:
            if _multiprocess():
                self._snapshot.labels(self._serving).set(0)  # its series cannot be removed from the shared files
            else:
                self._snapshot.remove(self._serving)
        self._serving = snapshot
        self._snapshot.labels(snapshot).set(1)
        self.papers.set(papers)

    def render(self, age_s: float | None) -> bytes:
        """Write the exposition format.

        Args:
            age_s: Seconds since the snapshot that is served was last published; None where there is none.
        """
        if age_s is not None:
            self._age.set(age_s)
        if not _multiprocess():
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)

    def _series(self, method: str, route: str, status: str) -> tuple[Counter, Histogram]:
        return self.requests.labels(method, route, status), self.request_seconds.labels(route)

    def close(self) -> None:
        """Withdraw what this worker is doing from the workers' sum."""
        if _multiprocess():
            mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]


def _multiprocess() -> bool:
    return MULTIPROCESS_FOLDER in os.environ
