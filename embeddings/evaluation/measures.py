"""Computes retrieval measures of runs against qrels, for each query. The only module that imports pytrec_eval."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from embeddings.errors import MissingExtra

# Our name → trec_eval's. nDCG uses linear gain (Järvelin and Kekäläinen 2002, as trec_eval computes it); the other
# measures treat every grade above 0 as relevant
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
"""Number of hits in a run, as in TREC."""


def by_query(
    grades: Mapping[str, Mapping[str, int]], runs: Mapping[str, Sequence[str]]
) -> dict[str, NDArray[np.float64]]:
    """Measure every judged query.

    Args:
        grades: Query id → paper id → grade.
        runs: Query id → paper ids, best first. A judged query without a run has retrieved nothing and scores 0.

    Returns:
        Measure → values in [0, 1], float64, shape (len(grades),), in the order of `grades`.

    Raises:
        MissingExtra: trec_eval is not installed.
    """
    try:
        import pytrec_eval
    except ImportError:
        raise MissingExtra(
            "evaluation needs the package pytrec-eval-terrier: pip install 'related-papers[evaluation]'"
        ) from None
    evaluator = pytrec_eval.RelevanceEvaluator(
        {query: dict(judged) for query, judged in grades.items()},
        {"ndcg_cut.10", "map", "recall.100", "recip_rank", "success.1"},
    )
    # trec_eval sorts by score and breaks ties by id: negative ranks as scores preserve our order
    ranked = {query: {paper: float(-rank) for rank, paper in enumerate(run)} for query, run in runs.items()}
    found = evaluator.evaluate(ranked)
    return {
        ours: np.array([found[query][theirs] if query in found else 0.0 for query in grades])
        for ours, theirs in _NAMES.items()
    }
