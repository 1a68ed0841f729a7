"""Several examples make one query vector."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.indexes.base import TermVector
from embeddings.ranking.rocchio import combine, combine_terms
from tests.indexes.test_faiss_index import unit_rows

NONE = np.empty((0, 16), dtype=np.float32)


def test_one_wanted_example_is_the_query_itself() -> None:
    example = unit_rows(1, 1)
    np.testing.assert_allclose(combine(example, NONE), example[0], atol=1e-6)


@given(st.integers(0, 1000), st.integers(1, 5), st.integers(0, 5))
def test_the_formula_of_rocchio(rng_seed: int, wanted: int, unwanted: int) -> None:
    positive, negative = unit_rows(rng_seed, wanted), unit_rows(rng_seed + 1, unwanted) if unwanted else NONE
    expected = 0.75 * positive.mean(axis=0) - (0.15 * negative.mean(axis=0) if unwanted else 0)
    np.testing.assert_allclose(combine(positive, negative), expected / np.linalg.norm(expected), atol=1e-5)


def test_examples_that_cancel_out_have_no_direction() -> None:
    example = unit_rows(1, 1)
    with pytest.raises(ValueError, match="cancel each other out"):
        combine(np.concatenate([example, -example]), NONE)


def weighted(rng_seed: int) -> TermVector:
    random = np.random.default_rng(rng_seed)
    terms = np.flatnonzero(random.random(12) < 0.5).astype(np.int32)
    weights = random.random(len(terms)).astype(np.float32) + np.float32(0.01)
    return TermVector(terms, weights / np.float32(np.linalg.norm(weights) or 1))


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=4), st.lists(st.integers(1001, 2000), max_size=3))
def test_terms_are_combined_by_the_same_formula(wanted: list[int], unwanted: list[int]) -> None:
    dense = np.zeros(12)
    for seeds, factor in ((wanted, 0.75), (unwanted, -0.15)):
        for each in seeds:
            vector = weighted(each)
            dense[vector.terms] += factor * vector.weights / len(seeds)
    expected = np.maximum(dense, 0)
    expected /= np.linalg.norm(expected) or 1
    found = combine_terms([weighted(each) for each in wanted], [weighted(each) for each in unwanted])
    combined = np.zeros(12)
    combined[found.terms] = found.weights
    np.testing.assert_allclose(combined, expected, atol=1e-5)
    assert np.all(np.diff(found.terms) > 0) and np.all(found.weights > 0)
