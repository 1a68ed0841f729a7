"""What every `VectorIndex` promises. A new engine is one more entry of `ENGINES`."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.indexes.base import NO_ROW, VectorIndex
from embeddings.indexes.faiss import assembler
from embeddings.indexes.faiss.vector_index import FaissVectorIndex
from tests.indexes.masks import excluding
from tests.indexes.test_faiss_index import unit_rows

DIMENSION = 16

Make = Callable[[NDArray[np.float32]], VectorIndex]
"""Indexes unit rows without papers: rows may be excluded."""


def faiss(factory: str, vectors: NDArray[np.float32]) -> VectorIndex:
    built = assembler.build(vectors, factory)
    return FaissVectorIndex(built, vectors, excluding(len(vectors)))


ENGINES: dict[str, Make] = {"faiss exact": partial(faiss, "Flat"), "faiss graph": partial(faiss, "HNSW8")}


@pytest.fixture(params=ENGINES)
def make(request: pytest.FixtureRequest) -> Make:
    return ENGINES[request.param]


patient = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@patient
@given(rng_seed=st.integers(0, 1000), count=st.integers(1, 300), top_k=st.integers(1, 320))
def test_nearest_agrees_with_numpy(make: Make, rng_seed: int, count: int, top_k: int) -> None:
    vectors, queries = unit_rows(rng_seed, count, DIMENSION), unit_rows(rng_seed + 1, 3, DIMENSION)
    found = make(vectors).nearest(queries, top_k)
    assert found.rows.shape == found.similarity.shape == (3, min(top_k, count))
    expected = -np.sort(-queries @ vectors.T, axis=1)[:, :top_k]
    np.testing.assert_allclose(found.similarity, expected, atol=1e-5)
    chosen = np.take_along_axis(queries @ vectors.T, found.rows, axis=1)
    np.testing.assert_allclose(found.similarity, chosen, atol=1e-5)
    assert all(len(set(row.tolist())) == len(row) for row in found.rows)


@patient
@given(rng_seed=st.integers(0, 1000), count=st.integers(2, 200), fraction=st.floats(0, 1))
def test_excluded_rows_are_never_found_and_all_others_are(
    make: Make, rng_seed: int, count: int, fraction: float
) -> None:
    vectors, query = unit_rows(rng_seed, count, DIMENSION), unit_rows(rng_seed + 1, 1, DIMENSION)
    exclude = np.flatnonzero(np.random.default_rng(rng_seed).random(count) < fraction).tolist()
    found = make(vectors).nearest(query, count, exclude=exclude)
    known = found.rows[0] != NO_ROW
    assert sorted(found.rows[0][known].tolist()) == sorted(set(range(count)) - set(exclude))
    assert np.all(np.isneginf(found.similarity[0][~known])) and not np.any(known[int(known.sum()) :])


@patient
@given(rng_seed=st.integers(0, 1000), shallow=st.integers(1, 50), more=st.integers(1, 150))
def test_a_larger_top_k_extends_the_answer(make: Make, rng_seed: int, shallow: int, more: int) -> None:
    vectors, query = unit_rows(rng_seed, 200, DIMENSION), unit_rows(rng_seed + 1, 1, DIMENSION)
    vectors[20:40] = vectors[:20]  # ties
    index = make(vectors)
    first, second = index.nearest(query, shallow), index.nearest(query, shallow + more)
    np.testing.assert_array_equal(second.rows[:, :shallow], first.rows)
    # The same computation for each row, so equal to the last bit on one machine
    np.testing.assert_array_equal(second.similarity[:, :shallow], first.similarity)


def test_ties_are_in_ascending_order_of_rows(make: Make) -> None:
    vectors = np.repeat(unit_rows(1, 2, DIMENSION), 20, axis=0)
    found = make(vectors).nearest(vectors[:1], 20)
    assert found.rows[0].tolist() == list(range(20))


def test_vectors_are_those_that_were_indexed(make: Make) -> None:
    vectors = unit_rows(1, 50, DIMENSION)
    index = make(vectors)
    np.testing.assert_array_equal(index.vectors([3, 3, 49]), vectors[[3, 3, 49]])
    assert len(index) == 50 and index.dimension == DIMENSION


def test_a_query_of_another_dimension_names_both(make: Make) -> None:
    with pytest.raises(ValueError, match=r"\(1, 15\).*\(16,\)"):
        make(unit_rows(1, 5, DIMENSION)).nearest(unit_rows(1, 1, 15), 1)
