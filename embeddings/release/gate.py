"""The release gate: verifies a snapshot, compares it with the served one, and serves it if it passes."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from embeddings.errors import NothingPublished, SnapshotError
from embeddings.files import write_atomically
from embeddings.release.compare import compare
from embeddings.release.comparison import Comparison, Thresholds
from embeddings.snapshots.folder import FolderSource
from embeddings.snapshots.snapshot import Snapshot

REPORT = "release.json"
"""File of the last comparison, in the snapshot's folder; not part of the snapshot's content, id or checksums."""


@dataclass(frozen=True, slots=True)
class ReleaseDecision:
    """Outcome of the gate for one snapshot.

    Attributes:
        snapshot: Id of the new snapshot.
        served: Whether it is served now.
        comparison: With the snapshot served before; None if there was nothing to compare with.
        note: Why there was no comparison, in words; empty if there was one.
    """

    snapshot: str
    served: bool
    comparison: Comparison | None = None
    note: str = ""

    def refusal_message(self) -> str:
        """Explain why the snapshot is not served, and what to do next.

        Raises:
            ValueError: The snapshot was not refused.
        """
        found = self.comparison
        if self.served or found is None:
            raise ValueError(f"{self.snapshot} was not refused")
        return (
            f"{self.snapshot} was not published, {found.before} is still served: {'; '.join(found.failures)}. Compare "
            "the results of both with related-papers search; to publish anyway, run: "
            f"related-papers snapshots publish {self.snapshot} --force"
        )


def publish(snapshots: Path, snapshot: str, thresholds: Thresholds, *, force: bool = False) -> ReleaseDecision:
    """Verify a snapshot, compare it with the served one, and serve it if it passes all thresholds or `force` is set.

    There is no comparison if the snapshot is served already, if none is served, or if the served one cannot be read.

    Args:
        snapshots: Folder of all snapshots.
        snapshot: Its id, or the beginning of it.
        thresholds: Limits to apply.
        force: Serve it even if it fails a threshold.

    Raises:
        SnapshotError: There is no such snapshot, or it is damaged.
        QrelsError: The saved queries cannot be read.
        PublishConflict: Another snapshot was published during the comparison.
    """
    source = FolderSource(snapshots)
    found = source.resolve(snapshot)
    expected = source.token()
    after = Snapshot.open(snapshots / found, verify=True)
    try:
        before, note = _open_served(snapshots, found)
        if before is None:
            source.publish(found, expected=expected, verify=False)
            return ReleaseDecision(found, True, None, note)
        try:
            comparison = compare(snapshots, before, after, thresholds)
        finally:
            before.close()
    finally:
        after.close()
    served = force or not comparison.failures
    write_atomically(snapshots / found / REPORT, to_json(comparison, served=served).encode())
    if served:
        source.publish(found, expected=expected, verify=False)
    return ReleaseDecision(found, served, comparison)


def to_json(comparison: Comparison, *, served: bool) -> str:
    """Serialise a comparison as the content of `release.json`."""
    return json.dumps({**asdict(comparison), "served": served}, ensure_ascii=False, indent=2) + "\n"


def _open_served(snapshots: Path, found: str) -> tuple[Snapshot | None, str]:
    """Open the served snapshot; or return None and the reason why there is nothing to compare with."""
    try:
        served = FolderSource(snapshots).current().snapshot
        if served == found:
            return None, "the snapshot is already served"
        return Snapshot.open(snapshots / served), ""
    except NothingPublished:
        return None, "no snapshot was served before"
    except SnapshotError as error:
        return None, f"the served snapshot cannot be read: {error}"
