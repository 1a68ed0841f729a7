"""Tunes search effort: measures settings, and selects the cheapest that reaches a wanted recall. Pure."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

# Reading a vector and comparing it exactly takes about as long as comparing this many codes
# (docs/decisions/0012: 0.9 µs and 10 ns)
CODES_A_VECTOR = 90

# Candidates compared exactly for each hit: values to try
REFINES = (1, 2, 4, 8, 16, 32)

Measure: TypeAlias = Callable[[int, int], "Recall"]
"""Effort and refine → index recall."""

_NEARLY = 0.005
_SURE = 1.645  # standard errors: one-sided 95 % quantile of the normal distribution


class Recall(NamedTuple):
    """Index recall@k on a sample.

    Attributes:
        mean: Of the sample.
        least: Lower bound of the mean over all queries, with 95 % confidence. Selecting by the sample mean would be
            optimistic: the least effort that suffices for one sample seldom suffices for the next.
    """

    mean: float
    least: float


def estimate(recalls: NDArray[np.float32]) -> Recall:
    """Estimate the mean recall of all queries from a sample, with a confidence bound.

    Args:
        recalls: Shape (m,), m at least 1: recall of each query, in [0, 1].
    """
    mean = float(recalls.mean())
    return Recall(mean, mean - _SURE * float(recalls.std()) / math.sqrt(len(recalls)))


@dataclass(frozen=True, slots=True)
class Point:
    """A setting of the search, measured.

    Attributes:
        effort: See `IndexSpec`.
        refine: See `IndexSpec`.
        recall: Measured index recall.
        cost: Comparisons, in codes. Counted, not timed, so that equal builds select equal settings and give equal
            snapshots.
    """

    effort: int
    refine: int
    recall: Recall
    cost: float


def efforts(least: int, most: int) -> list[int]:
    """Efforts to try: each about a fifth more than the one before, up to `most`."""
    tried = [min(least, most)]
    while tried[-1] < most:
        tried.append(min(most, max(tried[-1] + 1, round(tried[-1] * 1.2))))
    return tried


def cost(effort: int, refine: int, *, codes_an_effort: float, answers: int) -> float:
    """Comparisons of one query, in codes."""
    return effort * codes_an_effort + refine * answers * CODES_A_VECTOR


def explore(
    measure: Measure, cost_of: Callable[[int, int], float], tried: Sequence[int], refines: Iterable[int], wanted: float
) -> list[Point]:
    """Find, for each refine, the least effort that reaches the wanted recall.

    Recall grows with the effort, so the least effort is found by bisection. The points measured on the way are
    returned too; they show how recall depends on cost.

    Args:
        measure: Measures one setting.
        cost_of: Effort and refine → cost.
        tried: Efforts to choose from, ascending.
        refines: Refines to choose from.
        wanted: Index recall@k, in [0, 1].
    """
    points = []
    for refine in refines:
        low, high = 0, len(tried) - 1
        while low <= high:
            middle = (low + high) // 2
            effort = tried[middle]
            point = Point(effort, refine, measure(effort, refine), cost_of(effort, refine))
            points.append(point)
            if point.recall.least >= wanted:
                high = middle - 1
            else:
                low = middle + 1
    return points


def cheapest(points: Sequence[Point], wanted: float) -> Point:
    """The cheapest point that reaches the wanted recall; if none does, the cheapest within 0.005 of the best recall."""
    most = max(point.recall.mean for point in points)
    enough = [point for point in points if point.recall.least >= wanted]
    nearly = [point for point in points if point.recall.mean >= most - _NEARLY]
    return min(enough or nearly, key=lambda point: (point.cost, point.effort))


def front(points: Iterable[Point]) -> list[Point]:
    """The Pareto front of recall and cost, cheapest first."""
    best: list[Point] = []
    for point in sorted(points, key=lambda point: (point.cost, -point.recall.mean)):
        if not best or point.recall.mean > best[-1].recall.mean:
            best.append(point)
    return best
