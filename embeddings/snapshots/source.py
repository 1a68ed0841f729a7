"""The protocol `SnapshotSource`: where snapshots come from, and which of them is served.

`folder.FolderSource` implements it for a local folder. Implementations pass `tests/snapshots/source_contract.py`.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NewType, Protocol

from embeddings.errors import SnapshotError
from embeddings.snapshots.manifest import Manifest

PointerToken = NewType("PointerToken", str)
"""Identifies one state of the pointer; compare tokens for equality only."""

NO_POINTER = PointerToken("")
"""The token while no pointer exists."""

_HISTORY = 20


@dataclass(frozen=True, slots=True)
class Pointer:
    """The record of which snapshot is served.

    Attributes:
        snapshot: Id of the served snapshot.
        published_at: When it was last published, ISO 8601, UTC. Publishing the same snapshot again renews it.
        previous: Ids served before, most recent first, at most 20.
        revision: Increases by 1 with every change, so that no two states of a pointer have equal content.
    """

    snapshot: str
    published_at: str
    previous: tuple[str, ...]
    revision: int = 0

    def to_json(self) -> bytes:
        """Serialise for storage."""
        return (json.dumps(asdict(self), indent=2) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes, location: str) -> "Pointer":
        """Parse a stored pointer; `location` is used in messages.

        Raises:
            SnapshotError: It is not a pointer.
        """
        try:
            content = json.loads(data)
            return cls(
                content["snapshot"], content["published_at"], tuple(content["previous"]), content.get("revision", 0)
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SnapshotError(f"{location} is broken ({error}); publish a snapshot again") from error


def next_pointer(before: Pointer | None, snapshot: str) -> Pointer:
    """The pointer after publishing `snapshot`; `before` is None if there was none, or none that could be read."""
    previous = () if before is None else tuple(i for i in (before.snapshot, *before.previous) if i != snapshot)
    return _pointer(before, snapshot, previous)


def rolled_back(before: Pointer, snapshot: str) -> Pointer:
    """The pointer after rolling back to `snapshot`, one of `before.previous`; later ones leave the history."""
    position = before.previous.index(snapshot)
    return _pointer(before, snapshot, before.previous[position + 1 :])


def _pointer(before: Pointer | None, snapshot: str, previous: tuple[str, ...]) -> Pointer:
    revision = 1 if before is None else before.revision + 1
    return Pointer(snapshot, datetime.now(UTC).isoformat(timespec="seconds"), previous[:_HISTORY], revision)


class SnapshotSource(Protocol):
    """A collection of snapshots and the pointer to the one that is served. Safe from many threads and processes."""

    def manifests(self) -> list[Manifest]:
        """List the manifests of all readable snapshots, most recently built first."""

    def resolve(self, snapshot: str) -> str:
        """Complete a snapshot id of which the first digits are given.

        Raises:
            SnapshotError: No snapshot or several snapshots match; the message lists those there are.
        """

    def fetch(self, snapshot: str, *, verify: bool = False) -> Path:
        """Provide a snapshot as a local folder.

        Args:
            snapshot: Complete id.
            verify: Compare the checksums of all files. Otherwise a source that already holds the files locally
                compares only their sizes; files that have to be copied are always verified.

        Returns:
            A folder to open with `Snapshot.open`. It stays until the snapshot is pruned.

        Raises:
            SnapshotError: The snapshot does not exist, is incomplete or damaged.
        """

    def install(self, work: Path, snapshot: str) -> None:
        """Add a sealed snapshot; it is durable when this returns.

        If the source holds an intact snapshot of this id, that is kept, because its content is the same; a damaged
        one is replaced.

        Args:
            work: Local folder of the sealed snapshot. The source may move it.
            snapshot: Its id.
        """

    def current(self) -> Pointer:
        """Read the pointer.

        Raises:
            NothingPublished: There is none.
            SnapshotError: It is damaged.
        """

    def token(self) -> PointerToken:
        """Read the token of the pointer: cheap, for polling.

        It changes exactly when the pointer changes. `NO_POINTER` if there is none.

        Raises:
            SnapshotError: The source cannot be reached.
        """

    def publish(self, snapshot: str, *, expected: PointerToken | None = None, verify: bool = True) -> Pointer:
        """Serve a snapshot from now on (compare-and-swap of the pointer). A damaged pointer is replaced.

        Args:
            snapshot: Its id, or the first digits.
            expected: Publish only if the pointer still has this token; None publishes whatever the pointer is. Of
                several publishers with the same expectation exactly one succeeds.
            verify: Compare the checksums of all files first. False for a caller that did so just now.

        Raises:
            SnapshotError: The snapshot does not exist or is damaged.
            PublishConflict: The pointer has another token.
        """

    def rollback(self, *, expected: PointerToken | None = None) -> Pointer:
        """Serve the snapshot that was served before; for `expected` see `publish`.

        Raises:
            NothingPublished: There is no pointer.
            SnapshotError: No earlier snapshot is left, or it is damaged.
            PublishConflict: The pointer has another token.
        """

    def prune(self, keep: int) -> list[str]:
        """Delete snapshots, except the served one and the `keep` served before it.

        Returns:
            Ids of the deleted snapshots.

        Raises:
            NothingPublished: There is no pointer.
        """
