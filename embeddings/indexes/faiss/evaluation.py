"""Compares an index with exact search on a sample, and tunes its search parameters."""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.indexes.faiss import tuning
from embeddings.indexes.faiss.faiss_index import FaissIndex, recalls

_SAMPLE = 1_000
_BLENDED = 3
_TIMED = 200
_BLOCK = 16_384
TOP_K = 10


def sample(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """Make up to 1,000 queries from the rows, the same for the same rows.

    Each query is the normalised mean of three papers. Query texts are farther from papers than papers are from each
    other, and their neighbours are spread over more inverted lists. Settings that reach a recall for such means reach
    about the same for titles and sentences, and more for papers (docs/decisions/0012).

    Returns:
        Shape (m, dimension), unit rows.
    """
    generator = np.random.default_rng(0)
    count = min(_SAMPLE, len(embeddings))
    blended = np.zeros((count, embeddings.shape[1]), dtype=np.float32)
    for _ in range(_BLENDED):
        blended += embeddings[generator.choice(len(embeddings), count, replace=False)]
    return np.asarray(blended / np.linalg.norm(blended, axis=1, keepdims=True), dtype=np.float32)


def exact_neighbours(embeddings: NDArray[np.float32], queries: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosines of the exact nearest rows, by comparison with all rows, a block at a time.

    Args:
        embeddings: Shape (n, dimension), unit rows; may be memory-mapped.
        queries: Shape (m, dimension), unit rows.

    Returns:
        Shape (m, min(10, n)), best first.
    """
    count = min(TOP_K, len(embeddings))
    best = np.full((len(queries), count), -np.inf, dtype=np.float32)
    for start in range(0, len(embeddings), _BLOCK):
        scores = queries @ np.asarray(embeddings[start : start + _BLOCK]).T
        better = np.flatnonzero(scores.max(axis=1) > best[:, -1])  # few, after the first blocks
        if len(better):
            several = np.concatenate([best[better], scores[better]], axis=1)
            nearest = np.partition(several, several.shape[1] - count, axis=1)[:, -count:]
            best[better] = -np.sort(-nearest, axis=1)
    return best


def tuned(
    dense: FaissIndex, embeddings: NDArray[np.float32], wanted: float, *, threads: int = 1
) -> tuple[FaissIndex, dict[str, Any]]:
    """Tune an index to the cheapest search that reaches a wanted recall.

    The setting is selected on one half of a sample, with a confidence bound (`tuning.Recall`), and evaluated on the
    other half.

    Args:
        dense: The index.
        embeddings: Its vectors, shape (n, dimension); may be memory-mapped.
        wanted: Index recall@10, in [0, 1].
        threads: Processors to use.

    Returns:
        The index with the selected setting; and its evaluation: index recall@10 on the half it was not tuned on, the
        number of those queries, the wanted recall, and the Pareto front of settings with their times. Times differ
        between equal builds, so nothing may depend on them.
    """
    queries = sample(embeddings)
    truth = exact_neighbours(embeddings, queries)
    asked = np.arange(len(queries)) % 2 == 0
    unseen = ~asked if dense.most_effort and len(queries) > 1 else np.ones(len(queries), dtype=np.bool_)

    def measured(chosen: NDArray[np.bool_], effort: int, refine: int) -> tuning.Recall:
        found, _ = dense.searched(effort=effort, refine=refine).nearest(queries[chosen], TOP_K, threads=threads)
        return tuning.estimate(recalls(found, truth[chosen]))

    points = []
    if dense.most_effort:
        points = tuning.explore(
            lambda effort, refine: measured(asked, effort, refine),
            lambda effort, refine: tuning.cost(effort, refine, codes_an_effort=dense.codes_an_effort, answers=TOP_K),
            tuning.efforts(4, dense.most_effort),
            tuning.REFINES,
            wanted,
        )
        chosen = tuning.cheapest(points, wanted)
        dense = dense.searched(effort=chosen.effort, refine=chosen.refine)
    reached = measured(unseen, dense.spec.effort, dense.spec.refine)
    return dense, {
        "index_recall_at_10": round(reached.mean, 4),
        "queries": int(unseen.sum()),
        "wanted": wanted,
        "pareto": [_timed(dense, queries[:_TIMED], point) for point in tuning.front(points)],
    }


def _timed(dense: FaissIndex, queries: NDArray[np.float32], point: tuning.Point) -> dict[str, Any]:
    """A point as stored in the manifest, with the microseconds of a query in one thread."""
    searched = dense.searched(effort=point.effort, refine=point.refine)
    began = time.perf_counter()
    for query in queries:
        searched.nearest(query[None], TOP_K)
    taken = (time.perf_counter() - began) / len(queries)
    return {
        "effort": point.effort,
        "refine": point.refine,
        "recall": round(point.recall.mean, 4),
        "us_per_query": round(taken * 1e6),
    }
