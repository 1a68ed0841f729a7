"""The build lock of a snapshots folder, and the scratch folder of a build."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from embeddings.errors import BuildInProgress

Progress = Callable[[str, int, int | None], None]
"""Called with the stage, how much of it is done, and the total if it is known."""


@contextmanager
def build_lock(snapshots: Path, *, wait: bool, progress: Progress) -> Iterator[None]:
    """Hold the lock of a snapshots folder. The system releases it when the process ends, however it ends.

    Args:
        snapshots: The folder.
        wait: Whether to wait until another build releases the lock.
        progress: Called when the build starts to wait.

    Raises:
        BuildInProgress: Another build holds the lock, and `wait` is not set.
    """
    lock = FileLock(snapshots / ".build.lock")
    holder = snapshots / ".build.holder"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        who = holder.read_text().strip() if holder.is_file() else "unknown"
        if not wait:
            raise BuildInProgress(
                f"another build ({who}) runs in {snapshots}; leave --no-wait out to wait for it, or build "
                "into another folder with --snapshots"
            ) from None
        progress(f"waiting for another build ({who})", 0, None)
        lock.acquire()
    try:
        holder.write_text(f"process {os.getpid()}, since {datetime.now(UTC).isoformat(timespec='seconds')}\n")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


@contextmanager
def scratch_folder(snapshots: Path) -> Iterator[Path]:
    """Create a folder to build in, and delete those of builds that were killed.

    It is in the snapshots folder so that the finished snapshot can be renamed into place atomically.
    """
    for abandoned in snapshots.glob(".building-*"):
        shutil.rmtree(abandoned)
    folder = snapshots / f".building-{os.getpid()}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
