"""The number of threads follows the container's quota, not the host."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from embeddings import threads

ALLOWED = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("max 100000", ALLOWED), ("100000 100000", 1), ("50000 100000", 1), (f"{100000 * (ALLOWED + 3)} 100000", ALLOWED)],
)
def test_cgroup_v2_quota_limits_the_threads(tmp_path: Path, quota: str, expected: int) -> None:
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert threads.available(tmp_path) == expected


def test_cgroup_v1_quota_limits_the_threads(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("100000\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert threads.available(tmp_path) == 1


def test_numpy_multiplies_alone_until_the_context_ends() -> None:
    script = (
        "import numpy; from threadpoolctl import threadpool_info; from embeddings import threads\n"
        "def many(): return max(each['num_threads'] for each in threadpool_info() if each['user_api'] == 'blas')\n"
        "before = many()\n"
        "with threads.single_threaded_blas(): assert many() == 1\n"
        "assert many() == before\n"
        "threads.single_threaded_blas(); assert many() == 1"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_without_a_control_group_all_allowed_processors_count(tmp_path: Path) -> None:
    assert threads.available(tmp_path) == ALLOWED
