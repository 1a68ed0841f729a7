"""The door to matplotlib: scorecards as pictures."""

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
    """Refuse before the work what could not be drawn after it.

    Raises:
        InvalidOption: The file is of another kind, or there is not one collection and two modes.
        MissingExtra: matplotlib is not installed.
    """
    if path.suffix.lower() not in _FORMATS:
        raise InvalidOption(
            f"--plot {path} is of no kind that can be drawn; name it {path.stem}.svg or {path.stem}.png"
        )
    if len(collections) != 1 or len(modes) < 2:
        raise InvalidOption("--plot compares two modes on one --collection; add --baseline dense, for example")
    try:
        import matplotlib.figure  # noqa: F401 - whether it can be
    except ImportError:
        raise MissingExtra(
            "drawing needs a package that is not installed: pip install 'related-papers[evaluation]'"
        ) from None


def differences(report: EvaluationReport, path: Path) -> None:
    """Draw how much better or worse each mode answers each query than the baseline does, in order.

    Raises:
        InvalidOption: There was only one mode: the queries are all by paper.
    """
    from matplotlib.figure import Figure

    others = [mode for mode in report.modes if mode != report.baseline]
    if report.baseline is None:
        raise InvalidOption(
            f"the queries of {report.name} are all by paper, and were asked in one mode; nothing to draw"
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
        axis.set_xlabel("queries, in order of the difference")
        axis.set_ylim(-1, 1)
        axis.axhline(float(bars.mean()), linewidth=0.8, linestyle="--", color="black")
    figure.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)


def reliability(panels: Mapping[str, Mapping[str, Sequence[Bin]]], path: Path) -> None:
    """Draw reliability diagrams side by side: how many hits were related, of those said to be so probably."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4 * len(panels), 4), layout="constrained")
    for axis, (title, curves) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        axis.plot([0, 1], [0, 1], linewidth=0.8, linestyle="--", color="black")
        for name, bins in curves.items():
            axis.plot([each.said for each in bins], [each.was for each in bins], marker="o", markersize=3, label=name)
        axis.set(title=title, xlabel="probability said", ylabel="share related", xlim=(0, 1), ylim=(0, 1))
        axis.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)


def growth(curves: Mapping[str, Sequence[tuple[int, float]]], across: str, up: str, path: Path) -> None:
    """Draw how something grows with the corpus, both axes logarithmic."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axis = figure.subplots()
    for name, points in curves.items():
        axis.plot([x for x, _ in points], [y for _, y in points], marker="o", markersize=4, label=name)
    axis.set(xlabel=across, ylabel=up, xscale="log", yscale="log")
    axis.legend(loc="upper left", frameon=False, fontsize="small")
    figure.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)
