"""Laws of smoothing, for any relevance of any vectors."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.ranking.smoothing import NEAREST, WEIGHT, smooth
from tests.indexes.test_faiss_index import unit_rows

counts = st.integers(1, 60)
seeds = st.integers(0, 1000)


def relevance(rng_seed: int, count: int) -> NDArray[np.float32]:
    return np.random.default_rng(rng_seed).uniform(-1, 1, count).astype(np.float32)


@settings(deadline=None)  # plain Python, pair by pair
@given(rng_seed=seeds, count=counts)
def test_smoothing_agrees_with_the_formula(rng_seed: int, count: int) -> None:
    given_, vectors = relevance(rng_seed, count), unit_rows(rng_seed, count)
    smoothed = smooth(given_, vectors)
    for i in range(count):
        others = sorted((j for j in range(count) if j != i), key=lambda j: -float(vectors[i] @ vectors[j]))[:NEAREST]
        weights = [WEIGHT * max(float(vectors[i] @ vectors[j]), 0) ** 2 for j in others]
        drawn = sum(weight * float(given_[j]) for weight, j in zip(weights, others, strict=True))
        assert abs(smoothed[i] - (given_[i] + drawn) / (1 + sum(weights))) < 1e-5


@given(rng_seed=seeds, count=counts)
def test_what_comes_out_lies_within_what_went_in_whatever_the_order(rng_seed: int, count: int) -> None:
    given_, vectors = relevance(rng_seed, count), unit_rows(rng_seed, count)
    smoothed = smooth(given_, vectors)
    assert smoothed.dtype == np.float32 and smoothed.shape == (count,)
    assert np.all(smoothed >= given_.min() - 1e-6) and np.all(smoothed <= given_.max() + 1e-6)
    order = np.random.default_rng(rng_seed + 1).permutation(count)
    np.testing.assert_allclose(smooth(given_[order], vectors[order]), smoothed[order], atol=1e-5)


def test_a_candidate_unlike_all_others_keeps_what_it_has() -> None:
    np.testing.assert_array_equal(smooth(relevance(0, 30), np.eye(30, dtype=np.float32)), relevance(0, 30))


def test_of_two_equals_the_one_in_better_company_wins() -> None:
    vectors = np.eye(4, dtype=np.float32)
    vectors[1], vectors[3] = vectors[0], vectors[2]
    smoothed = smooth(np.array([0.5, 0.9, 0.5, 0.1], dtype=np.float32), vectors)
    assert smoothed[0] > 0.5 > smoothed[2]


def test_nothing_and_one_alone_stay_as_they_are() -> None:
    assert smooth(relevance(0, 0), unit_rows(0, 1)[:0]).shape == (0,)
    np.testing.assert_array_equal(smooth(relevance(0, 1), unit_rows(0, 1)), relevance(0, 1))
