"""`FolderSource`: snapshots in a local folder, and a pointer file that is replaced by renaming."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from embeddings.errors import NothingPublished, PublishConflict, SnapshotError
from embeddings.files import sync_folder, write_atomically
from embeddings.snapshots.manifest import MANIFEST, Manifest
from embeddings.snapshots.source import NO_POINTER, Pointer, PointerToken, next_pointer, rolled_back

VECTOR_CACHE = ".cache"
"""Folder of cached vectors."""

ENCODERS = ".encoders"
"""Folder of compiled models, one folder per encoder fingerprint."""

_POINTER = "current.json"
_LOCK = ".pointer.lock"


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A `SnapshotSource` in a folder: one subfolder per snapshot, named by its id.

    Readers take no lock: a snapshot appears by renaming a finished folder, the pointer by renaming a finished file.

    Attributes:
        folder: May not exist yet.
    """

    folder: Path

    @property
    def pointer_path(self) -> Path:
        """The pointer file."""
        return self.folder / _POINTER

    def manifests(self) -> list[Manifest]:
        """See `SnapshotSource.manifests`."""
        found = []
        for folder in self.folder.glob("*/"):
            if folder.name.startswith("."):
                continue  # a build in progress, or a cache
            try:
                found.append(Manifest.read(folder))
            except SnapshotError:
                continue
        return sorted(found, key=lambda manifest: (manifest.built_at, manifest.snapshot), reverse=True)

    def resolve(self, snapshot: str) -> str:
        """See `SnapshotSource.resolve`."""
        if snapshot and self._holds(snapshot):
            return snapshot
        known = [manifest.snapshot for manifest in self.manifests()]
        found = [identity for identity in known if snapshot and identity.startswith(snapshot)]
        if len(found) != 1:
            raise SnapshotError(
                f"{len(found)} snapshots begin with {snapshot!r} in {self.folder}; "
                f"there are: {', '.join(known) or 'none'}"
            )
        return found[0]

    def fetch(self, snapshot: str, *, verify: bool = False) -> Path:
        """See `SnapshotSource.fetch`; the folder is that of the source itself."""
        folder = self.folder / snapshot
        manifest = Manifest.read(folder)
        if manifest.snapshot != snapshot:
            raise SnapshotError(f"{folder} holds snapshot {manifest.snapshot}; give the folder this name")
        manifest.check_files(folder, verify=verify)
        return folder

    def install(self, work: Path, snapshot: str) -> None:
        """See `SnapshotSource.install`; `work` is renamed and must be on the same file system."""
        folder = self.folder / snapshot
        with self._pointer_lock():
            if folder.exists():
                try:
                    self.fetch(snapshot, verify=True)
                    return
                except SnapshotError:
                    shutil.rmtree(folder)
            work.rename(folder)
            sync_folder(self.folder)

    def current(self) -> Pointer:
        """See `SnapshotSource.current`."""
        data = self._pointer_bytes()
        if data is None:
            raise NothingPublished(
                f"nothing is published in {self.folder}; run: related-papers build SOURCE… --snapshots {self.folder}"
            )
        return Pointer.from_json(data, str(self.pointer_path))

    def token(self) -> PointerToken:
        """See `SnapshotSource.token`; a hash of the pointer file, so that copying or touching it changes nothing."""
        data = self._pointer_bytes()
        return NO_POINTER if data is None else PointerToken(hashlib.sha256(data).hexdigest())

    def publish(self, snapshot: str, *, expected: PointerToken | None = None, verify: bool = True) -> Pointer:
        """See `SnapshotSource.publish`."""
        found = self.resolve(snapshot)
        if verify:
            self.fetch(found, verify=True)
        with self._pointer_lock():
            self._check_token(expected)
            if not self._holds(found):
                raise SnapshotError(f"{self.folder / found} was deleted before it could be published")
            try:
                before = self.current()
            except SnapshotError:  # none, or a damaged one, which publishing repairs
                before = None
            return self._write(next_pointer(before, found))

    def rollback(self, *, expected: PointerToken | None = None) -> Pointer:
        """See `SnapshotSource.rollback`."""
        with self._pointer_lock():
            self._check_token(expected)
            before = self.current()
            target = next((identity for identity in before.previous if self._holds(identity)), None)
            if target is None:
                raise SnapshotError(f"no earlier snapshot is left in {self.folder} to roll back to")
            self.fetch(target, verify=True)
            return self._write(rolled_back(before, target))

    def prune(self, keep: int) -> list[str]:
        """See `SnapshotSource.prune`; compiled models that only deleted snapshots used are deleted too."""
        with self._pointer_lock():
            pointer = self.current()
            kept = {pointer.snapshot, *pointer.previous[:keep]}
            manifests = self.manifests()
            pruned = [manifest.snapshot for manifest in manifests if manifest.snapshot not in kept]
            needed = {manifest.encoder.fingerprint for manifest in manifests if manifest.snapshot in kept}
            for fingerprint in {manifest.encoder.fingerprint for manifest in manifests} - needed:
                shutil.rmtree(self.folder / ENCODERS / fingerprint, ignore_errors=True)
            for snapshot in pruned:
                # The manifest first: after a crash half-way, the rest is not taken for a snapshot
                (self.folder / snapshot / MANIFEST).unlink()
                shutil.rmtree(self.folder / snapshot)
            return pruned

    def _holds(self, snapshot: str) -> bool:
        return (self.folder / snapshot / MANIFEST).is_file()

    def _pointer_bytes(self) -> bytes | None:
        """Content of the pointer file; None if there is none."""
        try:
            return self.pointer_path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SnapshotError(f"{self.pointer_path} is broken ({error}); publish a snapshot again") from error

    def _check_token(self, expected: PointerToken | None) -> None:
        if expected is not None and self.token() != expected:
            try:
                served = f"{self.current().snapshot} is served now"
            except SnapshotError as error:
                served = str(error)
            raise PublishConflict(
                f"another snapshot was published in {self.folder} in the meantime: {served}; compare with it, and "
                "publish again"
            )

    def _write(self, pointer: Pointer) -> Pointer:
        write_atomically(self.pointer_path, pointer.to_json())
        return pointer

    @contextmanager
    def _pointer_lock(self) -> Iterator[None]:
        """Exclude other publishers, installers and pruners; readers need no lock."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / _LOCK):
            yield
