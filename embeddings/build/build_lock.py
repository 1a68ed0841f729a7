"""Where a build works: one at a time in a folder, in a scratch folder of its own."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from embeddings.errors import BuildInProgress

Progress = Callable[[str, int, int | None], None]
"""Called with the stage, how much of it is done, and how much there is, if known."""


@contextmanager
def alone(snapshots: Path, *, wait: bool, progress: Progress) -> Iterator[None]:
    """Hold the snapshots folder; the lock goes with the process, however it ends.

    Args:
        snapshots: The folder.
        wait: Whether to wait for another build to end.
        progress: Is told that it waits.

    Raises:
        BuildInProgress: Another build holds the folder, and `wait` is not set.
    """
    lock = FileLock(snapshots / ".build.lock")
    holder = snapshots / ".build.holder"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        who = holder.read_text().strip() if holder.is_file() else "unknown"
        if not wait:
            raise BuildInProgress(
                f"another build ({who}) works in {snapshots}; leave --no-wait out to wait for it, or build "
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
def work_folder(snapshots: Path) -> Iterator[Path]:
    """A folder to build in, beside the snapshots so that renaming is atomic; clears what a killed build left."""
    for left in snapshots.glob(".building-*"):
        shutil.rmtree(left)
    work = snapshots / f".building-{os.getpid()}"
    work.mkdir()
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
