"""Maximal marginal relevance, against its formula written out."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from embeddings.ranking.mmr import diversify
from tests.indexes.test_faiss_index import unit_rows


@given(st.integers(0, 1000), st.integers(1, 25), st.integers(1, 30), st.floats(0, 1))
def test_each_choice_maximises_the_formula(rng_seed: int, count: int, wanted: int, diversity: float) -> None:
    embeddings, query = unit_rows(rng_seed, count), unit_rows(rng_seed + 1, 1)[0]
    scores = embeddings @ query
    chosen = diversify(scores, embeddings, wanted, diversity).tolist()
    assert len(set(chosen)) == len(chosen) == min(wanted, count)
    for step, choice in enumerate(chosen):
        value = {
            i: (1 - diversity) * scores[i]
            - (diversity * max(float(embeddings[i] @ embeddings[j]) for j in chosen[:step]) if step else 0)
            for i in range(count)
            if i not in chosen[:step]
        }
        assert value[choice] >= max(value.values()) - 1e-5


def test_without_diversity_the_order_is_by_score() -> None:
    embeddings = unit_rows(1, 20)
    scores = embeddings @ unit_rows(2, 1)[0]
    np.testing.assert_array_equal(diversify(scores, embeddings, 20, 0.0), np.argsort(-scores))


def test_a_twin_of_the_first_hit_gives_way_to_something_new() -> None:
    embeddings = np.array([[1, 0], [0.999, 0.045], [0.6, 0.8]], dtype=np.float32)
    scores = np.array([0.9, 0.89, 0.7], dtype=np.float32)
    assert diversify(scores, embeddings, 3, 0.5).tolist() == [0, 2, 1]
