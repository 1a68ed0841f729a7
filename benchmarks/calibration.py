"""How probable does relevance make it that a hit is related? Fits the embedded model's curves, and tests them.

Usage:

    python -m benchmarks.calibration --collection FOLDER… --parallel FOLDER [--snapshots FOLDER]

Curves are fitted as `related-papers calibrate` fits them: to the judged collections, and to titles whose abstracts are
known, in English and across languages (for the files see `benchmarks.quality`). Each curve is then tested on the
collection that it was not fitted to. What is said to be found, or not, is tested on questions with an answer, of the
collections and of `seeds/`, and on questions far from all of them. Writes `results/calibration.json`
and `docs/reliability.svg`; --snapshots keeps what is embedded, for the next time.
"""

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import require_committed, write_result
from benchmarks.off_topic import FAR_CHINESE, FAR_ENGLISH
from benchmarks.quality import ITEMS, SEEDS, corpus_of, paraphrases, rows_of
from embeddings.build.job import BuildOptions, build
from embeddings.cli import output
from embeddings.encoders.encoder_info import EMBEDDED_MODEL
from embeddings.evaluation import plotting, qrels_files
from embeddings.evaluation.calibration import Answers, fit_curves, labelled_results, to_calibration
from embeddings.evaluation.qrels import Qrels, Query
from embeddings.papers import paper_id
from embeddings.queries import Filters, Mode, Scale, SearchOptions
from embeddings.ranking.calibration import EMBEDDED, Calibration, calibration_error, log_loss, reliability
from embeddings.search.query_encoder import QueryEncoder
from embeddings.search.searcher import Searcher
from embeddings.snapshots.snapshot import Snapshot

_PLOT = Path(__file__).parent.parent / "docs" / "reliability.svg"
_LANGUAGES = ("en", "zh")
_QUANTILES = (0, 0.01, 0.02, 0.05, 0.5, 0.95, 0.98, 1)


