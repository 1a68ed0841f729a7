"""The bootstrap agrees with scipy's, and satisfies the laws of intervals and tests."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from embeddings.evaluation.significance import difference, estimate

scores = st.lists(st.floats(0, 1), min_size=1, max_size=30).map(np.array)


def sample(seed: int, shift: float = 0.0) -> NDArray[np.float64]:
    return np.clip(np.random.default_rng(seed).beta(2, 2, size=80) + shift, 0, 1)


def test_the_interval_is_scipys_percentile_interval() -> None:
    values = sample(1)
    found = estimate(values)
    expected = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=20_000, rng=2).confidence_interval
    assert found.mean == pytest.approx(values.mean())
    assert [found.low, found.high] == pytest.approx([expected.low, expected.high], abs=0.004)


@pytest.mark.parametrize("shift", [0.0, 0.03, 0.06])
def test_p_is_close_to_that_of_the_paired_t_test(shift: float) -> None:
    first = sample(1, shift)
    second = np.clip(sample(1) + np.random.default_rng(3).normal(0, 0.15, size=80), 0, 1)
    assert difference(first, second).p == pytest.approx(stats.ttest_rel(first, second).pvalue, abs=0.03)


@settings(max_examples=20)
@given(scores)
def test_a_system_does_not_differ_from_itself(values: NDArray[np.float64]) -> None:
    found = difference(values, values)
    assert (found.mean, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)


@settings(max_examples=20)
@given(scores)
def test_the_interval_lies_within_the_values_and_is_reproducible(values: NDArray[np.float64]) -> None:
    found = estimate(values)
    assert values.min() - 1e-9 <= found.low <= found.high <= values.max() + 1e-9
    assert found == estimate(values)
