"""One published snapshot, open and checked, with all that answers questions about it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from embeddings import threads
from embeddings.encoders import loading
from embeddings.encoders.encoder import Encoder
from embeddings.queries import SearchOptions
from embeddings.search.searcher import Searcher
from embeddings.snapshots.encoder_check import check_encoder
from embeddings.snapshots.folder import ENCODERS, FolderSource
from embeddings.snapshots.snapshot import Snapshot, open_current
from embeddings.snapshots.source import Pointer
from service.engine.query_batcher import BatchLimits, QueryBatcher
from service.settings import Settings
from service.telemetry.metrics import Metrics

# Mark-up, sentences and both scripts
_WARM_UP = (r"Does \emph{linear} attention of $O(n)$ help image segmentation?", "图像分割。医学")


@dataclass(eq=False, slots=True)
class ServedSnapshot:
    """A snapshot with all that answers questions about it.

    Attributes:
        snapshot: Open while anyone holds a lease.
        pointer: What published it; renewed when the same snapshot is published again.
        encoder: What built it and reads the queries.
        batcher: Brings them there.
        searcher: Over both.
        leases: Requests that use it now.
    """

    snapshot: Snapshot
    pointer: Pointer
    encoder: Encoder
    batcher: QueryBatcher
    searcher: Searcher
    leases: int = 0

    def age_s(self) -> float:
        """Seconds since the snapshot was last published: a build that finds nothing new renews it."""
        return (datetime.now(UTC) - datetime.fromisoformat(self.pointer.published_at)).total_seconds()


def open_published(settings: Settings, metrics: Metrics, current: ServedSnapshot | None) -> ServedSnapshot:
    """Open what is published, and check its encoder.

    Args:
        settings: Where, and with which model.
        metrics: For the batcher.
        current: What is served now; its batcher is shared if its encoder fits.

    Raises:
        NothingPublished: Nothing is.
        SnapshotError: It cannot be opened, or another encoder built it.
        EncoderError: Its encoder cannot be loaded.
    """
    snapshot, pointer = open_current(FolderSource(settings.snapshots))
    try:
        encoder = _encoder_for(snapshot, settings, current)
        check_encoder(snapshot, encoder)
    except BaseException:
        snapshot.close()
        raise
    if current is not None and encoder is current.encoder:
        batcher = current.batcher
        return ServedSnapshot(snapshot, pointer, encoder, batcher, Searcher(snapshot, batcher.encode_queries))
    # Only requests that were let in call, one call each: so many can wait and no more
    admitted = settings.search_threads + settings.max_waiting
    limits = BatchLimits(settings.encoder_batch, settings.encoder_batch_chars, admitted, settings.query_cache)
    batcher = QueryBatcher(encoder.encode_queries, limits, metrics)
    searcher = Searcher(snapshot, batcher.encode_queries)
    # A new encoder, and libraries that load their data when first used, warm up now and not while a user waits. Not
    # with a batcher in use: its queue may be full, which must not keep a snapshot from being taken up
    for text in _WARM_UP:
        searcher.search(text, SearchOptions(top_k=2, why=True))
    return ServedSnapshot(snapshot, pointer, encoder, batcher, searcher)


def _encoder_for(snapshot: Snapshot, settings: Settings, current: ServedSnapshot | None) -> Encoder:
    """The encoder in use where it fits or was prescribed; else the snapshot's own."""
    wanted = snapshot.manifest.encoder
    if current is not None and (settings.model is not None or current.encoder.info.fingerprint == wanted.fingerprint):
        return current.encoder
    return loading.for_snapshot(
        snapshot.manifest,
        settings.snapshots / ENCODERS,
        backend=settings.backend,
        precision=settings.precision,
        model=settings.model,
        device=settings.device,
        threads=encoder_threads(settings),
    )


def encoder_threads(settings: Settings) -> int:
    """Processors for one pass through the model: as set, else a worker's share of those there are."""
    return settings.threads or max(1, threads.available() // settings.workers)
