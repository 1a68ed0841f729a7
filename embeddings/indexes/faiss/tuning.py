"""How much effort a search needs: measured points, and the cheapest of them that finds enough. Pure."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

# Reading one vector and comparing it exactly takes about as long as comparing so many codes
# (docs/decisions/0012: 0.9 µs and 10 ns)
CODES_A_VECTOR = 90

# Candidates compared exactly, for each answer
REFINES = (1, 2, 4, 8, 16, 32)

Measure: TypeAlias = Callable[[int, int], "Recall"]
"""Effort and refine → index recall."""

_NEARLY = 0.005
_SURE = 1.645  # standard errors that 95 of 100 samples stay below (normal distribution, one-sided)


class Recall(NamedTuple):
    """Index recall@k on a sample.

    Attributes:
        mean: Of the sample.
        least: What other queries reach too, with 95 % confidence. To choose by the mean would choose by luck, too: the
            least effort that is enough for a sample is seldom enough for the next one.
    """

    mean: float
    least: float


def surely(recalls: NDArray[np.float32]) -> Recall:
    """What a sample says of all queries.

    Args:
        recalls: Shape (m,), m at least 1: of each query, in [0, 1].
    """
    mean = float(recalls.mean())
    return Recall(mean, mean - _SURE * float(recalls.std()) / math.sqrt(len(recalls)))


@dataclass(frozen=True, slots=True)
class Point:
    """A way to search, and what it finds.

    Attributes:
        effort: See `IndexSpec`.
        refine: See `IndexSpec`.
        recall: What it finds.
        cost: How much is compared, in codes. Counted, not timed: equal builds must choose alike, or one corpus would
            have several snapshots.
    """

    effort: int
    refine: int
    recall: Recall
    cost: float


def efforts(least: int, most: int) -> list[int]:
    """What to try: each about a fifth more than the one before, up to `most`."""
    tried = [min(least, most)]
    while tried[-1] < most:
        tried.append(min(most, max(tried[-1] + 1, round(tried[-1] * 1.2))))
    return tried


def cost(effort: int, refine: int, *, codes_an_effort: float, answers: int) -> float:
    """What one query compares, in codes."""
    return effort * codes_an_effort + refine * answers * CODES_A_VECTOR


def explore(
    measure: Measure, cost_of: Callable[[int, int], float], tried: Sequence[int], refines: Iterable[int], wanted: float
) -> list[Point]:
    """Measure until the wanted recall is reached, for each refine the least effort that does.

    Recall grows with the effort, so the least that is enough is found by bisection; and what is found with less is the
    rest of the picture.

    Args:
        measure: Measures one way to search.
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
    """The point of least cost that finds enough; if none does, the cheapest that finds nearly as much as any."""
    most = max(point.recall.mean for point in points)
    enough = [point for point in points if point.recall.least >= wanted]
    nearly = [point for point in points if point.recall.mean >= most - _NEARLY]
    return min(enough or nearly, key=lambda point: (point.cost, point.effort))


def front(points: Iterable[Point]) -> list[Point]:
    """Those that nothing cheaper equals (Pareto), cheapest first."""
    best: list[Point] = []
    for point in sorted(points, key=lambda point: (point.cost, -point.recall.mean)):
        if not best or point.recall.mean > best[-1].recall.mean:
            best.append(point)
    return best
