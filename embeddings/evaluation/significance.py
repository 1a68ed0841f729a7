"""Bootstrap confidence intervals of means, and paired bootstrap tests. Pure.

Queries are resampled with replacement (Efron and Tibshirani 1993, An Introduction to the Bootstrap). The generator's
seed is fixed, so that results are reproducible and all systems with n queries are compared on the same samples.
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
        low: Lower end of its 95 % confidence interval.
        high: Upper end.
    """

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean difference between two systems on the same queries.

    Attributes:
        mean: Mean of the first minus the second.
        low: Lower end of its 95 % confidence interval.
        high: Upper end.
        p: Two-sided p-value, in (0, 1].
    """

    mean: float
    low: float
    high: float
    p: float


def estimate(values: NDArray[np.float64]) -> Estimate:
    """Compute the mean and its percentile interval (Efron and Tibshirani 1993, section 13.3).

    Args:
        values: Shape (n,), one value a query, n at least 1.
    """
    low, high = _interval(np.fromiter(_sample_means(values), dtype=np.float64))
    return Estimate(float(values.mean()), low, high)


def difference(first: NDArray[np.float64], second: NDArray[np.float64]) -> Difference:
    """Test the mean difference of two systems with the paired bootstrap.

    The differences are shifted to mean 0; p is the fraction of samples whose mean is at least as far from 0 as the
    observed mean (Efron and Tibshirani 1993, section 16.4; for retrieval, Sakai 2006). The observed mean counts as one
    of the samples, so that p is never 0 (Davison and Hinkley 1997, section 4.2).

    Args:
        first: Shape (n,), one value a query.
        second: Shape (n,), for the same queries in the same order.
    """
    differences = first - second
    mean = float(differences.mean())
    means = np.fromiter(_sample_means(differences), dtype=np.float64)
    low, high = _interval(means)
    extreme = np.count_nonzero(np.abs(means - mean) >= abs(mean) - 1e-12)
    return Difference(mean, low, high, (extreme + 1) / (SAMPLES + 1))


def _sample_means(values: NDArray[np.float64]) -> Iterator[float]:
    generator = np.random.default_rng(0)
    for _ in range(SAMPLES):
        yield values[generator.integers(len(values), size=len(values))].mean()


def _interval(means: NDArray[np.float64]) -> tuple[float, float]:
    tail = 50 * (1 - CONFIDENCE)  # percent
    low, high = np.percentile(means, (tail, 100 - tail))
    return float(low), float(high)
