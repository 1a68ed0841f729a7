"""What do others need for the same work?

Vector search in process at equal recall, the whole job over HTTP, and embedding: ours against what people would take
instead, each in a virtual environment of its own, in turns with ours. Installs from the package index; asks no hub.

    python -m benchmarks.peers --folder FOLDER                                   # everything
    python -m benchmarks.peers --folder FOLDER --peers ours lancedb --works vectors --corpus corpus.jsonl.gz
    python -m benchmarks.peers --table                                           # of the results, for the README

Environments, inputs and indexes stay in FOLDER. What is measured takes the place of what was measured before; the rest
of the results stays, each with its own date and commit.
"""

import argparse
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.machine import RESULTS, commit, require_committed, write_result
from benchmarks.peers import embedding, environments, inputs, serving, table, vectors
from benchmarks.peers.conversation import PeerFailed
from benchmarks.peers.environments import OURS, PEERS, WORKS

_NAME = "peers"


def main() -> None:
    """Measure, and write `results/peers.json` after each peer and work."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="Where environments, inputs and indexes are kept.")
    parser.add_argument("--peers", nargs="+", choices=(OURS, *PEERS), default=(OURS, *PEERS))
    parser.add_argument("--works", nargs="+", choices=WORKS, default=WORKS)
    parser.add_argument("--corpus", type=Path, nargs="+", default=(), help="JSON lines with `abstract`; else made up.")
    parser.add_argument("--vectors", type=int, default=inputs.VECTORS)
    parser.add_argument("--table", action="store_true", help="Print the results as tables; measure nothing.")
    asked = parser.parse_args()
    if asked.table:
        print(table.render(_earlier()))
        return
    if asked.folder is None:
        parser.error("--folder is needed")
    require_committed()
    folder = asked.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    papers = inputs.make_papers(folder, asked.corpus)
    works: dict[str, Callable[[str], dict[str, Any]]] = {
        "vectors": lambda peer: vectors.measure(peer, folder, inputs.make_vectors(folder, asked.vectors)),
        "serving": lambda peer: serving.measure(peer, folder, papers),
        "embedding": lambda peer: embedding.measure(peer, folder, papers),
    }
    for peer in asked.peers:
        failure = None if peer == OURS else environments.install(peer, folder)
        for work in asked.works:
            if work in environments.works_of(peer):
                _keep(work, peer, {"error": failure} if failure else _measured(works[work], peer))
    print(table.render(_earlier()))


def _measured(work: Callable[[str], dict[str, Any]], peer: str) -> dict[str, Any]:
    try:
        return work(peer)
    except PeerFailed as failure:
        return {"error": str(failure)}


def _earlier() -> dict[str, Any]:
    path = RESULTS / f"{_NAME}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {work: found.get(work, {}) for work in WORKS}


def _keep(work: str, peer: str, result: dict[str, Any]) -> None:
    print(work, peer, json.dumps(result, indent=1))
    results = _earlier()
    made = {"title": environments.title_of(peer), "date": datetime.now(UTC).date().isoformat(), "commit": commit()}
    results[work][peer] = {**made, **result}
    write_result(_NAME, results)


if __name__ == "__main__":
    main()
