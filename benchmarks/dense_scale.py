"""What does the index find, how fast, in how much memory, as the corpus grows?

For each size: vectors like those of abstracts (`benchmarks.generated`) are written and indexed as a build does it, with
the search tuned to the recall asked for; then a fresh process opens the index and answers 1,000 queries that are no
rows of the corpus, one at a time in one thread. Times are processor time of that thread. Whatever is finished is kept
in the folder, so that a run that was stopped goes on.

    python -m benchmarks.dense_scale --papers 10000 100000 1000000 --recall 0.99 --folder scale
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it comes without types

from benchmarks.generated import DIMENSION, Papers
from benchmarks.machine import RESULTS, write_result
from embeddings import index, threads
from embeddings.evaluation import TOP_K, exact_neighbours, tuned
from embeddings.files import map_array
from embeddings.index_choice import LADDER, bytes_of, choose, lists
from embeddings.judging import plotting

_QUERIES = 1_000
_LARGEST_FLAT = 1_000_000
_LARGEST_GRAPH = 100_000  # HNSW takes minutes to build beyond
_CHART = Path(__file__).parent.parent / "docs" / "index.svg"


def main() -> None:
    """Measure, and write `results/dense_scale.json` and the chart."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--papers", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--recall", type=float, default=0.99)
    parser.add_argument("--memory-budget", type=bytes_of, help="Such as 3GB; has a smaller index chosen.")
    parser.add_argument("--folder", type=Path, required=True, help="Where vectors, indexes and findings are kept.")
    parser.add_argument("--rivals", action="store_true", help="Measure other kinds of index, too.")
    parser.add_argument("--ask", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.ask:
        print(json.dumps(ask(asked.ask)))
        return
    found = []
    for count in asked.papers:
        chosen = choose(count, DIMENSION, asked.memory_budget)
        for factory in [chosen, *(_rivals(count, chosen) if asked.rivals else ())]:
            result = measure(asked.folder / str(count), count, factory, asked.recall)
            found.append({"chosen": factory == chosen, **result})
            print(json.dumps(found[-1], indent=2), flush=True)
    write_result("dense_scale", {"recall_asked": asked.recall, "queries": _QUERIES, "sizes": found})
    draw()


def draw() -> None:
    """Draw the chart of `results/dense_scale.json`."""
    sizes = json.loads((RESULTS / "dense_scale.json").read_text(encoding="utf-8"))["sizes"]
    curves: dict[str, list[tuple[int, float]]] = {}
    for each in sizes:
        kind = each["factory"].partition(",")[2] or each["factory"]
        name = f"{kind}, recall@10 {each['recall_at_10']:.2f}" if not each["chosen"] else "chosen by a build"
        curves.setdefault(name if each["chosen"] else kind, []).append((each["papers"], each["p50_ms"]))
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
        (folder / "part.npy").replace(vectors)
        np.save(folder / "queries.npy", Papers().draw(_QUERIES, 0).vectors)
        np.save(folder / "truth.npy", exact_neighbours(map_array(vectors), map_array(folder / "queries.npy")))
    embeddings = map_array(vectors)
    made = folder / "made.json"
    recorded = json.loads(made.read_text()) if made.is_file() else {}
    if recorded.get("factory") != factory:
        began = time.perf_counter()
        built = index.build(embeddings, factory, threads=threads.available())
        built.save(folder / "dense.faiss")
        recorded = {"factory": factory, "build_s": round(time.perf_counter() - began, 1), "spec": asdict(built.spec)}
        made.write_text(json.dumps(recorded))
        del built
    began = time.perf_counter()
    dense = index.load(folder / "dense.faiss", index.IndexSpec(**recorded["spec"]), embeddings)
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


def ask(folder: Path) -> dict[str, Any]:
    """Open an index and ask it; what it found and took."""
    queries, truth = map_array(folder / "queries.npy"), map_array(folder / "truth.npy")
    spec = index.IndexSpec(**json.loads((folder / "spec.json").read_text()))
    before = _memory()
    began = time.perf_counter()
    dense = index.load(folder / "dense.faiss", spec, map_array(folder / "embeddings.npy"))
    opened_s = time.perf_counter() - began
    opened = _memory()
    taken: list[float] = []
    found = np.empty_like(truth)
    with threadpool_limits(1):
        for measured in (False, True):  # the first round warms up
            for i, query in enumerate(queries):
                began = time.thread_time()
                found[i], _ = dense.nearest(query[None], TOP_K)
                if measured:
                    taken.append((time.thread_time() - began) * 1000)
        after = _memory()
        refined = spec.refine > 1 and not dense.exact
        alone = index.recall(_exact(dense, queries, folder), truth) if refined else None
    return {
        "effort": spec.effort,
        "refine": spec.refine,
        "recall_at_10": round(index.recall(found, truth), 4),
        "recall_at_10_without_vectors": None if alone is None else round(alone, 4),
        "p50_ms": round(float(np.percentile(taken, 50)), 3),
        "p99_ms": round(float(np.percentile(taken, 99)), 3),
        "open_s": round(opened_s, 4),
        "private_mb_opened": round(opened["RssAnon"] - before["RssAnon"], 1),
        "private_mb_asked": round(after["RssAnon"] - before["RssAnon"], 1),
        "resident_mb_asked": round(after["RssAnon"] + after["RssFile"] - before["RssAnon"] - before["RssFile"], 1),
    }


def _exact(dense: index.DenseIndex, queries: NDArray[np.float32], folder: Path) -> NDArray[np.float32]:
    """Exact scores of what the index finds by its codes alone, as near as it can order them."""
    vectors = map_array(folder / "embeddings.npy")
    _, rows = dense.searched(refine=1).nearest(queries, TOP_K)
    found = [np.sort(vectors[line] @ query)[::-1] for line, query in zip(rows, queries, strict=True)]
    return np.array(found, dtype=np.float32)


def _rivals(count: int, chosen: str) -> list[str]:
    inverted = chosen.partition(",")[0] if "," in chosen else f"IVF{lists(count)}"
    found = [rung.named(count) for rung in LADDER if rung.named(count) != chosen]
    found += [f"{inverted},SQ8", f"{inverted},RaBitQfs,Refine(SQ8)"]
    found += ["HNSW32,SQ8"] if count <= _LARGEST_GRAPH else []
    return found + (["Flat"] if count <= _LARGEST_FLAT and chosen != "Flat" else [])


def _memory() -> dict[str, float]:
    """Private and mapped memory of this process, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return {line.partition(":")[0]: int(line.split()[1]) / 1024 for line in lines if line.startswith("Rss")}


if __name__ == "__main__":
    main()
