"""The cheapest way to search that finds enough, by counting and not by the clock."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.indexes.faiss import assembler, evaluation, faiss_index, tuning
from embeddings.indexes.faiss.tuning import Point, Recall
from tests.indexes.test_faiss_index import unit_rows

found = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(lambda pair: Recall(max(pair), min(pair)))
points = st.lists(st.builds(Point, st.integers(1, 500), st.integers(1, 16), found, st.floats(1, 1e6)), min_size=1)


@given(points=points, wanted=st.floats(0, 1))
def test_the_cheapest_that_finds_enough_is_chosen(points: list[Point], wanted: float) -> None:
    chosen = tuning.cheapest(points, wanted)
    if chosen.recall.least >= wanted:
        assert all(other.recall.least < wanted for other in points if other.cost < chosen.cost)
    else:
        assert all(other.recall.mean <= chosen.recall.mean + 0.005 for other in points)
        most = max(other.recall.mean for other in points)
        assert all(other.recall.mean < most - 0.005 for other in points if other.cost < chosen.cost)


@given(points=points)
def test_nothing_on_the_front_is_beaten_and_all_else_is(points: list[Point]) -> None:
    front = tuning.front(points)
    for point in points:
        assert any(best.cost <= point.cost and best.recall.mean >= point.recall.mean for best in front)
    for one, other in itertools.pairwise(front):
        assert one.cost < other.cost and one.recall.mean < other.recall.mean


@given(least=st.integers(1, 20), most=st.integers(1, 100_000))
def test_efforts_rise_to_the_most_there_is(least: int, most: int) -> None:
    tried = tuning.efforts(least, most)
    assert tried[0] == min(least, most) and tried[-1] == most
    assert all(one < other for one, other in itertools.pairwise(tried))


@given(enough=st.integers(1, 300), refine=st.sampled_from(tuning.REFINES), wanted=st.floats(0.01, 1))
def test_for_each_refine_the_least_effort_that_is_enough_is_found(enough: int, refine: int, wanted: float) -> None:
    tried = tuning.efforts(1, 300)

    def measure(effort: int, refine: int) -> Recall:
        return Recall(1, wanted if effort >= enough else wanted / 2)

    found = tuning.explore(measure, lambda e, r: e * r, tried, [refine], wanted)
    assert tuning.cheapest(found, wanted).effort == min(effort for effort in tried if effort >= enough)


@pytest.mark.parametrize("factory", ["IVF64,PQ8x4fsr", "IVF64,RaBitQ2", "IVF64,SQ8"])
def test_what_is_tuned_finds_what_was_asked_of_queries_it_was_not_tuned_on(factory: str) -> None:
    embeddings = unit_rows(3, 6_000)
    dense, found = evaluation.tuned(assembler.build(embeddings, factory), embeddings, 0.85)
    assert found["wanted"] == 0.85 and found["queries"] == 500
    queries = evaluation.sample(embeddings[::-1])  # of other rows
    scores, _ = dense.nearest(queries, 10)
    recall = faiss_index.recall(scores, evaluation.exact_neighbours(embeddings, queries))
    assert found["index_recall_at_10"] >= 0.85 and recall >= 0.85
    best = found["pareto"][-1]
    assert best["recall"] >= 0.85 and set(best) == {"effort", "refine", "recall", "us_per_query"}


@given(recalls=st.lists(st.sampled_from([0.0, 0.5, 0.9, 1.0]), min_size=1, max_size=200))
def test_what_is_sure_is_never_more_than_the_mean_and_nears_it_as_more_is_asked(recalls: list[float]) -> None:
    once = tuning.estimate(np.array(recalls, dtype=np.float32))
    often = tuning.estimate(np.array(recalls * 16, dtype=np.float32))
    assert once.least <= once.mean == pytest.approx(np.mean(recalls), abs=1e-5)
    assert often.mean - often.least == pytest.approx((once.mean - once.least) / 4, abs=1e-4)


def test_an_exact_index_has_nothing_to_tune() -> None:
    embeddings = unit_rows(3, 41)
    dense, found = evaluation.tuned(assembler.build(embeddings, "Flat"), embeddings, 0.98)
    assert found == {"index_recall_at_10": 1.0, "queries": 41, "wanted": 0.98, "pareto": []}
    assert dense.spec == faiss_index.IndexSpec("Flat")
    assert evaluation.tuned(assembler.build(embeddings[:1], "Flat"), embeddings[:1], 0.98)[1]["queries"] == 1


def test_tuning_twice_chooses_the_same() -> None:
    embeddings = unit_rows(5, 5_000)
    specs = {
        evaluation.tuned(assembler.build(embeddings, "IVF64,PQ8x4fsr"), embeddings, 0.97)[0].spec for _ in range(2)
    }
    assert len(specs) == 1


@given(rng_seed=st.integers(0, 1_000), count=st.integers(1, 400))
def test_exact_neighbours_are_those_of_numpy(rng_seed: int, count: int) -> None:
    embeddings, queries = unit_rows(rng_seed, count), unit_rows(rng_seed + 1, 5)
    truth = evaluation.exact_neighbours(embeddings, queries)
    np.testing.assert_allclose(truth, -np.sort(-queries @ embeddings.T, axis=1)[:, :10], atol=1e-6)


def test_exact_neighbours_are_found_in_every_block() -> None:
    embeddings, queries = unit_rows(1, 40_000), unit_rows(2, 7)
    truth = evaluation.exact_neighbours(embeddings, queries)
    np.testing.assert_allclose(truth, -np.sort(-queries @ embeddings.T, axis=1)[:, :10], atol=1e-6)