def main() -> None:
    """Fit, test, print, draw and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--collection", dest="collections", nargs="+", type=Path, required=True)
    parser.add_argument("--parallel", type=Path, required=True)
    parser.add_argument("--model", default=EMBEDDED_MODEL)
    parser.add_argument("--snapshots", type=Path)
    asked = parser.parse_args()
    require_committed()
    with tempfile.TemporaryDirectory() as temporary:
        options = BuildOptions(snapshots=asked.snapshots or Path(temporary), model=asked.model, publish=False)
        snapshots: dict[str, Snapshot] = {}
        groups: dict[str, Answers] = {}
        for folder in asked.collections:
            found = qrels_files.read_collection(folder)
            snapshots[found.name] = Snapshot.open(build([str(corpus_of(folder))], options).folder)
            groups[found.name] = labelled_results(snapshots[found.name], QueryEncoder(snapshots[found.name]), found)
        rows = rows_of(asked.parallel / "dev-titles.jsonl.gz")
        snapshots["titles"] = _parallel([*rows, *rows_of(asked.parallel / "dev.jsonl.gz")], options)
        encoder = QueryEncoder(snapshots["titles"])
        for each in (_titles(rows), _titles_across(rows)):
            groups[each.name] = {
                scale: answers
                for scale, answers in labelled_results(snapshots["titles"], encoder, each).items()
                if scale is not Scale.PAPER  # a paper's translation is judged, and none of its relatives
            }
        curves = to_calibration(fit_curves(list(groups.values())))
        snapshots["seeds"] = Snapshot.open(build([str(SEEDS)], options).folder)
        held_out = {name: fit_curves([each for other, each in groups.items() if other != name]) for name in groups}
        result = {
            "encoder": asked.model,
            "curves": {scale: None if curve is None else asdict(curve) for scale, curve in _curves(curves)},
            "tested": {name: _tested(group, to_calibration(held_out[name]), curves) for name, group in groups.items()},
            "found": _found(snapshots, groups),
        }
    _print(result)
    panels = {
        str(scale): {
            name: reliability(curve, group[scale])
            for name, group in groups.items()
            if (curve := held_out[name].get(scale)) is not None and group.get(scale)
        }
        for scale in Scale
    }
    plotting.reliability(panels, _PLOT)
    write_result("calibration", result)


def _tested(group: Answers, others: Calibration, own: Calibration) -> dict[str, Any]:
    """How a curve fitted to the other collections does on this one, and how the one fitted to all does."""
    found = {}
    for scale, curve in _curves(others):
        if curve is None or not (answers := group.get(scale)):
            continue
        share = float(np.mean([answer.related.mean() for answer in answers]))
        all_curve = own.curve(scale)
        bins = reliability(curve, answers)
        found[str(scale)] = {
            "questions": len(answers),
            "related": round(share, 4),
            "log_loss_of_the_share": round(float(-share * np.log(share) - (1 - share) * np.log(1 - share)), 4),
            "log_loss": round(log_loss(curve, answers), 4),
            "calibration_error": round(calibration_error(bins), 4),
            "bins": [{name: round(value, 4) for name, value in asdict(each).items()} for each in bins],
        }
        if all_curve is not None:
            found[str(scale)]["fitted_to_all"] = {
                "log_loss": round(log_loss(all_curve, answers), 4),
                "calibration_error": round(calibration_error(reliability(all_curve, answers)), 4),
            }
    return found


def _found(snapshots: Mapping[str, Snapshot], groups: Mapping[str, Answers]) -> dict[str, Any]:
    """Relevance of the best hit, for questions with an answer and for far ones: at several thresholds, who passes."""
    best: dict[str, dict[str, list[float]]] = {}
    for name, group in groups.items():
        for scale, answers in group.items():
            if answers:
                best.setdefault(scale, {})[name] = [float(answer.relevance[0]) for answer in answers]
    for name, snapshot in snapshots.items():
        searcher = Searcher(snapshot, QueryEncoder(snapshot))
        near = [paraphrases(), qrels_files.read_known_items(ITEMS)] if name == "seeds" else []
        asked = {each.name: [question.text or "" for question in each.queries] for each in near}
        asked |= {"far, en": list(FAR_ENGLISH), "far, zh": list(FAR_CHINESE)}
        for kind, texts in asked.items():
            for options in (SearchOptions(top_k=1), SearchOptions(top_k=1, mode=Mode.DENSE)):
                for text in texts:
                    results = searcher.search(text, options)
                    key = f"{kind} of {name}"
                    if results.scale is not None:
                        best.setdefault(results.scale, {}).setdefault(key, []).append(results.hits[0].score)
    return {
        scale: {
            "least_errors": _least_errors(kinds),
            "kinds": {
                kind: {
                    "questions": len(values),
                    "best_hit": {f"{q:g}": round(float(np.quantile(values, q)), 3) for q in _QUANTILES},
                    "found": round(float(np.mean(np.array(values) >= curve.found)), 4),
                }
                for kind, values in kinds.items()
            },
        }
        for scale, kinds in best.items()
        if (curve := EMBEDDED.curve(Scale(scale))) is not None
    }


def _least_errors(kinds: Mapping[str, Sequence[float]]) -> dict[str, float] | None:
    """Where the two error rates sum to the least (Youden 1950), every kind of question counting alike."""
    far = [np.array(values) for kind, values in kinds.items() if kind.startswith("far")]
    near = [np.array(values) for kind, values in kinds.items() if not kind.startswith("far")]
    if not far or not near:
        return None
    tried = np.arange(0, 1, 0.005)
    missed = np.mean([[(values < least).mean() for least in tried] for values in near], axis=0)
    passed = np.mean([[(values >= least).mean() for least in tried] for values in far], axis=0)
    best = int(np.argmin(missed + passed))
    return {"relevance": round(float(tried[best]), 3), "missed": float(missed[best]), "passed": float(passed[best])}


def _parallel(rows: Sequence[dict[str, Any]], options: BuildOptions) -> Snapshot:
    """Every paper twice, its English and its Chinese abstract as papers of their own."""
    corpus = options.snapshots / "parallel.jsonl"
    options.snapshots.mkdir(parents=True, exist_ok=True)
    lines = (
        json.dumps({"abstract": row[language], "language": language}, ensure_ascii=False)
        for row in rows
        for language in _LANGUAGES
    )
    corpus.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return Snapshot.open(build([str(corpus)], options).folder)


def _titles(rows: Sequence[dict[str, Any]]) -> Qrels:
    """English titles ask for their abstracts among the English ones."""
    english = Filters(language=("en",))
    return Qrels(
        name="titles",
        queries=tuple(Query(id=row["id"], text=row["title"], filters=english) for row in rows),
        grades={row["id"]: {paper_id(row["en"]): 1} for row in rows},
    )


def _titles_across(rows: Sequence[dict[str, Any]]) -> Qrels:
    """Titles of both languages ask for both abstracts among all."""
    fields = {"en": "title", "zh": "title_zh"}
    return Qrels(
        name="titles, two languages",
        queries=tuple(
            Query(id=f"{row['id']} {asked}", text=row[field]) for row in rows for asked, field in fields.items()
        ),
        grades={
            f"{row['id']} {asked}": {paper_id(row[language]): 1 for language in _LANGUAGES}
            for row in rows
            for asked in fields
        },
    )


def _curves(curves: Calibration) -> list[tuple[Scale, Any]]:
    return [(scale, curves.curve(scale)) for scale in Scale]


def _print(result: Mapping[str, Any]) -> None:
    for scale, curve in result["curves"].items():
        output.line(f"{scale}: {curve}")
    for name, scales in result["tested"].items():
        for scale, each in scales.items():
            output.line(f"{name}, {scale}: { {key: value for key, value in each.items() if key != 'bins'} }")
    for scale, each in result["found"].items():
        output.line(f"{scale}: {each['least_errors']}")
        for kind, values in each["kinds"].items():
            output.line(f"  {kind}: {values}")


if __name__ == "__main__":
    main()
