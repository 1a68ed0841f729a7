"""Sealed snapshots for the tests of sources."""

import shutil
from pathlib import Path

import pytest

from embeddings.build.job import BuildOptions, build
from tests.build.test_job import write_corpus


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three sealed snapshots, in the order of building: id → folder."""
    folder = tmp_path_factory.mktemp("sources")
    options = BuildOptions(snapshots=folder / "snapshots", publish=False)
    reports = [build([str(write_corpus(folder / "corpus.jsonl", 5, changed))], options) for changed in range(3)]
    return {report.manifest.snapshot: report.folder for report in reports}


@pytest.fixture
def sealed(built: dict[str, Path], tmp_path: Path) -> dict[str, Path]:
    """Copies of them, to install and to damage."""
    return {identity: Path(shutil.copytree(path, tmp_path / "work" / identity)) for identity, path in built.items()}
