"""The snapshot that is being served: opened, checked, watched, and exchanged without losing a request.

Requests hold a lease on the generation they began with. A newer one replaces it for those that follow, and the old
snapshot is closed when the last lease on it ends.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

from embeddings.errors import NothingPublished, RelatedPapersError, SnapshotError
from embeddings.snapshots.folder import FolderSource
from embeddings.snapshots.source import NO_POINTER, PointerToken
from service.engine.served_snapshot import ServedSnapshot, open_published
from service.settings import Settings
from service.telemetry import logs
from service.telemetry.metrics import Metrics

# A snapshot that cannot be taken up is tried again: its files may still be on their way. Ever more rarely, as each
# try may load a model.
_FIRST_RETRY_S = 2.0
_LAST_RETRY_S = 60.0


@dataclass(frozen=True, slots=True)
class ReloadFailure:
    """Why the snapshot that was published last is not served.

    Attributes:
        detail: The error's message.
        since: When it was first met, ISO 8601, UTC.
    """

    detail: str
    since: str


class Reloader:
    """Holds the current generation and follows the pointer file. `open`, `watch`, then `close`."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        """Prepare; nothing is opened yet."""
        self._settings = settings
        self._metrics = metrics
        self._log = logs.logger("service.engine.reloader")
        self._lock = threading.Lock()
        self._current: ServedSnapshot | None = None
        self._retired: list[ServedSnapshot] = []
        self._source = FolderSource(settings.snapshots)
        self._seen: PointerToken | None = None
        self._retry_at = 0.0
        self._retry_after_s = _FIRST_RETRY_S
        self._stop = threading.Event()
        self._watcher: threading.Thread | None = None
        self.failure: ReloadFailure | None = None

    def open(self) -> None:
        """Take up what is published; if nothing is, the watcher will when something comes.

        Raises:
            SnapshotError: What is published cannot be opened, or another encoder built it.
            EncoderError: Its encoder cannot be loaded.
        """
        seen = self._stamp()
        try:
            self._reload()
        except NothingPublished as error:
            self._log.warning("nothing published", detail=str(error))
        else:
            self._seen = seen

    def watch(self) -> None:
        """Follow the pointer file from now on, in a thread."""
        self._watcher = threading.Thread(target=self._watch, name="snapshot-watcher", daemon=True)
        self._watcher.start()

    def close(self) -> None:
        """Stop following and let go of the generation; it is closed when the last lease ends."""
        self._stop.set()
        if self._watcher is not None:
            self._watcher.join()
        self._replace(None)

    @contextmanager
    def lease(self) -> Iterator[ServedSnapshot]:
        """Hold the current generation open; the last lease on a snapshot that was replaced closes it.

        Raises:
            NothingPublished: There is none.
        """
        generation = self.take()
        try:
            yield generation
        finally:
            self.give_back(generation)
            self._close_unused()

    def take(self) -> ServedSnapshot:
        """Hold the current generation open until it is given back; meant for the event loop, others take a `lease`.

        Raises:
            NothingPublished: There is none.
        """
        with self._lock:
            generation = self._current
            if generation is None:
                raise NothingPublished(f"nothing is published in {self._settings.snapshots}")
            generation.leases += 1
        return generation

    def give_back(self, generation: ServedSnapshot) -> None:
        """End what `take` began. If this was the last to hold a replaced snapshot, the watcher closes it."""
        with self._lock:
            generation.leases -= 1

    @property
    def current(self) -> ServedSnapshot | None:
        """The current generation without a lease: for what is said of it, not for its files, which may be closed."""
        return self._current

    def _watch(self) -> None:
        while not self._stop.wait(self._settings.reload_interval_s):
            self._close_unused()
            stamp = self._stamp()
            if stamp is None:  # gone for a moment, or forever: what is served is served on
                continue
            if stamp == self._seen and (self.failure is None or monotonic() < self._retry_at):
                continue
            changed = stamp != self._seen
            self._seen = stamp
            try:
                self._reload()
            except NothingPublished:
                self._seen = None
            except RelatedPapersError as error:
                self._failed(str(error), changed=changed)
            except Exception as error:
                # This thread must not die: nothing would ever be published again
                self._log.exception("reload failed")
                self._failed(f"{type(error).__name__}; the log has the cause", changed=changed)

    def _failed(self, detail: str, *, changed: bool) -> None:
        self._metrics.reload_failures.inc()
        self._retry_after_s = _FIRST_RETRY_S if changed else min(2 * self._retry_after_s, _LAST_RETRY_S)
        self._retry_at = monotonic() + self._retry_after_s
        if self.failure is None or self.failure.detail != detail:
            self.failure = ReloadFailure(detail, datetime.now(UTC).isoformat(timespec="seconds"))
            self._log.error(
                "published snapshot not taken up",
                detail=detail,
                serving=None if self._current is None else self._current.snapshot.id,
            )

    def _stamp(self) -> PointerToken | None:
        """The token of the pointer; None if there is no pointer, or the source cannot be reached."""
        try:
            token = self._source.token()
        except SnapshotError:
            return None
        return None if token == NO_POINTER else token

    def _reload(self) -> None:
        """Serve what the pointer names, if that is not served already."""
        current = self._current
        if current is not None:
            pointer = self._source.current()
            if pointer.snapshot == current.snapshot.id:
                self.failure, current.pointer = None, pointer
                return
        generation = open_published(self._settings, self._metrics, current)
        self.failure = None  # first, so that nobody sees the new snapshot beside the old failure
        self._replace(generation)
        snapshot = generation.snapshot
        self._metrics.serve(snapshot.id, len(snapshot))
        self._log.info("serving", snapshot=snapshot.id, papers=len(snapshot), encoder=generation.encoder.info.name)

    def _replace(self, generation: ServedSnapshot | None) -> None:
        with self._lock:
            if self._current is not None:
                self._retired.append(self._current)
            self._current = generation
        self._close_unused()

    def _close_unused(self) -> None:
        """Close retired generations that nobody uses, and batchers that no open generation has."""
        if not self._retired:  # almost always; a generation that retires right now is closed by who retires it
            return
        with self._lock:
            unused = [generation for generation in self._retired if generation.leases == 0]
            self._retired = [generation for generation in self._retired if generation.leases > 0]
            kept = {id(generation.batcher) for generation in (*self._retired, self._current) if generation is not None}
            batchers = {id(generation.batcher): generation.batcher for generation in unused}
        for generation in unused:
            generation.snapshot.close()
            self._log.info("closed", snapshot=generation.snapshot.id)
        for identity, batcher in batchers.items():
            if identity not in kept:
                batcher.close()
