"""How good are the answers: of each way of ranking, on judged collections, known items, and across languages?

Usage:

    python -m benchmarks.quality COLLECTION… [--parallel FOLDER]

Every figure is of a snapshot that is built for it by the real build and asked through the real engine, as
`related-papers evaluate` does; docs/evaluation.md says what a COLLECTION is. Of a `--parallel` FOLDER, every paper of
`dev-titles.jsonl.gz` (`title`, `title_zh`, `en`, `zh`) and of `dev.jsonl.gz` (`en`, `zh`) is in one snapshot twice, its
English and its Chinese abstract as papers of their own, and titles are asked for the abstract in the other language.
"""

import argparse
import gzip
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.machine import require_committed, write_result
from benchmarks.paraphrases import PARAPHRASES
from embeddings.build.job import BuildOptions, build
from embeddings.cli import reports
from embeddings.encoders.encoder_info import EMBEDDED_MODEL
from embeddings.evaluation import qrels_files
from embeddings.evaluation.qrels import Qrels, Query
from embeddings.evaluation.report import EvaluationReport, evaluate
from embeddings.indexes.bm25 import lexical_index
from embeddings.papers import paper_id
from embeddings.queries import Filters, Mode
from embeddings.ranking.weights import WEIGHTS
from embeddings.search.query_encoder import QueryEncoder
from embeddings.snapshots.snapshot import Snapshot

SEEDS = Path(__file__).parent.parent / "seeds"
ITEMS = Path(__file__).parent / "known_items" / "seeds.jsonl"
_MODES = (Mode.DENSE, Mode.LEXICAL, Mode.HYBRID)


def main() -> None:
    """Measure, print, and write `results/quality.json`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("collections", nargs="*", type=Path)
    parser.add_argument("--parallel", type=Path)
    parser.add_argument("--model", default=EMBEDDED_MODEL)
    asked = parser.parse_args()
    require_committed()
    result: dict[str, Any] = {
        "encoder": asked.model,
        "bm25": {"k1": lexical_index.K1, "b": lexical_index.B},
        "weights": {str(kind): asdict(weights) for kind, weights in WEIGHTS.items()},
        "collections": {},
    }
    with tempfile.TemporaryDirectory() as folder:
        options = BuildOptions(snapshots=Path(folder), model=asked.model, publish=False)
        snapshot = _built([str(SEEDS)], options)
        result["known_items"] = _scores(snapshot, [qrels_files.read_known_items(ITEMS)], _MODES, known_items=True)
        result["paraphrases"] = _scores(snapshot, [paraphrases()], _MODES, known_items=True)
        for path in asked.collections:
            snapshot = _built([str(corpus_of(path))], options)
            found = _scores(snapshot, [qrels_files.read_collection(path)], _MODES)
            meta = json.loads((path / "meta.json").read_text(encoding="utf-8"))
            counts = {"papers": len(snapshot), "source": meta.get("source")}
            result["collections"][path.resolve().name] = {**counts, **found[path.resolve().name]}
        if asked.parallel is not None:
            result["across_languages"] = _across_languages(asked.parallel, options)
    write_result("quality", result)


def _across_languages(folder: Path, options: BuildOptions) -> dict[str, Any]:
    """Titles for abstracts in the other language, all abstracts of both languages in one snapshot."""
    titled, others = (rows_of(folder / name) for name in ("dev-titles.jsonl.gz", "dev.jsonl.gz"))
    corpus = options.snapshots / "parallel.jsonl"
    corpus.write_text(
        "".join(
            json.dumps({"abstract": row[language], "language": language}, ensure_ascii=False) + "\n"
            for row in (*titled, *others)
            for language in ("en", "zh")
        ),
        encoding="utf-8",
    )
    snapshot = _built([str(corpus)], options)
    names = {"en": "title", "zh": "title_zh"}
    parts = []
    for asked, answer in (("zh", "en"), ("en", "zh")):
        parts.append(_titles(f"{asked} → {answer}, both languages", titled, names[asked], answer, asked))
    ceiling = _titles("en → en, English only", titled, "title", "en", None)
    ceiling = replace(
        ceiling,
        queries=tuple(replace(question, filters=Filters(language=("en",))) for question in ceiling.queries),
    )
    found = _scores(snapshot, [*parts, ceiling], (Mode.DENSE, Mode.HYBRID), known_items=True)
    return {"papers": len(snapshot), **found}


def _titles(name: str, rows: Sequence[dict[str, Any]], field: str, answer: str, left_out: str | None) -> Qrels:
    """Each title asks for its abstract in one language; the one in the title's own may be left out."""
    questions, grades = [], {}
    for row in rows:
        own = () if left_out is None else (paper_id(row[left_out]),)
        questions.append(Query(id=row["id"], text=row[field], filters=Filters(exclude_id=own)))
        grades[row["id"]] = {paper_id(row[answer]): 1}
    return Qrels(name=name, queries=tuple(questions), grades=grades)


def paraphrases() -> Qrels:
    """Of `benchmarks/paraphrases.py`."""
    questions = tuple(Query(id=paper, text=text) for paper, text in PARAPHRASES.items())
    return Qrels(name="paraphrases", queries=questions, grades={paper: {paper: 1} for paper in PARAPHRASES})


def _scores(
    snapshot: Snapshot, asked: Sequence[Qrels], modes: Sequence[Mode], *, known_items: bool = False
) -> dict[str, Any]:
    """Ask, print, and keep all but the values of single questions."""
    encoder = QueryEncoder(snapshot)
    found = {}
    for each in asked:
        report = evaluate(snapshot, encoder, each, modes, baseline=Mode.DENSE, known_items=known_items)
        reports.evaluation(report)
        found[each.name] = _without_values(report)
    encoder.close()
    return found


def _without_values(report: EvaluationReport) -> dict[str, Any]:
    fields = reports.evaluation_fields(report)
    for mode in fields["modes"].values():
        del mode["by_question"]
    return fields


def _built(sources: Sequence[str], options: BuildOptions) -> Snapshot:
    return Snapshot.open(build(sources, options).folder)


def corpus_of(collection: Path) -> Path:
    """The papers of a collection."""
    packed = collection / "corpus.jsonl.gz"
    return packed if packed.is_file() else collection / "corpus.jsonl"


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Objects of a packed file of JSON lines."""
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


if __name__ == "__main__":
    main()
