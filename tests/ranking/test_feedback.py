"""Several examples make one query vector."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.ranking.feedback import FEEDBACK_WEIGHT, combine, towards
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


@given(st.integers(0, 1000), st.integers(1, 5))
def test_feedback_moves_a_query_towards_what_it_found(rng_seed: int, found: int) -> None:
    query, papers = unit_rows(rng_seed, 1)[0], unit_rows(rng_seed + 1, found)
    moved = towards(query, papers)
    expected = query + FEEDBACK_WEIGHT * papers.mean(axis=0)
    np.testing.assert_allclose(moved, expected / np.linalg.norm(expected), atol=1e-5)
    assert moved @ papers.mean(axis=0) >= query @ papers.mean(axis=0) - 1e-6


def test_what_is_the_opposite_of_the_query_does_not_cancel_it_out() -> None:
    query = unit_rows(1, 1)[0]
    np.testing.assert_allclose(towards(query, -query[None]), query, atol=1e-6)
