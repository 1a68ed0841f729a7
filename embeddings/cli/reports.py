"""Prints evaluations, snapshot comparisons and calibrations, as tables or as JSON fields."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from embeddings.cli import output
from embeddings.queries import Scale

if TYPE_CHECKING:
    from embeddings.evaluation.calibration import Answers
    from embeddings.evaluation.report import EvaluationReport, Group, ModeScores
    from embeddings.queries import Mode
    from embeddings.ranking.calibration import Calibration
    from embeddings.release.comparison import Comparison, GroupComparison
    from embeddings.release.gate import ReleaseDecision


def evaluation(report: "EvaluationReport") -> None:
    """Print an evaluation: a row for each mode and group of queries, then the differences from the baseline."""
    output.line(
        f"{report.name}: {len(report.queries)} queries on {report.snapshot}; means with 95 % confidence intervals"
    )
    if report.left_out:
        output.line(f"{report.left_out} queries left out: the snapshot lacks their papers")
    if report.missing:
        output.line(
            f"{report.missing} of {report.judged} judged papers are not in the snapshot; they count as not retrieved"
        )
    measures = list(next(iter(report.modes.values())).values)
    rows = [
        row
        for mode, scores in report.modes.items()
        for name, group in {"all": scores.overall, **_groups_if_several(scores)}.items()
        for row in [_group_row(str(mode) if name == "all" else f"  {name}", group)]
    ]
    output.table(["", "n", *measures], rows)
    if report.baseline is not None:
        rows = [row for mode, scores in report.modes.items() for row in _difference_rows(mode, scores)]
        output.table([f"minus {report.baseline}", "measure", "difference", "95 % interval", "p"], rows, text_columns=2)


def evaluation_fields(report: "EvaluationReport") -> dict[str, Any]:
    """JSON fields of an evaluation, with the values of each query."""
    return {
        "name": report.name,
        "questions": len(report.queries),
        "left_out": report.left_out,
        "judged_papers": report.judged,
        "missing_papers": report.missing,
        "baseline": report.baseline,
        "modes": {
            str(mode): {
                "overall": _group_fields(scores.overall),
                "groups": {name: _group_fields(group) for name, group in scores.groups.items()},
                "against_baseline": {name: _rounded(asdict(each)) for name, each in scores.differences.items()},
                "by_question": {
                    name: dict(zip(report.queries, (round(value, 4) for value in values.tolist()), strict=True))
                    for name, values in scores.values.items()
                },
            }
            for mode, scores in report.modes.items()
        },
    }


def release(decision: "ReleaseDecision") -> None:
    """Print the comparison with the served snapshot, and whether the new one is served."""
    if decision.comparison is None:
        output.line(f"not compared: {decision.note}")
    else:
        _comparison(decision.comparison)
        if decision.served:
            for failure in decision.comparison.failures:
                output.line(f"ignored because of --force: {failure}")
    if decision.served:
        output.line(f"{decision.snapshot} is served now")


def release_fields(decision: "ReleaseDecision") -> dict[str, Any]:
    """JSON fields of the gate's decision."""
    comparison = None if decision.comparison is None else asdict(decision.comparison)
    return {"snapshot": decision.snapshot, "served": decision.served, "note": decision.note, "comparison": comparison}


def calibration(found: "Calibration", answers: "Mapping[str, Answers]") -> None:
    """Print the fitted curves, with their log loss and calibration error on each collection."""
    rows = [
        [
            scale,
            name,
            str(each["questions"]),
            *(f"{each[key]:.3f}" for key in ("slope", "intercept", "found", "log_loss", "calibration_error")),
        ]
        for scale, names in calibration_fields(found, answers).items()
        for name, each in names.items()
    ]
    output.table(
        ["scale", "collection", "queries", "slope", "intercept", "threshold", "log loss", "error"],
        rows,
        text_columns=2,
    )


def calibration_fields(found: "Calibration", answers: "Mapping[str, Answers]") -> dict[str, Any]:
    """JSON fields of a calibration: scale → collection → curve, log loss and calibration error."""
    from embeddings.ranking.calibration import calibration_error, log_loss, reliability  # imports numpy

    return {
        str(scale): {
            name: {
                "questions": len(results),
                **asdict(curve),
                "log_loss": round(log_loss(curve, results), 4),
                "calibration_error": round(calibration_error(reliability(curve, results)), 4),
            }
            for name, scales in answers.items()
            if (results := scales.get(scale))
        }
        for scale in Scale
        if (curve := found.curve(scale)) is not None
    }


def _comparison(comparison: "Comparison") -> None:
    papers = comparison.papers
    output.line(
        f"{comparison.after} compared with {comparison.before}: {papers.after} papers, {papers.added} added, "
        f"{papers.removed} removed"
    )
    for note in comparison.notes:
        output.line(note)
    several = comparison.by_language if len(comparison.by_language) > 1 else {}
    source = "saved queries" if comparison.query_source == "saved" else "sampled papers"
    output.table(
        [source, "queries", "overlap@10", "lowest", "RBO@10", "known hit@1", "recall@10"],
        [_comparison_row(name, group) for name, group in {"all": comparison.overall, **several}.items()],
    )
    if comparison.most_changed:
        output.table(
            ["largest changes", "", "overlap@10", "RBO@10"],
            [
                [each.query[:100], each.language, f"{each.overlap:.2f}", f"{each.rank_biased_overlap:.2f}"]
                for each in comparison.most_changed
            ],
            text_columns=2,
        )


def _groups_if_several(scores: "ModeScores") -> "dict[str, Group]":
    return dict(scores.groups) if len(scores.groups) > 1 else {}


def _group_row(name: str, group: "Group") -> list[str]:
    cells = [f"{_short(each.mean)}\n{_short(each.low)}–{_short(each.high)}" for each in group.estimates.values()]
    return [name, str(group.queries), *cells]


def _short(value: float) -> str:
    """Format without the 0 before the point, so that five measures with intervals fit into 80 columns."""
    return f"{value:.3f}".removeprefix("0")


def _difference_rows(mode: "Mode", scores: "ModeScores") -> Iterator[list[str]]:
    for name, each in scores.differences.items():
        yield [str(mode), name, f"{each.mean:+.3f}", f"{each.low:+.3f}–{each.high:+.3f}", f"{each.p:.4f}"]


def _group_fields(group: "Group") -> dict[str, Any]:
    measures = {name: _rounded(asdict(each)) for name, each in group.estimates.items()}
    return {"questions": group.queries, **measures}


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items()}


def _comparison_row(name: str, group: "GroupComparison") -> list[str]:
    hits = "–" if group.hit_before is None else f"{group.hit_before:.2f} → {group.hit_after:.2f} of {group.known_items}"
    numbers = [_number(each) for each in (group.overlap, group.min_overlap, group.rank_biased_overlap)]
    return [name, str(group.queries), *numbers, hits, _number(group.index_recall)]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
