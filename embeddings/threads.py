"""Number of processors available to this process, and single-threaded matrix products in numpy."""

import math
import os
from contextlib import AbstractContextManager
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def available(cgroup: Path = _CGROUP) -> int:
    """Count the processors that CPU affinity and the container's CPU quota allow this process to use.

    A container limited to 2 of 64 processors still sees 64. Libraries that start 64 threads there are throttled to a
    fraction of their speed.

    Args:
        cgroup: Mount point of the control group.

    Returns:
        At least 1. A quota of 1.5 processors counts as 2.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(cgroup)
    return max(1, allowed if quota is None else min(allowed, math.ceil(quota)))


def single_threaded_blas() -> AbstractContextManager[object]:
    """Limit numpy's matrix products to one thread, until the context ends; permanently if it is not entered.

    The products of a search are small: several threads are not faster, and wait for each other for milliseconds when
    other requests use the processors (similarities of 400 candidates: 0.9 ms with one thread, 8 ms with two threads of
    which one waits for a processor).
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # has no type hints

    limited: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limited


def _quota(cgroup: Path) -> float | None:
    """CPU quota in processors, from cgroup v2 (`cpu.max`) or v1 (`cpu.cfs_*`); None if there is no limit."""
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (cgroup / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu" / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    if quota in ("max", "-1"):
        return None
    return int(quota) / int(period)
