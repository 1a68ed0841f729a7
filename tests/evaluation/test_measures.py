"""Measures agree with their formulas."""

import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.errors import MissingExtra
from embeddings.evaluation import measures

PAPERS = [f"p{i}" for i in range(15)]
graded = st.dictionaries(st.sampled_from(PAPERS), st.integers(0, 4), min_size=1).filter(lambda g: any(g.values()))
runs = st.lists(st.sampled_from(PAPERS), unique=True)


def measured(grades: dict[str, int], run: list[str]) -> dict[str, float]:
    return {name: float(values[0]) for name, values in measures.by_query({"q": grades}, {"q": run}).items()}


@given(graded, runs)
def test_measures_agree_with_their_formulas(grades: dict[str, int], run: list[str]) -> None:
    gains = [grades.get(paper, 0) for paper in run]
    ideal = sorted(grades.values(), reverse=True)
    relevant = sum(grade > 0 for grade in ideal)
    ranks = [rank for rank, gain in enumerate(gains, 1) if gain > 0]

    def dcg(values: list[int]) -> float:
        return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(values[:10], 1))

    assert measured(grades, run) == pytest.approx(
        {
            "nDCG@10": dcg(gains) / dcg(ideal),
            "MAP": sum((i + 1) / rank for i, rank in enumerate(ranks)) / relevant,
            "recall@100": len(ranks) / relevant,
            "MRR": 1 / ranks[0] if ranks else 0.0,
            "hit@1": float(ranks[:1] == [1]),
        }
    )


@given(graded)
def test_the_ideal_run_scores_1(grades: dict[str, int]) -> None:
    run = sorted(grades, key=lambda paper: -grades[paper])
    assert set(measured(grades, run).values()) == {1.0}


def test_a_query_without_hits_scores_0() -> None:
    found = measures.by_query({"a": {"p1": 1}, "b": {"p2": 1}}, {"a": ["p1"], "b": []})
    assert all(np.array_equal(values, [1.0, 0.0]) for values in found.values())


def test_without_trec_eval_the_message_names_the_pip_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pytrec_eval", None)
    with pytest.raises(MissingExtra, match=r"pip install 'related-papers\[evaluation\]'"):
        measures.by_query({"q": {"p": 1}}, {"q": ["p"]})
