"""How fast are texts embedded, beside plain sentence-transformers and beside what the backend could do at best?

Abstracts of ordinary length that every model reads whole (so that nobody wins by leaving text out), in alternating
rounds: `SentenceTransformer.encode` as most programs call it (32 bits, batches of 32), our encoder on each backend and
precision, and the backend alone on the same windows, tokenised and packed before the clock starts. Then one short
query at a time, beside the bare call of the same compiled model.

    python -m benchmarks.encoder abstracts.jsonl --texts 384
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import require_committed, write_result
from embeddings import threads
from embeddings.encoders import loading, model_files
from embeddings.encoders.backends import compiled_model, openvino_backend, sentence_transformer
from embeddings.encoders.backends.base import batches
from embeddings.encoders.backends.compilation import compile_model
from embeddings.encoders.encoder import Encoder
from embeddings.encoders.encoder_info import EMBEDDED_MODEL
from embeddings.texts.cleaning import clean

_LENGTHS = range(100, 255)  # tokens of an ordinary abstract, within the model's window
_QUERIES = [
    "graph neural networks",
    "quantization of object detectors for aerial images",
    "federated learning with little energy",
    "how do language models count",
    "图像分割",
    "protein folding with attention",
    "music source separation",
    "reinforcement learning from human feedback",
]
_ROUNDS = 3


def main() -> None:
    """Measure, and write `results/encoder.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts_file", type=Path, help="JSON lines with `abstract`, `text` or `en`")
    parser.add_argument("--texts", type=int, default=384)
    asked = parser.parse_args()
    require_committed()
    files, processors = model_files.locate(EMBEDDED_MODEL), threads.available()
    torch = loading.load_files(files, device="cpu", threads=processors)
    texts = _ordinary(_read(asked.texts_file), torch, asked.texts)
    plain = sentence_transformer.open_model(files, device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        stored = compile_model(files, Path(folder), texts[:64], threads=processors)
        ours = {
            f"openvino {precision}": stored.open(precision, processors) for precision in openvino_backend.precisions()
        }
        ways: dict[str, Callable[[], object]] = {
            "sentence-transformers": lambda: plain.encode(texts, batch_size=32, show_progress_bar=False),
            "torch f32": lambda: torch.encode_documents(texts),
        }
        for name, encoder in ours.items():
            ways[name] = lambda encoder=encoder: encoder.encode_documents(texts)  # type: ignore[misc]
            ways[f"{name}, backend alone"] = _ceiling(encoder, texts)
        best = next(iter(ours.values()))
        result: dict[str, Any] = {
            "texts": len(texts),
            "mean_tokens": round(float(torch.encode_documents(texts).tokens_total.mean()), 1),
            "texts_per_second": _rates(ways, len(texts)),
            "checks": {name: _fields(check) for name, check in stored.checks.items()},
            "query_ms": _queries(best),
        }
    rates = result["texts_per_second"]
    fastest = next(iter(ours))
    result["over_sentence_transformers"] = round(rates[fastest]["best"] / rates["sentence-transformers"]["best"], 2)
    result["of_backend_alone"] = round(rates[fastest]["best"] / rates[f"{fastest}, backend alone"]["best"], 3)
    print(json.dumps(result, indent=1))
    write_result("encoder", result)


def _read(path: Path) -> list[str]:
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [clean(record.get("abstract") or record.get("text") or record.get("en") or "") for record in records]


def _ordinary(texts: list[str], encoder: Encoder, count: int) -> list[str]:
    counts = np.zeros((len(texts), 2), dtype=np.int64)
    for _ in encoder.packed(texts, "document", counts):
        pass
    return [text for text, (_, length) in zip(texts, counts.tolist(), strict=True) if length in _LENGTHS][:count]


def _ceiling(encoder: Encoder, texts: list[str]) -> Callable[[], object]:
    """The runtime on all windows, packed at once and before the clock starts."""
    counts = np.zeros((len(texts), 2), dtype=np.int64)
    windows = [window for batch in encoder.packed(texts, "document", counts) for window in batch]
    runtime = encoder.runtime
    packed = list(batches(windows, runtime.batch_tokens, runtime.multiple))
    return lambda: runtime.embed(packed, "document")


def _rates(ways: dict[str, Callable[[], object]], count: int) -> dict[str, dict[str, float]]:
    """Texts a second of each way: best and median of rounds in which all take turns, after one to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for round_ in range(_ROUNDS + 1):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            if round_:
                seconds[name].append(time.perf_counter() - began)
            print(round_, name, round(count / (time.perf_counter() - began), 1), flush=True)
    return {
        name: {"best": round(count / min(took), 1), "median": round(count / statistics.median(took), 1)}
        for name, took in seconds.items()
    }


def _queries(encoder: Encoder, times: int = 40) -> dict[str, Any]:
    """One short query: the encoder, and its runtime alone on the tokens of the same query; taking turns."""
    ready = [list(encoder.packed([text], "query", np.zeros((1, 2), dtype=np.int64))) for text in _QUERIES]
    whole: list[float] = []
    bare: list[float] = []
    for _ in range(times):
        for text, batch in zip(_QUERIES, ready, strict=True):
            began = time.perf_counter()
            encoder.encode_queries([text])
            whole.append((time.perf_counter() - began) * 1000)
            began = time.perf_counter()
            encoder.runtime.embed(batch, "query")
            bare.append((time.perf_counter() - began) * 1000)
    warm = slice(len(_QUERIES) * 2, None)
    result: dict[str, Any] = {
        name: {
            "p50": round(float(np.percentile(took[warm], 50)), 2),
            "p99": round(float(np.percentile(took[warm], 99)), 2),
        }
        for name, took in (("encoder", whole), ("model alone", bare))
    }
    result["ratio_p50"] = round(result["encoder"]["p50"] / result["model alone"]["p50"], 2)
    return result


def _fields(check: compiled_model.Check) -> dict[str, float]:
    """A check as JSON holds it."""
    return {"least_cosine": check.least_cosine, "same_top_10": check.same_top_10, "texts": check.texts}


if __name__ == "__main__":
    main()
