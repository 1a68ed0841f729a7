"""Judged queries, asked as served, into the curves of a calibration."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from embeddings.errors import QrelsError
from embeddings.evaluation.qrels import Qrels, ResolvedQrels, resolve
from embeddings.queries import Mode, Results, Scale, SearchOptions, Stage
from embeddings.ranking.calibration import Answered, Calibration, Curve, fit
from embeddings.search.query_encoder import QueryEncoder
from embeddings.search.searcher import Searcher
from embeddings.snapshots.snapshot import Snapshot

DEPTH = 100
"""Hits of each query that are learnt from."""

_PAPERS = 400  # so many papers of a collection are asked about
_TEXTS_AT_ONCE = 64

_OF_TEXT = {
    Scale.TEXT: SearchOptions(top_k=DEPTH),
    Scale.FUSED: SearchOptions(top_k=DEPTH, without=frozenset({Stage.SMOOTHING})),
    Scale.DENSE: SearchOptions(top_k=DEPTH, mode=Mode.DENSE),
}

Answers = Mapping[Scale, Sequence[Answered]]
Progress = Callable[[str, int, int | None], None]


def calibrate(
    snapshot: Snapshot,
    encoder: QueryEncoder,
    asked: Sequence[Qrels],
    progress: Progress = lambda stage, done, total: None,
) -> tuple[Calibration, Mapping[str, Answers]]:
    """Fit a curve for every scale that the queries say something of, each set of judgments counting alike.

    Args:
        snapshot: Holds the judged papers.
        encoder: Of this snapshot.
        asked: Qrels of different names, at least one.
        progress: Told how far it is.

    Returns:
        The calibration, and by name of the judgments what it was fitted to.

    Raises:
        QrelsError: The snapshot holds none of the papers of a collection, or nothing can be learnt from any.
    """
    answers = {judgments.name: labelled_results(snapshot, encoder, judgments, progress) for judgments in asked}
    curves = fit_curves(list(answers.values()))
    if not curves:
        raise QrelsError(
            f"nothing can be learnt from {', '.join(answers)}: relevance must be higher where papers are related, and "
            "some hits must be related and others not"
        )
    return to_calibration(curves), answers


def fit_curves(groups: Sequence[Answers]) -> dict[Scale, Curve]:
    """A curve for each scale that has answers to learn from."""
    curves = {}
    for scale in Scale:
        try:
            curves[scale] = fit([found for group in groups if (found := group.get(scale))])
        except ValueError:
            continue
    return curves


def to_calibration(curves: Mapping[Scale, Curve]) -> Calibration:
    """The curves as a manifest holds them."""
    return Calibration(**{scale.value: curve for scale, curve in curves.items()})


def labelled_results(
    snapshot: Snapshot,
    encoder: QueryEncoder,
    judgments: Qrels,
    progress: Progress = lambda stage, done, total: None,
) -> dict[Scale, list[Answered]]:
    """Ask every judged query on every scale, and up to 400 papers for those judged relevant to the same query.

    Args:
        snapshot: Holds the judged papers.
        encoder: Of this snapshot.
        judgments: See `judgments`. Queries by paper are asked on the scale of papers alone.
        progress: Told how far it is.

    Raises:
        QrelsError: The snapshot holds none of the judged papers.
    """
    searcher = Searcher(snapshot, encoder)
    resolved = resolve(judgments, snapshot.store)
    found: dict[Scale, list[Answered]] = {scale: [] for scale in Scale}
    queries = [query for query in resolved.queries if query.id in resolved.grades]
    texts = [query.text for query in queries if query.text is not None]
    for start in range(0, len(texts), _TEXTS_AT_ONCE):  # together they are read more quickly than one by one
        encoder(texts[start : start + _TEXTS_AT_ONCE])
        progress("reading queries", min(start + _TEXTS_AT_ONCE, len(texts)), len(texts))
    for done, query in enumerate(queries):
        progress(f"asking {judgments.name}", done, len(queries))
        related = {paper for paper, grade in resolved.grades[query.id].items() if grade > 0}
        for scale, options in _OF_TEXT.items() if query.text is not None else ():
            results = searcher.search(query.text or "", replace(options, filters=query.filters))
            if results.scale is scale:  # among papers of several languages nothing is refined
                _add(found[scale], results, related)
    for paper, related in _relatives(resolved):
        _add(found[Scale.PAPER], searcher.related(paper, SearchOptions(top_k=DEPTH)), related)
    return found


def _add(found: list[Answered], results: Results, related: set[str]) -> None:
    if results.hits:
        relevance = np.array([hit.stages.relevance for hit in results.hits])
        found.append(Answered(relevance, np.array([hit.paper.id in related for hit in results.hits])))


def _relatives(resolved: ResolvedQrels) -> list[tuple[str, set[str]]]:
    """Papers to ask about, and what is related to each: as judged, else what is relevant to the same query."""
    missing = set(resolved.missing)
    asked = []
    for query in resolved.queries:
        relevant = {paper for paper, grade in resolved.grades.get(query.id, {}).items() if grade > 0}
        for paper in sorted(relevant - missing) if query.paper is None else (query.paper,):
            if related := relevant - {paper}:
                asked.append((paper, related))
    return asked[:: max(1, len(asked) // _PAPERS)][:_PAPERS]
