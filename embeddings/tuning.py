"""How much effort a search needs: measured points, and the cheapest of them that finds enough. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

# Reading one vector and comparing it exactly takes about as long as comparing so many codes
# (benchmarks/dense_scale.py: 0.6 µs and 20 ns)
_CODES_A_VECTOR = 30

# Candidates compared exactly, for each answer
REFINES = (1, 2, 4, 8, 16)

Measure: TypeAlias = Callable[[int, int], float]
"""Effort and refine → index recall."""


@dataclass(frozen=True, slots=True)
class Point:
    """A way to search, and what it finds.

    Attributes:
        effort: See `IndexSpec`.
        refine: See `IndexSpec`.
        recall: Index recall@k.
        cost: How much is compared, in codes. Counted, not timed: equal builds must choose alike, or one corpus would
            have several snapshots.
    """

    effort: int
    refine: int
    recall: float
    cost: float


def efforts(least: int, most: int) -> list[int]:
    """What to try: each about a fifth more than the one before, up to `most`."""
    tried = [min(least, most)]
    while tried[-1] < most:
        tried.append(min(most, max(tried[-1] + 1, round(tried[-1] * 1.2))))
    return tried


def cost(effort: int, refine: int, *, codes_an_effort: float, answers: int) -> float:
    """What one query compares, in codes."""
    return effort * codes_an_effort + refine * answers * _CODES_A_VECTOR


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
            if point.recall >= wanted:
                high = middle - 1
            else:
                low = middle + 1
    return points


def cheapest(points: Sequence[Point], wanted: float) -> Point:
    """The point of least cost that finds enough; if none does, the one that finds most."""
    enough = [point for point in points if point.recall >= wanted]
    if enough:
        return min(enough, key=lambda point: (point.cost, point.effort))
    return min(points, key=lambda point: (-point.recall, point.cost))


def front(points: Iterable[Point]) -> list[Point]:
    """Those that nothing cheaper equals (Pareto), cheapest first."""
    best: list[Point] = []
    for point in sorted(points, key=lambda point: (point.cost, -point.recall)):
        if not best or point.recall > best[-1].recall:
            best.append(point)
    return best
