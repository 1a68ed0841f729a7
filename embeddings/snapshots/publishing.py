"""Which snapshot is served: a small pointer file, replaced by renaming, and the commands that move it."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from embeddings.errors import NothingPublished, SnapshotError
from embeddings.files import sync_folder, write_atomically
from embeddings.snapshots.snapshot import MANIFEST, Manifest, Snapshot

VECTOR_CACHE = ".cache"
ENCODERS = ".encoders"
"""Folder of compiled models, by fingerprint; what a service needs of an encoder."""

_POINTER = "current.json"
_HISTORY = 20
_OPENING_TRIES = 5


@dataclass(frozen=True, slots=True)
class Pointer:
    """What is served.

    Attributes:
        snapshot: Its id.
        published_at: When it was last published, ISO 8601, UTC: a nightly build that finds nothing new renews it.
        previous: Ids served before, the latest first.
    """

    snapshot: str
    published_at: str
    previous: tuple[str, ...]


def pointer_path(snapshots: Path) -> Path:
    """The file that changes when another snapshot is published."""
    return snapshots / _POINTER


def current(snapshots: Path) -> Pointer:
    """Read which snapshot is served.

    Raises:
        NothingPublished: None is.
        SnapshotError: The pointer file is broken.
    """
    path = pointer_path(snapshots)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Pointer(content["snapshot"], content["published_at"], tuple(content["previous"]))
    except FileNotFoundError:
        raise NothingPublished(
            f"nothing is published in {snapshots}; run: related-papers build SOURCE… --snapshots {snapshots}"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SnapshotError(f"{path} is broken ({error}); publish a snapshot again") from error


def open_current(snapshots: Path) -> tuple[Snapshot, Pointer]:
    """Open the snapshot that is served.

    Raises:
        NothingPublished: None is.
        SnapshotError: It cannot be opened.
    """
    for _ in range(_OPENING_TRIES):
        pointer = current(snapshots)
        try:
            return Snapshot.open(snapshots / pointer.snapshot), pointer
        except SnapshotError:
            # Between reading and opening, another may have been published and this one pruned
            if current(snapshots).snapshot == pointer.snapshot:
                raise
    raise SnapshotError(f"the published snapshot in {snapshots} changes faster than it can be opened")


def adopt(work: Path, folder: Path) -> None:
    """Rename finished work to its place among the snapshots, durably.

    A sound snapshot of the same name has the same content and stays; a damaged one is replaced.
    """
    with _moving(folder.parent):
        if folder.exists():
            try:
                Snapshot.open(folder, verify=True).close()
                return
            except SnapshotError:
                shutil.rmtree(folder)
        work.rename(folder)
        sync_folder(folder.parent)


def publish(snapshots: Path, snapshot: str) -> Pointer:
    """Serve this snapshot from now on, whatever it answers; `release.publish` is the way with a gate.

    It is verified first, checksums and all.

    Raises:
        SnapshotError: There is no such snapshot, or it is damaged; what was served is served on.
    """
    found = resolve(snapshots, snapshot)
    Snapshot.open(snapshots / found, verify=True).close()
    return serve(snapshots, found)


def serve(snapshots: Path, found: str) -> Pointer:
    """Point to a snapshot, by its whole id, that was verified just now."""
    with _moving(snapshots):
        try:
            before = current(snapshots)
            previous = tuple(i for i in (before.snapshot, *before.previous) if i != found)
        except SnapshotError:  # also a broken pointer: publishing is how it is mended
            previous = ()
        return _point(snapshots, found, previous)


def rollback(snapshots: Path) -> Pointer:
    """Serve what was served before.

    Raises:
        NothingPublished: Nothing is served now.
        SnapshotError: Nothing was served before, or it is gone or damaged.
    """
    with _moving(snapshots):
        before = current(snapshots)
        kept = [i for i in before.previous if (snapshots / i / MANIFEST).is_file()]
        if not kept:
            raise SnapshotError(f"no earlier snapshot is left in {snapshots} to roll back to")
        Snapshot.open(snapshots / kept[0], verify=True).close()
        return _point(snapshots, kept[0], tuple(kept[1:]))


def listed(snapshots: Path) -> list[Manifest]:
    """Manifests of all snapshots there are, the latest built first; unreadable ones are left out."""
    manifests = []
    for folder in snapshots.glob("*/"):
        if folder.name.startswith("."):
            continue  # being built, or the vector cache
        try:
            manifests.append(Manifest.read(folder))
        except SnapshotError:
            continue
    return sorted(manifests, key=lambda m: (m.built_at, m.snapshot), reverse=True)


def resolve(snapshots: Path, snapshot: str) -> str:
    """Complete the beginning of a snapshot id.

    Raises:
        SnapshotError: No snapshot begins so, or several do.
    """
    if (snapshots / snapshot / MANIFEST).is_file() and snapshot:
        return snapshot
    found = [m.snapshot for m in listed(snapshots) if snapshot and m.snapshot.startswith(snapshot)]
    if len(found) != 1:
        known = ", ".join(m.snapshot for m in listed(snapshots)) or "none"
        raise SnapshotError(f"{len(found)} snapshots begin with {snapshot!r} in {snapshots}; there are: {known}")
    return found[0]


def prune(snapshots: Path, keep: int) -> list[str]:
    """Delete snapshots, but never the one that is served nor the `keep` served before it; and encoders only they had.

    Returns:
        Ids of what was deleted.
    """
    with _moving(snapshots):
        pointer = current(snapshots)
        kept = {pointer.snapshot, *pointer.previous[:keep]}
        found = listed(snapshots)
        gone = [m.snapshot for m in found if m.snapshot not in kept]
        needed = {m.encoder.fingerprint for m in found if m.snapshot in kept}
        for fingerprint in {m.encoder.fingerprint for m in found} - needed:
            shutil.rmtree(snapshots / ENCODERS / fingerprint, ignore_errors=True)
        for snapshot in gone:
            # The manifest first: what is left after a crash is no snapshot to anybody
            (snapshots / snapshot / MANIFEST).unlink()
            shutil.rmtree(snapshots / snapshot)
        return gone


def _point(snapshots: Path, snapshot: str, previous: tuple[str, ...]) -> Pointer:
    pointer = Pointer(snapshot, datetime.now(UTC).isoformat(timespec="seconds"), previous[:_HISTORY])
    write_atomically(pointer_path(snapshots), (json.dumps(asdict(pointer), indent=2) + "\n").encode())
    return pointer


@contextmanager
def _moving(snapshots: Path) -> Iterator[None]:
    """One mover at a time; readers need no lock."""
    snapshots.mkdir(parents=True, exist_ok=True)
    with FileLock(snapshots / ".pointer.lock"):
        yield
