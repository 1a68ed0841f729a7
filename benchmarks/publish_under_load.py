"""Does publishing lose a request?

Starts the real service, has clients ask without pause, and publishes back and forth between two snapshots.

    python -m benchmarks.publish_under_load [--publishes 100] [--clients 4]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path

from benchmarks.machine import require_committed, write_result
from embeddings.build.job import BuildOptions, build
from embeddings.snapshots.folder import FolderSource

_SEEDS = Path(__file__).parent.parent / "seeds"
_ADDRESS = "http://127.0.0.1:{port}"
_ASKED = ("/papers/9bd7f146d121/related", "/search?q=federated%20learning", "/papers?limit=5", "/search?q=segmentation")


def main() -> None:
    """Measure, and write `results/publish_under_load.json`; exit code 1 if a request failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--publishes", type=int, default=100)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--port", type=int, default=8765)
    asked = parser.parse_args()
    require_committed()
    with tempfile.TemporaryDirectory() as folder:
        snapshots = Path(folder)
        ids = _two_snapshots(snapshots)
        command = [sys.executable, "-m", "service", "--snapshots", folder, "--port", str(asked.port)]
        service = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            address = _ADDRESS.format(port=asked.port)
            _wait_until_ready(address)
            outcomes, served = _publish_under_load(snapshots, ids, address, asked.publishes, asked.clients)
        finally:
            service.terminate()
            service.wait()
    failed = {outcome: count for outcome, count in outcomes.items() if outcome != "200"}
    result = {
        "publishes": asked.publishes,
        "clients": asked.clients,
        "requests": sum(outcomes.values()),
        "failed": failed,
        "answers_by_snapshot": dict(served),
    }
    print(json.dumps(result, indent=2))
    write_result("publish_under_load", result)
    sys.exit(1 if failed or len(served) < 2 else 0)


def _two_snapshots(snapshots: Path) -> list[str]:
    everything = build([str(_SEEDS)], BuildOptions(snapshots=snapshots))
    part = build([str(sorted(_SEEDS.glob("*.txt"))[0])], BuildOptions(snapshots=snapshots, publish=False))
    return [everything.manifest.snapshot, part.manifest.snapshot]


def _wait_until_ready(address: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the service did not become ready")


def _publish_under_load(
    snapshots: Path, ids: list[str], address: str, publishes: int, clients: int
) -> tuple[Counter[str], Counter[str]]:
    outcomes: Counter[str] = Counter()
    served: Counter[str] = Counter()
    done = threading.Event()
    counting = threading.Lock()

    def ask(first: int) -> None:
        turn = first
        while not done.is_set():
            turn += 1
            try:
                with urllib.request.urlopen(address + _ASKED[turn % len(_ASKED)], timeout=30) as answer:
                    outcome, snapshot = str(answer.status), json.load(answer)["snapshot"]
            except Exception as error:
                outcome, snapshot = f"{type(error).__name__}: {error}", None
            with counting:
                outcomes[outcome] += 1
                if snapshot is not None:
                    served[snapshot] += 1

    asking = [threading.Thread(target=ask, args=(first,)) for first in range(clients)]
    for thread in asking:
        thread.start()
    for turn in range(publishes):
        FolderSource(snapshots).publish(ids[turn % 2])
        time.sleep(0.3)  # some changes are seen by the service, some overtaken by the next
    done.set()
    for thread in asking:
        thread.join()
    return outcomes, served


if __name__ == "__main__":
    main()
