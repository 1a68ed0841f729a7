"""How evaluations and comparisons of snapshots are told: tables for people, fields for programs."""

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
    from embeddings.release.comparison import GroupComparison
    from embeddings.release.gate import ReleaseDecision


def evaluation(found: "EvaluationReport") -> None:
    """Print a scorecard: a row for each mode and kind of question, then the differences from the baseline."""
    output.line(f"{found.name}: {len(found.queries)} questions asked of {found.snapshot}; means, 95 % intervals")
    if found.left_out:
        output.line(f"{found.left_out} questions left out: the snapshot has none of their papers")
    if found.missing:
        output.line(f"{found.missing} of {found.judged} judged papers are not in the snapshot, and count as not found")
    names = list(next(iter(found.modes.values())).values)
    rows = [
        row
        for mode, scores in found.modes.items()
        for kind, group in {"all": scores.overall, **_several(scores)}.items()
        for row in [_group_row(str(mode) if kind == "all" else f"  {kind}", group)]
    ]
    output.table(["", "n", *names], rows)
    if found.baseline is not None:
        rows = [row for mode, scores in found.modes.items() for row in _difference_rows(mode, scores)]
        output.table([f"minus {found.baseline}", "measure", "difference", "95 % interval", "p"], rows, words=2)


def evaluation_fields(found: "EvaluationReport") -> dict[str, Any]:
    """A scorecard for programs, with the values of every question."""
    return {
        "name": found.name,
        "questions": len(found.queries),
        "left_out": found.left_out,
        "judged_papers": found.judged,
        "missing_papers": found.missing,
        "baseline": found.baseline,
        "modes": {
            str(mode): {
                "overall": _group_fields(scores.overall),
                "groups": {kind: _group_fields(group) for kind, group in scores.groups.items()},
                "against_baseline": {name: _rounded(asdict(each)) for name, each in scores.differences.items()},
                "by_question": {
                    name: dict(zip(found.queries, (round(value, 4) for value in values.tolist()), strict=True))
                    for name, values in scores.values.items()
                },
            }
            for mode, scores in found.modes.items()
        },
    }


def release(found: "ReleaseDecision") -> None:
    """Print what the gate found, and whether the snapshot is served."""
    comparison = found.comparison
    if comparison is None:
        output.line(f"not compared: {found.note}")
    else:
        papers = comparison.papers
        output.line(
            f"{comparison.after} against {comparison.before}: {papers['after']} papers, {papers['came']} came, "
            f"{papers['went']} went"
        )
        for note in comparison.notes:
            output.line(note)
        several = comparison.by_language if len(comparison.by_language) > 1 else {}
        source = "saved questions" if comparison.asked == "saved" else "sampled papers"
        output.table(
            [source, "asked", "overlap@10", "worst", "RBO@10", "known hit@1", "recall@10"],
            [_compared_row(name, group) for name, group in {"all": comparison.overall, **several}.items()],
        )
        if comparison.worst:
            output.table(
                ["changed most", "", "overlap@10", "RBO@10"],
                [
                    [each.query[:100], each.language, f"{each.overlap:.2f}", f"{each.rank_biased_overlap:.2f}"]
                    for each in comparison.worst
                ],
                words=2,
            )
        if found.served:
            for failure in comparison.failures:
                output.line(f"forced: {failure}")
    if found.served:
        output.line(f"{found.snapshot} is served now")


def release_fields(found: "ReleaseDecision") -> dict[str, Any]:
    """What the gate found, for programs."""
    comparison = None if found.comparison is None else asdict(found.comparison)
    return {"snapshot": found.snapshot, "served": found.served, "note": found.note, "comparison": comparison}


def _several(scores: "ModeScores") -> "dict[str, Group]":
    return dict(scores.groups) if len(scores.groups) > 1 else {}


def _group_row(name: str, group: "Group") -> list[str]:
    cells = [f"{_short(each.mean)}\n{_short(each.low)}–{_short(each.high)}" for each in group.estimates.values()]
    return [name, str(group.queries), *cells]


def _short(value: float) -> str:
    """Without the 0 before the point: five measures with intervals fit into 80 columns."""
    return f"{value:.3f}".removeprefix("0")


def _difference_rows(mode: "Mode", scores: "ModeScores") -> Iterator[list[str]]:
    for name, each in scores.differences.items():
        yield [str(mode), name, f"{each.mean:+.3f}", f"{each.low:+.3f}–{each.high:+.3f}", f"{each.p:.4f}"]


def _group_fields(group: "Group") -> dict[str, Any]:
    measures = {name: _rounded(asdict(each)) for name, each in group.estimates.items()}
    return {"questions": group.queries, **measures}


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items()}


def _compared_row(name: str, group: "GroupComparison") -> list[str]:
    hits = "–" if group.hit_before is None else f"{group.hit_before:.2f} → {group.hit_after:.2f} of {group.known_items}"
    numbers = [_number(each) for each in (group.overlap, group.min_overlap, group.rank_biased_overlap)]
    return [name, str(group.queries), *numbers, hits, _number(group.index_recall)]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def calibration(found: "Calibration", answers: "Mapping[str, Answers]") -> None:
    """Print the curves, and how they fit what they were fitted to."""
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
        ["scale", "judged", "questions", "slope", "intercept", "found from", "log loss", "error"], rows, words=2
    )


def calibration_fields(found: "Calibration", answers: "Mapping[str, Answers]") -> dict[str, Any]:
    """The same for programs: scale → judgments → curve, log loss and calibration error."""
    from embeddings.ranking.calibration import calibration_error, log_loss, reliability  # loads numpy

    return {
        str(scale): {
            name: {
                "questions": len(answered),
                **asdict(curve),
                "log_loss": round(log_loss(curve, answered), 4),
                "calibration_error": round(calibration_error(reliability(curve, answered)), 4),
            }
            for name, scales in answers.items()
            if (answered := scales.get(scale))
        }
        for scale in Scale
        if (curve := found.curve(scale)) is not None
    }
