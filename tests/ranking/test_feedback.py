"""Pseudo-relevance feedback moves a query towards what it found."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from embeddings.ranking.stages.feedback import expanded
from tests.indexes.test_faiss_index import unit_rows


@given(st.integers(0, 1000), st.integers(1, 5))
def test_feedback_moves_a_query_towards_what_it_found(rng_seed: int, found: int) -> None:
    query, papers = unit_rows(rng_seed, 1)[0], unit_rows(rng_seed + 1, found)
    moved = expanded(query, papers, 0.5)
    expected = query + 0.5 * papers.mean(axis=0)
    np.testing.assert_allclose(moved, expected / np.linalg.norm(expected), atol=1e-5)
    assert moved @ papers.mean(axis=0) >= query @ papers.mean(axis=0) - 1e-6


def test_what_is_the_opposite_of_the_query_does_not_cancel_it_out() -> None:
    query = unit_rows(1, 1)[0]
    np.testing.assert_allclose(expanded(query, -query[None], 0.5), query, atol=1e-6)
