"""Fits the calibration from score to probability of relevance: collects labelled results, then fits one curve a scale.

The curve itself and its fitting are in `embeddings.ranking.calibration`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from embeddings.errors import QrelsError
from embeddings.evaluation.qrels import Qrels, ResolvedQrels, resolve
from embeddings.evaluation.report import encode_texts
from embeddings.queries import Mode, Results, Scale, SearchOptions
from embeddings.ranking.calibration import Answered, Calibration, Curve, fit
from embeddings.ranking.stage_names import StageName
from embeddings.search.query_encoder import QueryEncoder
from embeddings.search.searcher import Searcher
from embeddings.snapshots.snapshot import Snapshot

DEPTH = 100
"""Hits of each query used for fitting."""

_MAX_PAPER_QUERIES = 400

_TEXT_SCALES = {
    Scale.TEXT: SearchOptions(top_k=DEPTH),
    Scale.FUSED: SearchOptions(top_k=DEPTH, without=(StageName.SMOOTHING,)),
    Scale.DENSE: SearchOptions(top_k=DEPTH, mode=Mode.DENSE),
}

Answers = Mapping[Scale, Sequence[Answered]]
Progress = Callable[[str, int, int | None], None]


def calibrate(
    snapshot: Snapshot,
    encoder: QueryEncoder,
    collections: Sequence[Qrels],
    progress: Progress = lambda stage, done, total: None,
) -> tuple[Calibration, Mapping[str, Answers]]:
    """Fit a curve for every scale that has both relevant and non-relevant results. Each collection has equal weight.

    Args:
        snapshot: Holds the judged papers.
        encoder: Query encoder of this snapshot.
        collections: At least one, with distinct names.
        progress: Called with the stage, the number of completed queries and their total.

    Returns:
        The calibration; and the labelled results that it was fitted to, by the name of the collection.

    Raises:
        QrelsError: The snapshot holds none of the papers of a collection, or no curve can be fitted.
    """
    answers = {qrels.name: labelled_results(snapshot, encoder, qrels, progress) for qrels in collections}
    curves = fit_curves(list(answers.values()))
    if not curves:
        raise QrelsError(
            f"no curve can be fitted to {', '.join(answers)}: it needs relevant and non-relevant hits, and relevant "
            "hits must score higher"
        )
    return to_calibration(curves), answers


def fit_curves(groups: Sequence[Answers]) -> dict[Scale, Curve]:
    """Fit a curve for each scale with sufficient labelled results; other scales are left out."""
    curves = {}
    for scale in Scale:
        try:
            curves[scale] = fit([found for group in groups if (found := group.get(scale))])
        except ValueError:
            continue
    return curves


def to_calibration(curves: Mapping[Scale, Curve]) -> Calibration:
    """Convert curves to the value stored in a manifest."""
    return Calibration(**{scale.value: curve for scale, curve in curves.items()})


def labelled_results(
    snapshot: Snapshot,
    encoder: QueryEncoder,
    qrels: Qrels,
    progress: Progress = lambda stage, done, total: None,
) -> dict[Scale, list[Answered]]:
    """Run the judged queries on every scale, and label each hit as relevant or not.

    Up to 400 judged papers are run as queries too; papers relevant to the same query count as related to each other.

    Args:
        snapshot: Holds the judged papers.
        encoder: Query encoder of this snapshot.
        qrels: Queries and judgments. Queries by paper contribute to the scale of papers alone.
        progress: Called with the stage, the number of completed queries and their total.

    Raises:
        QrelsError: The snapshot holds none of the judged papers.
    """
    searcher = Searcher(snapshot, encoder)
    resolved = resolve(qrels, snapshot.papers_db)
    found: dict[Scale, list[Answered]] = {scale: [] for scale in Scale}
    queries = [query for query in resolved.queries if query.id in resolved.grades]
    encode_texts(encoder, queries, progress)
    for done, query in enumerate(queries):
        progress(f"searching {qrels.name}", done, len(queries))
        related = {paper for paper, grade in resolved.grades[query.id].items() if grade > 0}
        for scale, options in _TEXT_SCALES.items() if query.text is not None else ():
            results = searcher.search(query.text or "", replace(options, filters=query.filters))
            if results.scale is scale:  # smoothing is not applied to results in several languages
                _add(found[scale], results, related)
    for paper, related in _paper_queries(resolved):
        _add(found[Scale.PAPER], searcher.related(paper, SearchOptions(top_k=DEPTH)), related)
    return found


def _add(found: list[Answered], results: Results, related: set[str]) -> None:
    if results.hits:
        relevance = np.array([hit.score for hit in results.hits])
        found.append(Answered(relevance, np.array([hit.paper.id in related for hit in results.hits])))


def _paper_queries(resolved: ResolvedQrels) -> list[tuple[str, set[str]]]:
    """Papers to use as queries, each with its related papers: as judged, or relevant to the same text query."""
    missing = set(resolved.missing)
    found = []
    for query in resolved.queries:
        relevant = {paper for paper, grade in resolved.grades.get(query.id, {}).items() if grade > 0}
        for paper in sorted(relevant - missing) if query.paper is None else (query.paper,):
            if related := relevant - {paper}:
                found.append((paper, related))
    return found[:: max(1, len(found) // _MAX_PAPER_QUERIES)][:_MAX_PAPER_QUERIES]
