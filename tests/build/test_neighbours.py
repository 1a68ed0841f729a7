"""Stored neighbours are those of the ranking pipeline, and duplicates are grouped as pairs connect."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.build.neighbours import NEIGHBOURS, CorpusData, DuplicateGroups, neighbours
from embeddings.indexes.base import NO_ROW
from embeddings.indexes.bm25 import lexical_index
from embeddings.indexes.faiss import assembler
from embeddings.indexes.faiss.vector_index import FaissVectorIndex
from embeddings.ranking.stages.smoothing import smooth
from tests.indexes.test_faiss_index import unit_rows

CANDIDATES = 100


def corpus(folder: Path, vectors: NDArray[np.float32], factory: str = "Flat") -> CorpusData:
    """Papers whose terms repeat every seven rows."""
    count = len(vectors)
    lexical_index.build([[f"t{row % 7}", f"u{row % 11}", "all"] for row in range(count)], count, folder)
    return CorpusData(
        FaissVectorIndex(assembler.build(vectors, factory), vectors),
        lexical_index.Bm25Index.load(folder),
        np.zeros(vectors.shape, dtype=np.int8),
        np.full(count, b"en", dtype="S8"),
    )


@settings(deadline=None, max_examples=25)  # up to 130 searches and orders
@given(rng_seed=st.integers(0, 1000), count=st.integers(1, 130))
def test_neighbours_agree_with_numpy_and_leave_out_the_row_itself(
    tmp_path_factory: pytest.TempPathFactory, rng_seed: int, count: int
) -> None:
    vectors = unit_rows(rng_seed, count)
    data = corpus(tmp_path_factory.mktemp("corpus"), vectors)
    rows, similarities, scores = (np.concatenate(column) for column in zip(*neighbours(data), strict=True))
    exact = vectors @ vectors.T
    np.fill_diagonal(exact, -np.inf)
    width = min(NEIGHBOURS, count - 1)
    assert rows.shape == similarities.shape == scores.shape == (count, width)
    np.testing.assert_allclose(similarities, np.take_along_axis(exact, rows.astype(np.int64), axis=1), atol=1e-5)
    assert np.all(np.diff(scores) <= 0)
    assert all(row not in line for row, line in enumerate(rows.tolist()))
    assert all(len(set(line)) == width for line in rows.tolist())
    for row in range(0, count, 10):
        near = np.argsort(-exact[row], kind="stable")[: min(CANDIDATES, count - 1)]
        words = data.lexical.cosines(data.lexical.term_vector(row), near)
        fused = np.asarray((exact[row, near] + words) / 2, dtype=np.float32)
        np.testing.assert_allclose(scores[row], -np.sort(-smooth(fused, vectors[near], 0.2))[:width], atol=1e-5)


def test_a_twin_does_not_push_a_row_into_its_own_list(tmp_path: Path) -> None:
    vectors = unit_rows(3, 130)
    vectors[65] = vectors[0]
    rows, similarities, _ = next(iter(neighbours(corpus(tmp_path, vectors))))
    assert all(row not in line for row, line in enumerate(rows.tolist()))
    assert similarities[0][rows[0] == 65] == pytest.approx(1) and similarities[65][rows[65] == 0] == pytest.approx(1)


def test_an_approximate_index_gives_exact_similarities_of_what_it_finds(tmp_path: Path) -> None:
    vectors = unit_rows(7, 3_000)
    rows, similarities, scores = next(iter(neighbours(corpus(tmp_path, vectors, "IVF64,SQ8"))))
    for i in range(0, 1024, 100):
        known = rows[i] != NO_ROW
        np.testing.assert_allclose(similarities[i][known], vectors[rows[i][known]] @ vectors[i], atol=1e-5)
        assert np.all(np.diff(scores[i][known]) <= 0)


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
