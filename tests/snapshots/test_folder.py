"""A folder as a source of snapshots."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from embeddings.errors import SnapshotError
from embeddings.snapshots.folder import ENCODERS, FolderSource
from embeddings.snapshots.manifest import MANIFEST, Manifest
from embeddings.snapshots.source import SnapshotSource
from tests.snapshots.source_contract import SourceContract


class TestFolderSource(SourceContract):
    @pytest.fixture
    def empty(self, tmp_path: Path) -> SnapshotSource:
        return FolderSource(tmp_path / "snapshots")

    @pytest.fixture
    def damage(self, tmp_path: Path) -> Callable[[str], None]:
        def change_a_byte(identity: str) -> None:
            path = tmp_path / "snapshots" / identity / "embeddings.npy"
            content = bytearray(path.read_bytes())
            content[-1] ^= 1
            path.write_bytes(content)

        return change_a_byte


@pytest.fixture
def folder(sealed: dict[str, Path], tmp_path: Path) -> FolderSource:
    source = FolderSource(tmp_path / "snapshots")
    for identity, work in sealed.items():
        source.install(work, identity)
    return source


def test_a_broken_pointer_is_reported_and_repaired_by_publishing(folder: FolderSource) -> None:
    identity = folder.manifests()[0].snapshot
    for broken in ("{", "[]", "{}", '{"snapshot": "a", "published_at": "b", "previous": 3}'):
        folder.pointer_path.write_text(broken)
        with pytest.raises(SnapshotError, match="publish a snapshot again"):
            folder.current()
        folder.publish(identity, expected=folder.token())
        assert folder.current().snapshot == identity


def test_a_pointer_of_an_earlier_version_is_read(folder: FolderSource) -> None:
    folder.pointer_path.write_text('{"snapshot": "a", "published_at": "2026-01-01T00:00:00+00:00", "previous": []}')
    assert folder.current().snapshot == "a" and folder.current().revision == 0


def test_touching_or_copying_the_pointer_file_does_not_change_the_token(folder: FolderSource, tmp_path: Path) -> None:
    folder.publish(folder.manifests()[0].snapshot)
    token = folder.token()
    os.utime(folder.pointer_path, (1, 1))
    shutil.copy(folder.pointer_path, tmp_path / "current.json")
    assert folder.token() == token == FolderSource(tmp_path).token()


def test_prune_deletes_compiled_models_that_no_snapshot_uses(folder: FolderSource) -> None:
    first, second, _ = folder.manifests()
    manifest = json.loads((folder.folder / second.snapshot / MANIFEST).read_text())
    manifest["encoder"]["fingerprint"] = "another"
    (folder.folder / second.snapshot / MANIFEST).write_text(json.dumps(manifest))
    for fingerprint in (first.encoder.fingerprint, "another"):
        (folder.folder / ENCODERS / fingerprint).mkdir(parents=True)
    folder.publish(first.snapshot)
    folder.prune(keep=0)
    assert [path.name for path in (folder.folder / ENCODERS).iterdir()] == [first.encoder.fingerprint]


def test_a_folder_under_another_name_is_not_that_snapshot(folder: FolderSource) -> None:
    one, two, _ = (manifest.snapshot for manifest in folder.manifests())
    shutil.rmtree(folder.folder / two)
    (folder.folder / one).rename(folder.folder / two)
    with pytest.raises(SnapshotError, match=f"holds snapshot {one}"):
        folder.fetch(two)


def test_a_changed_manifest_is_found_by_verifying(folder: FolderSource) -> None:
    identity = folder.manifests()[0].snapshot
    path = folder.folder / identity / MANIFEST
    path.write_text(path.read_text().replace('"effort": ', '"effort": 1'))
    assert Manifest.read(folder.folder / identity) and folder.fetch(identity)
    with pytest.raises(SnapshotError, match=r"manifest\.json has changed"):
        folder.publish(identity)
