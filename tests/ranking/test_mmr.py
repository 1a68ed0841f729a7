"""Maximal marginal relevance, against its formula written out."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from embeddings.ranking.mmr import diversify
from tests.indexes.test_faiss_index import unit_rows


@given(st.integers(0, 1000), st.integers(1, 25), st.floats(0, 1))
def test_each_choice_maximises_the_formula_and_values_never_rise(rng_seed: int, count: int, diversity: float) -> None:
    vectors = unit_rows(rng_seed, count)
    scores = np.clip(vectors @ unit_rows(rng_seed + 1, 1)[0], 0, 1)
    order, values = diversify(scores, vectors, diversity)
    chosen = order.tolist()
    assert sorted(chosen) == list(range(count))
    for step, choice in enumerate(chosen):
        expected = {
            i: (1 - diversity) * scores[i]
            + diversity * (1 - max([0.0, *(float(vectors[i] @ vectors[j]) for j in chosen[:step])]))
            for i in range(count)
            if i not in chosen[:step]
        }
        assert expected[choice] >= max(expected.values()) - 1e-5
        assert abs(values[step] - expected[choice]) < 1e-5
    assert np.all(np.diff(values) <= 0) and np.all((values >= 0) & (values <= 1 + 1e-6))


def test_without_diversity_the_order_is_by_score() -> None:
    vectors = unit_rows(1, 20)
    scores = vectors @ unit_rows(2, 1)[0]
    order, values = diversify(scores, vectors, 0.0)
    np.testing.assert_array_equal(order, np.argsort(-scores))
    np.testing.assert_allclose(values, scores[order], atol=1e-6)


def test_a_twin_of_the_first_hit_gives_way_to_something_new() -> None:
    vectors = np.array([[1, 0], [0.999, 0.045], [0.6, 0.8]], dtype=np.float32)
    scores = np.array([0.9, 0.89, 0.7], dtype=np.float32)
    assert diversify(scores, vectors, 0.5)[0].tolist() == [0, 2, 1]
