"""Real things, built once a session: the seeds' snapshot, its encoder."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from embeddings import threads
from embeddings.build.job import BuildOptions, BuildReport, build
from embeddings.encoders import loading
from embeddings.encoders.backends.base import Precision
from embeddings.encoders.encoder import Encoder
from embeddings.search.searcher import Searcher
from embeddings.snapshots.folder import FolderSource
from embeddings.snapshots.snapshot import Snapshot, open_current

# No test asserts a time, and busy machines are slow
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# Models compiled by tests, also by those that start commands, are kept as long as the tests run
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="related-papers-tests-")
atexit.register(shutil.rmtree, os.environ["XDG_CACHE_HOME"], ignore_errors=True)

SEEDS = Path(__file__).parent.parent / "seeds"


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> BuildReport:
    """What the real build did with the seeds, published."""
    # With 32 bits, which every processor has: scores are the same wherever tests run
    options = BuildOptions(snapshots=tmp_path_factory.mktemp("seeds") / "snapshots", precision=Precision.F32)
    return build([str(SEEDS)], options)


@pytest.fixture(scope="session")
def snapshots(report: BuildReport) -> Path:
    """Folder with the seeds' snapshot published. Shared: a test that changes it works on a copy."""
    return report.folder.parent


@pytest.fixture(scope="session")
def snapshot(snapshots: Path) -> Iterator[Snapshot]:
    opened, _ = open_current(FolderSource(snapshots))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def encoder(snapshot: Snapshot) -> Encoder:
    return loading.for_snapshot(snapshot.manifest, threads=threads.available())


@pytest.fixture(scope="session")
def searcher(snapshot: Snapshot, encoder: Encoder) -> Searcher:
    return Searcher(snapshot, encoder.encode_queries)
