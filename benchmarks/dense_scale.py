"""What does the index find, how fast, in how much memory, as the corpus grows?

For each size: vectors like those of abstracts (`benchmarks.generated`) are written and indexed as a build does it, with
the search tuned to the recall asked for; then a fresh process opens the index and answers 1,000 papers that are not in
the corpus, and 1,000 means of three papers of it, which are as hard as titles and sentences, one at a time in one
thread. Times are processor time of that thread. Whatever is finished is kept in the folder, so that a run that was
stopped goes on.

    python -m benchmarks.dense_scale --papers 10000 100000 1000000 --recall 0.98 0.95 --rivals --folder scale
    python -m benchmarks.dense_scale --vectors snapshots/ID/embeddings.npy --folder real   # your own
"""

import argparse
import json
import re
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it comes without types

from benchmarks.generated import DIMENSION, Papers, unit
from benchmarks.machine import RESULTS, require_committed, write_result
from embeddings import threads
from embeddings.evaluation import plotting
from embeddings.files import map_array
from embeddings.indexes.faiss import assembler, faiss_index
from embeddings.indexes.faiss.choice import EXACT, INDEX_KINDS, INDEX_RECALL, bytes_of, choose, lists
from embeddings.indexes.faiss.evaluation import TOP_K, exact_neighbours, tuned

_QUERIES = 1_000
_ASKED = ("held_out", "texts")
_NEARLY = 0.005
_LARGEST_RIVAL = 100_000  # beyond, graphs take minutes to build and exact search minutes to ask
_CHART = Path(__file__).parent.parent / "docs" / "index.svg"


