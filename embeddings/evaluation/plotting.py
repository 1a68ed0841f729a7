"""Plots evaluation reports and benchmark results. The only module that imports matplotlib."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from embeddings.errors import InvalidOption, MissingExtra
from embeddings.evaluation.report import EvaluationReport
from embeddings.queries import Mode
from embeddings.ranking.calibration import Bin

MEASURE = "nDCG@10"
_FORMATS = (".png", ".svg")


def check(path: Path, collections: Collection[Path], modes: Collection[Mode]) -> None:
    """Check that a plot can be drawn, before the evaluation runs.

    Raises:
        InvalidOption: The file's format is not supported, there is not exactly one collection, or fewer than two modes.
        MissingExtra: matplotlib is not installed.
    """
    if path.suffix.lower() not in _FORMATS:
        raise InvalidOption(f"--plot {path} has an unsupported format; use {path.stem}.svg or {path.stem}.png")
    if len(collections) != 1 or len(modes) < 2:
        raise InvalidOption("--plot needs one --collection and at least two modes; add --baseline dense, for example")
    try:
        import matplotlib.figure  # noqa: F401 - checks that it is installed
    except ImportError:
        raise MissingExtra("plotting needs the package matplotlib: pip install 'related-papers[evaluation]'") from None


def differences(report: EvaluationReport, path: Path) -> None:
    """Plot the difference of nDCG@10 between each mode and the baseline, sorted, one bar a query.

    Raises:
        InvalidOption: The report has only one mode, because all queries are by paper.
    """
    from matplotlib.figure import Figure

    others = [mode for mode in report.modes if mode != report.baseline]
    if report.baseline is None:
        raise InvalidOption(
            f"all queries of {report.name} are by paper, and were run in one mode; there is nothing to plot"
        )
    figure = Figure(figsize=(8, 3 * len(others)), layout="constrained")
    axes = figure.subplots(len(others), 1, squeeze=False)[:, 0]
    base = report.modes[report.baseline].values[MEASURE]
    for axis, mode in zip(axes, others, strict=True):
        bars = np.sort(report.modes[mode].values[MEASURE] - base)[::-1]
        axis.bar(np.arange(len(bars)), bars, width=1.0, color=np.where(bars >= 0, "#1b7837", "#762a83"))
        better, worse = int((bars > 0).sum()), int((bars < 0).sum())
        axis.set_title(
            f"{report.name}: {mode} better for {better}, equal for {len(bars) - better - worse}, worse for {worse}"
        )
        axis.set_ylabel(f"{MEASURE}, {mode} minus {report.baseline}")
        axis.set_xlabel("queries, sorted by difference")
        axis.set_ylim(-1, 1)
        axis.axhline(float(bars.mean()), linewidth=0.8, linestyle="--", color="black")
    figure.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)


def reliability(panels: Mapping[str, Mapping[str, Sequence[Bin]]], path: Path) -> None:
    """Plot reliability diagrams side by side: observed fraction of relevant hits against predicted probability."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4 * len(panels), 4), layout="constrained")
    for axis, (title, curves) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        axis.plot([0, 1], [0, 1], linewidth=0.8, linestyle="--", color="black")
        for name, bins in curves.items():
            axis.plot([each.said for each in bins], [each.was for each in bins], marker="o", markersize=3, label=name)
        axis.set(title=title, xlabel="predicted probability", ylabel="observed fraction", xlim=(0, 1), ylim=(0, 1))
        axis.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)


def growth(curves: Mapping[str, Sequence[tuple[int, float]]], across: str, up: str, path: Path) -> None:
    """Plot curves of a quantity against another, such as the corpus size, on logarithmic axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axis = figure.subplots()
    for name, points in curves.items():
        axis.plot([x for x, _ in points], [y for _, y in points], marker="o", markersize=4, label=name)
    axis.set(xlabel=across, ylabel=up, xscale="log", yscale="log")
    axis.legend(loc="upper left", frameon=False, fontsize="small")
    figure.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)
