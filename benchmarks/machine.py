"""What every result file says of where and when it was made."""

import json
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from embeddings import threads

RESULTS = Path(__file__).parent / "results"
_LIBRARIES = ("faiss-cpu", "numpy", "sentence-transformers", "torch", "transformers")


def write_result(name: str, result: dict[str, Any]) -> None:
    """Write `results/NAME.json`: the result with machine, versions, commit and date."""
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


def commit() -> str:
    """What is checked out, as `git describe` names it."""
    asked = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return asked.stdout.strip() or "unknown"


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
