"""How well does each way of ranking find the papers that people judged relevant?

Usage:

    python -m benchmarks.quality COLLECTION…

A COLLECTION is a folder with corpus.jsonl or corpus.jsonl.gz (`id`, `title`, `abstract`), queries.jsonl (`id`,
`text`), qrels.tsv (query, paper, grade; one header line) and meta.json. Metrics by trec_eval.
"""

import gzip
import json
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytrec_eval
from numpy.typing import NDArray

from benchmarks.machine import write_result
from embeddings import lexical
from embeddings.corpus import embedded_text
from embeddings.encoder import Encoder
from embeddings.fusion import CANDIDATES, LEXICAL_WEIGHT, fuse
from embeddings.lexical import LexicalIndex
from embeddings.terms import terms

_MEASURES = {"ndcg_cut_10": "nDCG@10", "map": "MAP", "recall_100": "recall@100"}
_RUN_DEPTH = 1000  # what TREC runs hold


@dataclass(frozen=True, slots=True)
class Collection:
    """Papers, questions and what people judged.

    Attributes:
        name: The folder's.
        papers: Id → text as it is embedded; papers without any text are counted, and never found.
        queries: Id → text.
        qrels: Query id → paper id → grade.
    """

    name: str
    papers: dict[str, str]
    queries: dict[str, str]
    qrels: dict[str, dict[str, int]]

    @classmethod
    def read(cls, folder: Path) -> "Collection":
        """Read a folder laid out as this module's docstring says."""
        packed = folder / "corpus.jsonl.gz"
        raw = gzip.decompress(packed.read_bytes()) if packed.is_file() else (folder / "corpus.jsonl").read_bytes()
        records = [json.loads(line) for line in raw.splitlines()]
        questions = [json.loads(line) for line in (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines()]
        qrels: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for line in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]:
            query, paper, grade = line.split("\t")
            qrels[query][paper] = int(grade)
        return cls(
            folder.resolve().name,
            {record["id"]: embedded_text(record.get("title"), record["abstract"]) for record in records},
            {question["id"]: question["text"] for question in questions if question["id"] in qrels},
            dict(qrels),
        )


def main(folders: list[str]) -> None:
    """Measure, print, and write `results/quality.json`."""
    encoder = Encoder.load()
    result: dict[str, Any] = {
        "encoder": encoder.info.name,
        "bm25": {"k1": lexical.K1, "b": lexical.B},
        "fusion": {"lexical_weight": LEXICAL_WEIGHT, "candidates": CANDIDATES},
        "collections": {},
    }
    for folder in folders:
        collection = Collection.read(Path(folder))
        measured = measure(collection, encoder)
        meta = json.loads((Path(folder) / "meta.json").read_text(encoding="utf-8"))
        counts = {"papers": len(collection.papers), "queries": len(collection.queries), "source": meta.get("source")}
        result["collections"][collection.name] = {**counts, **measured}
        print(f"{collection.name}: {counts['papers']} papers, {counts['queries']} queries")
        for system, values in measured.items():
            print(f"  {system:8}" + "".join(f"  {name} {value:.4f}" for name, value in values.items()))
    write_result("quality", result)


def measure(collection: Collection, encoder: Encoder) -> dict[str, dict[str, float]]:
    """Rank with each leg and with both: system → measure → mean over queries."""
    readable = {identity: text for identity, text in collection.papers.items() if any(map(str.isalnum, text))}
    ids, texts = list(readable), list(readable.values())
    asked = [terms(text) for text in collection.queries.values()]
    papers = encoder.encode_documents(texts).embeddings
    cosines = encoder.encode_queries(list(collection.queries.values())).embeddings @ papers.T
    with tempfile.TemporaryDirectory() as folder:
        lexical.build(map(terms, texts), len(texts), Path(folder))
        index = LexicalIndex.load(Path(folder))
        matches = np.array([index.scores(query) for query in asked])
        ceilings = [index.ceiling(query) for query in asked]
    fused = [_fused(*query) for query in zip(cosines, matches, ceilings, strict=True)]
    systems = {"dense": list(cosines), "bm25": [np.where(row > 0, row, -np.inf) for row in matches], "hybrid": fused}
    return {
        system: _evaluated(
            collection, {query: _run(ids, row) for query, row in zip(collection.queries, rows, strict=True)}
        )
        for system, rows in systems.items()
    }


def _fused(cosines: NDArray[np.float32], matches: NDArray[np.float32], ceiling: float) -> NDArray[np.float32]:
    """Relevance of the best of both legs; -inf for all others."""
    best = [np.argsort(-leg, kind="stable")[:CANDIDATES] for leg in (cosines, matches)]
    rows = np.union1d(*best)
    relevance = np.full(len(cosines), -np.inf, dtype=np.float32)
    relevance[rows] = fuse(cosines[rows], matches[rows], ceiling)
    return relevance


def _run(ids: list[str], scores: NDArray[np.float32]) -> dict[str, float]:
    """The best papers. trec_eval orders ties its own way, so the scores it gets are our ranks."""
    order = np.argsort(-scores, kind="stable")[:_RUN_DEPTH]
    return {ids[i]: float(-rank) for rank, i in enumerate(order.tolist()) if np.isfinite(scores[i])}


def _evaluated(collection: Collection, runs: dict[str, dict[str, float]]) -> dict[str, float]:
    evaluator = pytrec_eval.RelevanceEvaluator(collection.qrels, {"ndcg_cut.10", "map", "recall.100"})
    found = evaluator.evaluate(runs)
    means = {
        name: float(np.mean([found[query][measure] if query in found else 0.0 for query in collection.qrels]))
        for measure, name in _MEASURES.items()
    }
    return {name: round(mean, 4) for name, mean in means.items()}


if __name__ == "__main__":
    main(sys.argv[1:])
