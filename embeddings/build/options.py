"""What a build is asked to do, and what it reports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from embeddings import readers
from embeddings.encoders.backends.base import Backend, Precision
from embeddings.encoders.encoder_info import EMBEDDED_MODEL
from embeddings.indexes.faiss.choice import INDEX_RECALL
from embeddings.ranking.calibration import Calibration
from embeddings.release.comparison import Thresholds
from embeddings.release.gate import ReleaseDecision
from embeddings.snapshots.manifest import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """Options of a build.

    Attributes:
        snapshots: Folder of all snapshots; also holds the vector cache.
        model: See `model_files.locate`.
        revision: See `model_files.locate`.
        device: See `loading.load`.
        backend: Computation backend, see `loading.choose`.
        precision: Of the computation.
        max_tokens: Most tokens read of a paper, 0 for all.
        batch_tokens: Most tokens of a batch, padding included; bounds memory. None leaves it to the backend.
        format: Of all sources; None detects the format of each.
        columns: Our field → the sources' column.
        strict: Stop at the first record that cannot be used.
        index: FAISS factory string; None chooses by number of vectors and memory.
        memory_budget: Most bytes of the index; None sets no limit. Cannot be combined with `index`.
        recall: Index recall@10 that the search is tuned to, in [0, 1].
        calibration: Of the model's scores; None takes that of an embedded model.
        publish: Publish the snapshot if it passes the release gate.
        thresholds: Of the release gate.
        force: Publish the snapshot even if it does not pass the release gate.
        wait: Wait for another build in the same folder to end; otherwise fail.
        chunk: Papers of a chunk, see `BuildPlan`.
    """

    snapshots: Path = Path("snapshots")
    model: str = EMBEDDED_MODEL
    revision: str | None = None
    device: str | None = None
    backend: Backend = Backend.AUTO
    precision: Precision = Precision.AUTO
    max_tokens: int = 0
    batch_tokens: int | None = None
    format: readers.Format | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False
    index: str | None = None
    memory_budget: int | None = None
    recall: float = INDEX_RECALL
    calibration: Calibration | None = None
    publish: bool = True
    thresholds: Thresholds = field(default_factory=Thresholds)
    force: bool = False
    wait: bool = True
    chunk: int = 256


@dataclass(frozen=True, slots=True)
class BuildReport:
    """The result of a build.

    Attributes:
        manifest: Of the snapshot.
        folder: Of the snapshot.
        embedded: Papers whose vectors were computed; those of the others were in the cache.
        published: Whether the snapshot is now the published one.
        release: Verdict of the release gate; None where publishing was not requested.
    """

    manifest: Manifest
    folder: Path
    embedded: int
    published: bool
    release: ReleaseDecision | None = None
