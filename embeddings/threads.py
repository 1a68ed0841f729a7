"""How many processors this process may really use, and how many numpy takes of them."""

import math
import os
from contextlib import AbstractContextManager
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def available(cgroup: Path = _CGROUP) -> int:
    """Count the processors that affinity and the container's CPU quota leave to this process.

    A container limited to two of 64 processors still sees 64; libraries that start 64 threads there
    are throttled to a fraction of their speed.

    Args:
        cgroup: Where the control group is mounted.

    Returns:
        At least 1. A quota of 1.5 processors counts as 2.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(cgroup)
    return max(1, allowed if quota is None else min(allowed, math.ceil(quota)))


def single_threaded_blas() -> AbstractContextManager[object]:
    """Have numpy multiply matrices in one thread, until the context ends, or for good where none is entered.

    Products of a search are small. Several threads take no less time for them, and where other requests use the
    processors, they wait for each other for milliseconds (400 candidates compared with each other: 0.9 ms by one
    thread, 8 ms by two of which one has to wait for a processor).
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it comes without types

    limited: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limited


def _quota(cgroup: Path) -> float | None:
    """Processors granted by cgroup v2 (`cpu.max`) or v1 (`cpu.cfs_*`); None where there is no limit."""
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
