"""Does a build that is killed again and again end in the same snapshot as one that is not?

Builds a corpus undisturbed, then again in another folder with `kill -9` at random moments, and compares every file.

    python -m benchmarks.crash SOURCE…  [--kills 10]
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.machine import require_committed, write_result
from embeddings.snapshots.folder import FolderSource
from embeddings.snapshots.manifest import Manifest
from embeddings.snapshots.snapshot import FILES, Snapshot, open_current


def main() -> None:
    """Measure, and write `results/crash.json`; exit code 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="+")
    parser.add_argument("--kills", type=int, default=10)
    asked = parser.parse_args()
    require_committed()
    with tempfile.TemporaryDirectory() as folder:
        undisturbed, killed = Path(folder, "undisturbed"), Path(folder, "killed")
        began = time.perf_counter()
        subprocess.run(_command(asked.sources, undisturbed), check=True)
        seconds = time.perf_counter() - began
        chance = random.Random(0)
        moments: list[float] = []
        while len(moments) < asked.kills:
            process = subprocess.Popen(_command(asked.sources, killed), start_new_session=True)
            # Long enough to start and do a part, so that the kills are spread over the whole build
            wait_s = chance.uniform(0, 10 + 2 * seconds / asked.kills)
            try:
                process.wait(wait_s)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                moments.append(round(wait_s, 2))
            else:
                print(f"finished after {len(moments)} kills; killing rebuilds from here on")
        subprocess.run(_command(asked.sources, killed), check=True)
        expected, found = _published(undisturbed), _published(killed)
        same = {name: _content(undisturbed, name) == _content(killed, name) for name in FILES}
    result = {
        "papers": expected.counts["papers"],
        "kills_after_s": moments,
        "undisturbed_build_s": round(seconds, 1),
        "snapshots": [expected.snapshot, found.snapshot],
        "identical_files": same,
    }
    print(result)
    write_result("crash", result)
    sys.exit(0 if all(same.values()) and expected.snapshot == found.snapshot else 1)


def _command(sources: list[str], snapshots: Path) -> list[str]:
    script = "from service.cli import main; main()"
    return [sys.executable, "-c", script, "build", *sources, "--snapshots", str(snapshots), "--json"]


def _published(snapshots: Path) -> Manifest:
    opened, _ = open_current(FolderSource(snapshots))
    Snapshot.open(opened.folder, verify=True).close()
    opened.close()
    return opened.manifest


def _content(snapshots: Path, name: str) -> bytes:
    return (snapshots / FolderSource(snapshots).current().snapshot / name).read_bytes()


if __name__ == "__main__":
    main()
