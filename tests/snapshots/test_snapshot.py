"""A snapshot that is incomplete, changed, or made of parts that do not belong together is refused with a sentence."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from embeddings.encoders.encoder_info import EMBEDDED_MODEL
from embeddings.errors import SnapshotError
from embeddings.snapshots.manifest import Manifest
from embeddings.snapshots.snapshot import FILES, Snapshot


@pytest.fixture
def copy(snapshot: Snapshot, tmp_path: Path) -> Path:
    """A copy of the seeds' snapshot to damage."""
    return Path(shutil.copytree(snapshot.folder, tmp_path / snapshot.id))


def test_what_was_saved_is_what_is_opened(snapshot: Snapshot, copy: Path) -> None:
    opened = Snapshot.open(copy, verify=True)
    assert opened.manifest == snapshot.manifest and opened.papers(0, 100) == snapshot.papers(0, 100)
    np.testing.assert_array_equal(opened.embeddings, snapshot.embeddings)
    opened.close()


def test_the_manifest_says_what_the_snapshot_is(snapshot: Snapshot) -> None:
    manifest = json.loads((snapshot.folder / "manifest.json").read_text())
    assert manifest["snapshot"] == snapshot.folder.name == snapshot.id
    assert set(manifest["checksums"]) == set(FILES)
    assert manifest["encoder"]["name"] == EMBEDDED_MODEL and len(manifest["probes"]) >= 5
    assert {"faiss", "sentence-transformers", "sqlite", "torch"} <= set(manifest["versions"])


@pytest.mark.parametrize("name", FILES)
def test_a_missing_or_shortened_file_is_named(copy: Path, name: str) -> None:
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content + b"x")
    with pytest.raises(SnapshotError, match=rf"{name} has {len(content) + 1} bytes, the manifest says {len(content)}"):
        Snapshot.open(copy)
    (copy / name).unlink()
    with pytest.raises(SnapshotError, match=rf"{name} is missing"):
        Snapshot.open(copy)


@pytest.mark.parametrize("name", [name for name in FILES if name != "rejects.jsonl"])
def test_one_changed_byte_is_found_by_verifying(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(SnapshotError, match=rf"{name} has changed"):
        Snapshot.open(copy, verify=True)


def test_parts_of_different_builds_do_not_open(copy: Path) -> None:
    np.save(copy / "embeddings.npy", np.zeros((41, 384), dtype=np.float32))
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["checksums"]["embeddings.npy"]["bytes"] = (copy / "embeddings.npy").stat().st_size
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(SnapshotError, match=r"embeddings\.npy has shape \(41, 384\), expected \(42, 384\) for the 42"):
        Snapshot.open(copy)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "cannot be read"),
        ("[]", "snapshot format None"),
        ('{"format_version": 2}', "format 2, this version reads format 4; build it anew"),
        ('{"format_version": 99}', "format 99, this version reads"),
        ('{"format_version": 4}', "not a manifest"),
        (None, "is not a snapshot"),
    ],
)
def test_a_broken_manifest_is_refused(copy: Path, content: str | None, complaint: str) -> None:
    (copy / "manifest.json").unlink() if content is None else (copy / "manifest.json").write_text(content)
    with pytest.raises(SnapshotError, match=complaint):
        Manifest.read(copy)