def main() -> None:
    """Measure, and write `results/dense_scale.json` and the chart."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--papers", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--recall", type=float, nargs="+", default=[INDEX_RECALL], help="Of texts; rivals: the first.")
    parser.add_argument("--vectors", type=Path, help="Real ones, in place of generated ones.")
    parser.add_argument("--memory-budget", type=bytes_of, help="Such as 3GB; has a smaller index chosen.")
    parser.add_argument("--folder", type=Path, required=True, help="Where vectors, indexes and findings are kept.")
    parser.add_argument("--rivals", action="store_true", help="Up to 100,000, measure other kinds of index too.")
    parser.add_argument("--ask", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    require_committed()
    if asked.ask:
        print(json.dumps(ask(asked.ask)))
        return
    found = []
    for count in [real(asked.vectors, asked.folder)] if asked.vectors else asked.papers:
        chosen = choose(count, DIMENSION, asked.memory_budget)
        rivals = _rivals(count, chosen) if asked.rivals and count <= _LARGEST_RIVAL else []
        # An exact index finds the same, whatever is asked for
        wanted = asked.recall if chosen != EXACT.factory else asked.recall[:1]
        for factory, recall in [*((chosen, each) for each in wanted), *((rival, asked.recall[0]) for rival in rivals)]:
            result = measure(asked.folder / str(count), count, factory, recall)
            found.append({"chosen": factory == chosen, "recall_asked": recall, **result})
            print(json.dumps(found[-1], indent=2), flush=True)
    write_result(
        "dense_real" if asked.vectors else "dense_scale",
        {"queries": _QUERIES, "sizes": found},
    )
    if not asked.vectors:
        draw()


def draw() -> None:
    """Draw the chart of `results/dense_scale.json`."""
    sizes = json.loads((RESULTS / "dense_scale.json").read_text(encoding="utf-8"))["sizes"]
    curves: dict[str, list[tuple[int, float]]] = {}
    for each in sizes:
        if each["texts"]["recall_at_10"] < each["recall_asked"] - _NEARLY:
            continue  # quick because it finds less
        kind = re.sub(r"^IVF\d+", "IVF", each["factory"])
        # Exact search belongs to every curve of what builds choose
        asked = sorted({one["recall_asked"] for one in sizes}) if kind == EXACT.factory else [each["recall_asked"]]
        for name in [f"chosen by a build, --recall {recall}" for recall in asked] if each["chosen"] else [kind]:
            curves.setdefault(name, []).append((each["papers"], each["texts"]["p50_ms"]))
    plotting.growth(curves, "papers", "processor time of a query, ms (median)", _CHART)


def measure(folder: Path, count: int, factory: str, wanted: float) -> dict[str, Any]:
    """One index of one size: built, if it is not there, and asked by a fresh process."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{factory.replace('(', '_').replace(')', '')}-{wanted}.json"
    if path.is_file():
        known: dict[str, Any] = json.loads(path.read_text())
        return known
    vectors = folder / "embeddings.npy"
    if not vectors.is_file():
        Papers().write(folder / "part.npy", count)
        np.save(folder / _asked("held_out"), Papers().draw(_QUERIES, 0).vectors)
        (folder / "part.npy").replace(vectors)
    embeddings = map_array(vectors)
    if not (folder / _asked("texts")).is_file():
        np.save(folder / _asked("texts"), _blended(embeddings))
    for kind in _ASKED:
        if not (folder / f"truth-{kind}.npy").is_file():
            np.save(folder / f"truth-{kind}.npy", exact_neighbours(embeddings, map_array(folder / _asked(kind))))
    made = folder / "made.json"
    recorded = json.loads(made.read_text()) if made.is_file() else {}
    if recorded.get("factory") != factory:
        began = time.perf_counter()
        built = assembler.build(embeddings, factory, threads=threads.available())
        built.save(folder / "dense.faiss")
        recorded = {"factory": factory, "build_s": round(time.perf_counter() - began, 1), "spec": asdict(built.spec)}
        made.write_text(json.dumps(recorded))
        del built
    began = time.perf_counter()
    dense = faiss_index.load(folder / "dense.faiss", faiss_index.IndexSpec(**recorded["spec"]), embeddings)
    dense, evaluation = tuned(dense, embeddings, wanted, threads=threads.available())
    took = {"build_s": recorded["build_s"], "tune_s": round(time.perf_counter() - began, 1)}
    (folder / "spec.json").write_text(json.dumps(asdict(dense.spec)))
    size = (folder / "dense.faiss").stat().st_size
    del dense
    answered = subprocess.run(
        [sys.executable, "-m", "benchmarks.dense_scale", "--folder", str(folder), "--ask", str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    result = {
        "papers": count,
        "factory": factory,
        **json.loads(answered.stdout),
        "bytes_a_vector": round(size / count, 1),
        **took,
        "tuned": evaluation,
    }
    path.write_text(json.dumps(result))
    return result


def real(path: Path, folder: Path) -> int:
    """Split real vectors into a corpus and papers that are asked about; how many are left in the corpus."""
    every = np.load(path, mmap_mode="r")
    count = len(every) - _QUERIES
    if not (folder / str(count) / "embeddings.npy").is_file():
        (folder / str(count)).mkdir(parents=True, exist_ok=True)
        mixed = np.random.default_rng(0).permutation(len(every))
        np.save(folder / str(count) / _asked("held_out"), every[np.sort(mixed[:_QUERIES])])
        np.save(folder / str(count) / "embeddings.npy", every[np.sort(mixed[_QUERIES:])])
    return count


def ask(folder: Path) -> dict[str, Any]:
    """Open an index and ask it; what it found and took."""
    spec = faiss_index.IndexSpec(**json.loads((folder / "spec.json").read_text()))
    before = _memory()
    began = time.perf_counter()
    dense = faiss_index.load(folder / "dense.faiss", spec, map_array(folder / "embeddings.npy", scattered=True))
    opened_s = time.perf_counter() - began
    opened = _memory()
    with threadpool_limits(1):
        found = {kind: _answers(dense, folder, kind) for kind in _ASKED}
    after = _memory()
    return {
        "effort": spec.effort,
        "refine": spec.refine,
        **found,
        "open_s": round(opened_s, 4),
        "private_mb_opened": round(opened["RssAnon"] - before["RssAnon"], 1),
        "private_mb_asked": round(after["RssAnon"] - before["RssAnon"], 1),
        "resident_mb_asked": round(after["RssAnon"] + after["RssFile"] - before["RssAnon"] - before["RssFile"], 1),
    }


def _answers(dense: faiss_index.FaissIndex, folder: Path, kind: str) -> dict[str, Any]:
    """Recall and times of one kind of question."""
    queries, truth = np.load(folder / _asked(kind)), np.load(folder / f"truth-{kind}.npy")
    taken: list[float] = []
    found = np.empty_like(truth)
    for measured in (False, True):  # the first round warms up
        for i in range(len(queries)):
            began = time.thread_time()
            found[i], _ = dense.nearest(queries[i : i + 1], TOP_K)
            if measured:
                taken.append((time.thread_time() - began) * 1000)
    return {
        "recall_at_10": round(faiss_index.recall(found, truth), 4),
        "p50_ms": round(float(np.percentile(taken, 50)), 3),
        "p99_ms": round(float(np.percentile(taken, 99)), 3),
    }


def _blended(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means of three papers, other ones than the search was tuned with."""
    rows = np.random.default_rng(1).choice(len(embeddings), (3, _QUERIES))
    return unit(np.sum([embeddings[chosen] for chosen in rows], axis=0, dtype=np.float32))


def _asked(kind: str) -> str:
    return f"{kind}.npy"


def _rivals(count: int, chosen: str) -> list[str]:
    inverted = chosen.partition(",")[0] if "," in chosen else f"IVF{lists(count)}"
    kinds = [kind.named(count, DIMENSION) for kind in INDEX_KINDS if kind.possible(DIMENSION)]
    found = [name for name in kinds if name != chosen] + [f"{inverted},SQ8"]
    found += ["HNSW32,SQ8"]
    return found + ([EXACT.factory] if chosen != EXACT.factory else [])


def _memory() -> dict[str, float]:
    """Private and mapped memory of this process, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return {line.partition(":")[0]: int(line.split()[1]) / 1024 for line in lines if line.startswith("Rss")}


if __name__ == "__main__":
    main()
