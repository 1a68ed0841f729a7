"""What is ours in the comparison with peers: recall, the choice of effort, the time limit, the tables."""

import ast
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks.peers import table
from benchmarks.peers.adapters import worker
from benchmarks.peers.environments import OURS, PEERS
from benchmarks.peers.recall import recall_at_10, tenth_scores
from benchmarks.peers.vectors import Case, chosen, summary

ROOT = Path(__file__).parent.parent.parent
ADAPTERS = ROOT / "benchmarks" / "peers" / "adapters"


def unit(rng_seed: int, count: int) -> NDArray[np.float32]:
    drawn = np.random.default_rng(rng_seed).standard_normal((count, 16), dtype=np.float32)
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), dtype=np.float32)


@given(rng_seed=st.integers(0, 50), count=st.integers(1, 60), kept=st.integers(0, 10))
def test_recall_is_the_share_of_the_exact_ten(rng_seed: int, count: int, kept: int) -> None:
    vectors, queries = unit(rng_seed, count), unit(rng_seed + 1000, 3)
    wanted = min(10, count)
    exact = [np.argsort(-(vectors @ query), kind="stable")[:wanted].tolist() for query in queries]
    found = [rows[:kept] for rows in exact]
    assert recall_at_10(vectors, queries, found, tenth_scores(vectors, queries)) == pytest.approx(
        min(kept, wanted) / wanted
    )


def test_a_row_named_ten_times_is_found_once_and_twins_do_for_each_other() -> None:
    vectors = np.concatenate([unit(0, 20), unit(0, 20)])
    queries = vectors[:1]
    least = tenth_scores(vectors, queries)
    assert recall_at_10(vectors, queries, [[0] * 10], least) == 0.1
    exact = np.argsort(-(vectors @ queries[0]), kind="stable")[:10]
    assert recall_at_10(vectors, queries, [((exact + 20) % 40).tolist()], least) == 1.0


@pytest.mark.parametrize("rows", [[], [[0] * 11], [[40]], [[-1]]])
def test_answers_that_are_none_are_refused(rows: list[list[int]]) -> None:
    vectors = unit(0, 40)
    with pytest.raises(ValueError, match=r"rows of 40|no query"):
        recall_at_10(vectors, vectors[:1], rows, tenth_scores(vectors, vectors[:1]))


def point(effort: int | None, recall: float, per_s: float) -> dict[str, float | int | None]:
    return {"effort": effort, "recall": recall, "processor_ms": 1000 / per_s}


def test_the_least_effort_that_reaches_a_target_is_timed_and_then_the_fastest_setting() -> None:
    sweeps = {
        # A larger effort that happened to be quicker is noise
        "default": [point(None, 0.9, 50), point(8, 0.97, 40), point(16, 0.985, 30), point(32, 0.988, 35)],
        "other": [point(None, 0.999, 20), point(4, 0.98, 33)],
    }
    assert chosen(sweeps) == {
        "default": Case("default", None, 0.9),
        "0.98": Case("other", 4, 0.98),
        "0.99": Case("other", None, 0.999),
    }


def test_ratios_are_of_the_same_round() -> None:
    def rounds(*speeds: float) -> list[dict[str, float]]:
        return [{"per_s": speed, "p50_ms": 1.0, "p99_ms": 2.0, "processor_ms": 5.0} for speed in speeds]

    # The second round was disturbed; both were
    found = summary({"peer": rounds(100, 10, 100), OURS: rounds(200, 20, 200)}, "peer")
    assert found["times_ours"] == 0.5
    assert found["ours"]["per_s"] == 200


def test_a_load_stops_at_its_limit_and_answers_stay_in_order() -> None:
    answers, timing = worker._timed(lambda i: [i], 500, clients=8, limit_s=60)
    assert answers == [[i] for i in range(500)]
    assert timing["answered"] == 500
    with pytest.raises(ZeroDivisionError):
        worker._timed(lambda i: [1 // (i - 7)], 50, clients=3, limit_s=60)


def test_a_failure_is_a_row_that_says_so() -> None:
    failed = {"title": "other", "error": "cannot be installed: no | wheel"}
    rendered = table.render(
        {"vectors": {"other": failed}, "serving": {"other": failed}, "embedding": {"other": failed}}
    )
    assert rendered.count("| other | failed: cannot be installed: no / wheel |") == 5


@given(multiple=st.floats(0.001, 1000))
def test_where_we_are_slower_the_table_is_bold(multiple: float) -> None:
    assert table.times(multiple).startswith("**") == (multiple > 1)


@pytest.mark.parametrize("peer", [OURS, *PEERS])
def test_every_peer_has_its_adapter_and_no_other_imports_the_project(peer: str) -> None:
    tree = ast.parse((ADAPTERS / f"{peer}.py").read_text(encoding="utf-8"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    own = {name for name in modules if name.split(".")[0] in {"embeddings", "service", "benchmarks", "tests"}}
    allowed = {"benchmarks.peers.adapters.worker", "benchmarks.peers.adapters.http_client"}
    assert own <= allowed or peer == OURS


@pytest.mark.parametrize("module", ["worker", "http_client"])
def test_what_runs_in_every_environment_needs_numpy_alone(module: str) -> None:
    tree = ast.parse((ADAPTERS / f"{module}.py").read_text(encoding="utf-8"))
    names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert {name.split(".")[0] for name in names} <= {*sys.stdlib_module_names, "numpy"}
