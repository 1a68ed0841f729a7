"""How sure a mean over queries is, and a difference of two: the bootstrap. Pure.

Queries are drawn with replacement (Efron and Tibshirani 1993, An Introduction to the Bootstrap). The same number of
queries draws the same samples, so that results can be repeated, and two systems are compared on the same draws.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAMPLES = 5_000
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over queries.

    Attributes:
        mean: The mean.
        low: Lower end of its 95 % interval.
        high: Upper end.
    """

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean difference of two systems on the same queries.

    Attributes:
        mean: The mean difference, of the first minus the second.
        low: Lower end of its 95 % interval.
        high: Upper end.
        p: How often chance alone gives so large a difference, either way, in (0, 1].
    """

    mean: float
    low: float
    high: float
    p: float


def estimate(values: NDArray[np.float64]) -> Estimate:
    """Mean with its percentile interval (Efron and Tibshirani 1993, section 13.3).

    Args:
        values: Shape (n,), one a query, n at least 1.
    """
    low, high = _interval(np.fromiter(_means(values), dtype=np.float64))
    return Estimate(float(values.mean()), low, high)


def difference(first: NDArray[np.float64], second: NDArray[np.float64]) -> Difference:
    """Compare two systems query by query.

    The test shifts the differences to mean 0 and counts how often a sample's mean is as far from 0 as the one that was
    seen: the paired bootstrap test (Efron and Tibshirani 1993, section 16.4; for retrieval, Sakai 2006). The one that
    was seen counts as a sample too, so that p is never 0 (Davison and Hinkley 1997, section 4.2).

    Args:
        first: Shape (n,), one value a query.
        second: Shape (n,), of the same queries in the same order.
    """
    differences = first - second
    mean = float(differences.mean())
    means = np.fromiter(_means(differences), dtype=np.float64)
    low, high = _interval(means)
    as_far = np.count_nonzero(np.abs(means - mean) >= abs(mean) - 1e-12)
    return Difference(mean, low, high, (as_far + 1) / (SAMPLES + 1))


def _means(values: NDArray[np.float64]) -> Iterator[float]:
    generator = np.random.default_rng(0)
    for _ in range(SAMPLES):
        yield values[generator.integers(len(values), size=len(values))].mean()


def _interval(means: NDArray[np.float64]) -> tuple[float, float]:
    beyond = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(means, (beyond, 100 - beyond))
    return float(low), float(high)
