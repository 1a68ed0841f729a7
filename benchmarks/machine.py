"""Writes result files, with the machine, the versions and the commit that they were measured with.

A result names a commit, so that it can be measured again. Benchmarks therefore refuse to measure code that is not
committed, unless the variable `BENCHMARK_ALLOW_DIRTY` is 1; the commit in the result then ends in `-dirty`.
"""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from embeddings import threads

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
ALLOW_DIRTY = "BENCHMARK_ALLOW_DIRTY"
_LIBRARIES = ("faiss-cpu", "numpy", "sentence-transformers", "torch", "transformers")


def write_result(name: str, result: dict[str, Any]) -> None:
    """Write `results/NAME.json`: the result with machine, versions, commit and date.

    Raises:
        SystemExit: As `require_committed`.
    """
    require_committed()
    content = {
        "benchmark": name,
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit(),
        **_machine(),
        **result,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"wrote {path}")


def require_committed() -> None:
    """End the process if tracked files have changes that are not committed.

    Scripts call it before they measure, as a measurement may take hours.

    Raises:
        SystemExit: There are such changes, and `BENCHMARK_ALLOW_DIRTY` is not 1.
    """
    changed = uncommitted()
    if changed and os.environ.get(ALLOW_DIRTY) != "1":
        sys.exit(
            f"{', '.join(changed)} not committed: a result must name the commit it was measured with; commit first, "
            f"or set {ALLOW_DIRTY}=1"
        )


def commit() -> str:
    """The commit that is checked out; ends in `-dirty` if there are uncommitted changes, `unknown` without git."""
    described = _git("describe", "--always").strip()
    return (described or "unknown") + ("-dirty" if uncommitted() else "")


def uncommitted() -> list[str]:
    """Tracked files with uncommitted changes, relative to the root; results, pages and charts are left out.

    Benchmarks write these themselves, some after each step.
    """
    listed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!benchmarks/results", ":!docs")
    return [line[3:] for line in listed.splitlines()]


def _git(*arguments: str) -> str:
    return subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=False).stdout


def _machine() -> dict[str, Any]:
    return {
        "processor": _processor(),
        "processors": threads.available(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _LIBRARIES},
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
