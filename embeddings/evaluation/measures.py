"""The door to trec_eval: runs and judgments into measures, query by query."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from embeddings.errors import MissingExtra

# Ours → trec_eval's. nDCG has linear gain (Järvelin and Kekäläinen 2002, as trec_eval computes it); a grade above 0 is
# relevant to the others
_NAMES = {
    "nDCG@10": "ndcg_cut_10",
    "MAP": "map",
    "recall@100": "recall_100",
    "MRR": "recip_rank",
    "hit@1": "success_1",
}
MEASURES = tuple(_NAMES)
KNOWN_ITEM_MEASURES = ("hit@1", "MRR")

RUN_DEPTH = 1000
"""Hits that a run holds, as in TREC."""


def by_query(
    grades: Mapping[str, Mapping[str, int]], runs: Mapping[str, Sequence[str]]
) -> dict[str, NDArray[np.float64]]:
    """Measure every query that is judged.

    Args:
        grades: Query → paper → grade.
        runs: Query → papers found, best first; a judged query that is not there has found nothing.

    Returns:
        Measure → values in [0, 1], shape (len(grades),), in the order of `grades`.

    Raises:
        MissingExtra: trec_eval is not installed.
    """
    try:
        import pytrec_eval
    except ImportError:
        raise MissingExtra(
            "measuring needs a package that is not installed: pip install 'related-papers[evaluation]'"
        ) from None
    evaluator = pytrec_eval.RelevanceEvaluator(
        {query: dict(judged) for query, judged in grades.items()},
        {"ndcg_cut.10", "map", "recall.100", "recip_rank", "success.1"},
    )
    # trec_eval orders by score, and ties its own way: the scores it gets are our ranks
    ranked = {query: {paper: float(-rank) for rank, paper in enumerate(run)} for query, run in runs.items()}
    found = evaluator.evaluate(ranked)
    return {
        ours: np.array([found[query][theirs] if query in found else 0.0 for query in grades])
        for ours, theirs in _NAMES.items()
    }
