"""Precomputed neighbours are the best of the exact ones, and duplicates are grouped as pairs connect."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.build.neighbours import NEIGHBOURS, DuplicateGroups, neighbours
from embeddings.indexes.faiss import faiss_index
from embeddings.ranking.fusion import RELATED_CANDIDATES, alike
from embeddings.ranking.smoothing import smooth
from tests.indexes.test_faiss_index import unit_rows

ENGLISH = np.full(3_000, b"en", dtype="S8")


def by_number(row: int, others: NDArray[np.int64]) -> NDArray[np.float32]:
    """Papers with numbers alike share words."""
    return np.asarray((others % 7 == row % 7) * 0.3 + (others % 11) / 20, dtype=np.float32)


@settings(deadline=None)  # up to 130 searches and orders
@given(st.integers(0, 1000), st.integers(1, 130))
def test_neighbours_agree_with_numpy_and_leave_out_the_row_itself(rng_seed: int, count: int) -> None:
    embeddings = unit_rows(rng_seed, count)
    blocks = list(neighbours(faiss_index.build(embeddings, "Flat"), embeddings, by_number, ENGLISH[:count]))
    rows, scores, relevance = (np.concatenate(column) for column in zip(*blocks, strict=True))
    exact = embeddings @ embeddings.T
    np.fill_diagonal(exact, -np.inf)
    width = min(NEIGHBOURS, count - 1)
    assert rows.shape == scores.shape == relevance.shape == (count, width)
    np.testing.assert_allclose(scores, np.take_along_axis(exact, rows.astype(np.int64), axis=1), atol=1e-5)
    assert np.all(np.diff(relevance) <= 0)
    assert all(row not in line for row, line in enumerate(rows.tolist()))
    assert all(len(set(line)) == width for line in rows.tolist())
    for row in range(0, count, 10):
        near = np.argsort(-exact[row], kind="stable")[: min(RELATED_CANDIDATES, count - 1)]
        weighed = smooth(alike(exact[row, near], by_number(row, near)), embeddings[near])
        np.testing.assert_allclose(relevance[row], -np.sort(-weighed)[:width], atol=1e-5)


def test_a_twin_does_not_push_a_row_into_its_own_list() -> None:
    embeddings = unit_rows(3, 130)
    embeddings[65] = embeddings[0]
    rows, scores, _ = next(
        iter(neighbours(faiss_index.build(embeddings, "Flat"), embeddings, by_number, ENGLISH[:130]))
    )
    assert all(row not in line for row, line in enumerate(rows.tolist()))
    assert scores[0][rows[0] == 65] == pytest.approx(1) and scores[65][rows[65] == 0] == pytest.approx(1)


def test_an_approximate_index_gives_exact_scores_of_what_it_finds() -> None:
    embeddings = unit_rows(7, 3_000)
    rows, scores, relevance = next(
        iter(neighbours(faiss_index.build(embeddings, "IVF64,SQ8"), embeddings, by_number, ENGLISH))
    )
    for i in range(0, 1024, 100):
        known = rows[i] != faiss_index.NO_HIT
        np.testing.assert_allclose(scores[i][known], embeddings[rows[i][known]] @ embeddings[i], atol=1e-5)
        assert np.all(np.diff(relevance[i][known]) <= 0)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=30))
def test_groups_are_the_connected_components(pairs: list[tuple[int, int]]) -> None:
    groups = DuplicateGroups(0.9)
    for one, other in pairs:
        groups.add(one, np.array([[other]], dtype=np.int32), np.array([[0.95]], dtype=np.float32))
    component = {row: {row} for pair in pairs for row in pair}
    for one, other in pairs:
        merged = component[one] | component[other]
        for row in merged:
            component[row] = merged
    assert groups.groups() == {row: min(members) for row, members in component.items()}


def test_pairs_below_the_threshold_stay_apart() -> None:
    groups = DuplicateGroups(0.9)
    groups.add(0, np.array([[1, 2]], dtype=np.int32), np.array([[0.95, 0.89]], dtype=np.float32))
    assert groups.groups() == {0: 0, 1: 0}


def test_translations_are_joined_only_if_each_is_the_others_nearest() -> None:
    everywhere = np.array([[True]])
    groups = DuplicateGroups(0.95, 0.8)
    for row, nearest, score in ((0, 2, 0.9), (1, 2, 0.85), (2, 0, 0.9), (3, 4, 0.79), (4, 3, 0.79)):
        groups.add(row, np.array([[nearest]], np.int32), np.array([[score]], np.float32), everywhere)
    assert groups.groups() == {0: 0, 2: 0}


def test_what_is_as_near_in_the_same_language_is_no_translation() -> None:
    groups = DuplicateGroups(0.95, 0.8)
    for row, other in ((0, 1), (1, 0)):
        groups.add(row, np.array([[other]], np.int32), np.array([[0.9]], np.float32), np.array([[False]]))
    assert groups.groups() == {}
