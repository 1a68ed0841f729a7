"""A snapshot's answers to judged queries, measured: each mode alone, and against a baseline.

The queries go through the `Searcher`, as served.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embeddings.errors import QrelsError
from embeddings.evaluation import measures
from embeddings.evaluation.measures import RUN_DEPTH
from embeddings.evaluation.qrels import Qrels, Query, ResolvedQrels, resolve
from embeddings.evaluation.significance import Difference, Estimate, difference, estimate
from embeddings.queries import Mode, SearchOptions, Stage
from embeddings.search.query_encoder import QueryEncoder
from embeddings.search.searcher import Searcher
from embeddings.snapshots.snapshot import Snapshot
from embeddings.texts.language import detect

_TEXTS_AT_ONCE = 64

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Queries of one kind.

    Attributes:
        queries: How many.
        estimates: Measure → mean over them.
    """

    queries: int
    estimates: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeScores:
    """How one mode did.

    Attributes:
        overall: Over all queries.
        groups: Over those of one language, or of one direction (`en → zh`: asked in English, answered in Chinese).
        values: Measure → values, shape (queries,).
        differences: Measure → this mode minus the baseline; empty for the baseline itself.
    """

    overall: Group
    groups: Mapping[str, Group]
    values: Mapping[str, NDArray[np.float64]]
    differences: Mapping[str, Difference]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationReport:
    """What a snapshot scored on one set of judged queries.

    Attributes:
        snapshot: Its id.
        name: Of the judgments.
        queries: Ids of those asked, in order.
        judged: How many papers were judged.
        missing: Of those, how many the snapshot lacks; they count as never found.
        left_out: Queries that could not be asked.
        baseline: What the other modes are compared with; None with one mode.
        modes: In the order asked for.
    """

    snapshot: str
    name: str
    queries: tuple[str, ...]
    judged: int
    missing: int
    left_out: int
    baseline: Mode | None
    modes: Mapping[Mode, ModeScores]


def evaluate(
    snapshot: Snapshot,
    encoder: QueryEncoder,
    judgments: Qrels,
    modes: Sequence[Mode],
    *,
    baseline: Mode | None = None,
    known_items: bool = False,
    progress: Progress = lambda stage, done, total: None,
) -> EvaluationReport:
    """Ask all queries in all modes.

    Args:
        snapshot: Open.
        encoder: Of this snapshot.
        judgments: See `judgments`.
        modes: At least one. Papers are asked about by meaning (`dense`), or as served in every other mode; without a
            text, `lexical` is therefore not measured.
        baseline: Measured as well if it is not one of the modes; the last of several if not given.
        known_items: Whether each query has one right answer: then hit@1 and MRR are measured, by direction.
        progress: Told how far it is.

    Raises:
        QrelsError: The snapshot holds none of the judged papers.
        MissingExtra: trec_eval is not installed.
    """
    searcher = Searcher(snapshot, encoder)
    resolved = resolve(judgments, snapshot.store)
    asked = tuple(query for query in resolved.queries if query.id in resolved.grades)
    if not asked:
        raise QrelsError(f"the snapshot can be asked none of the queries of {judgments.name}: their papers are missing")
    by_text = any(query.text for query in asked)
    wanted_modes = dict.fromkeys((*modes, *((baseline,) if baseline else ())))
    modes = tuple(mode for mode in wanted_modes if by_text or mode is not Mode.LEXICAL) or (Mode.HYBRID,)
    baseline = None if len(modes) == 1 else baseline if baseline in modes else modes[-1]
    grades = {query.id: resolved.grades[query.id] for query in asked}
    wanted = measures.KNOWN_ITEM_MEASURES if known_items else measures.MEASURES
    texts = [query.text for query in asked if query.text is not None]
    for start in range(0, len(texts), _TEXTS_AT_ONCE):  # together they are read more quickly than one by one
        encoder(texts[start : start + _TEXTS_AT_ONCE])
        progress("reading queries", min(start + _TEXTS_AT_ONCE, len(texts)), len(texts))
    values = {}
    for mode in modes:
        runs = {}
        for done, query in enumerate(asked):
            progress(f"asking ({mode})", done, len(asked))
            runs[query.id] = run_query(searcher, query, mode, RUN_DEPTH)
        progress(f"asking ({mode})", len(asked), len(asked))
        measured = measures.by_query(grades, runs)
        values[mode] = {name: measured[name] for name in wanted}
    kinds = np.array([_kind(searcher, query, resolved, known_items=known_items) for query in asked])
    return EvaluationReport(
        snapshot=snapshot.id,
        name=judgments.name,
        queries=tuple(grades),
        judged=resolved.judged,
        missing=len(resolved.missing),
        left_out=len(resolved.left_out),
        baseline=baseline,
        modes={
            mode: _scores(found, kinds, None if baseline in (None, mode) else values[baseline])
            for mode, found in values.items()
        },
    )


def run_query(searcher: Searcher, query: Query, mode: Mode, depth: int) -> list[str]:
    """Ids of the best papers for one query, best first."""
    by_meaning_alone = frozenset(Stage) if query.paper is not None and mode is Mode.DENSE else frozenset()
    options = SearchOptions(top_k=depth, mode=mode, without=by_meaning_alone, filters=query.filters)
    if query.paper is not None:
        results = searcher.related(query.paper, options)
    else:
        results = searcher.search(query.text or "", options)
    return [hit.paper.id for hit in results.hits]


def query_language(searcher: Searcher, query: Query) -> str:
    """What a query is asked in."""
    if query.paper is not None:
        return searcher.snapshot.paper(query.paper).language
    return query.language or detect(query.text or "")


def _kind(searcher: Searcher, query: Query, resolved: ResolvedQrels, *, known_items: bool) -> str:
    asked = query_language(searcher, query)
    if not known_items:
        return asked
    (answer,) = resolved.grades[query.id]
    return f"{asked} → {searcher.snapshot.paper(answer).language}"


def _scores(
    values: Mapping[str, NDArray[np.float64]],
    kinds: NDArray[np.str_],
    baseline: Mapping[str, NDArray[np.float64]] | None,
) -> ModeScores:
    return ModeScores(
        overall=_group(values),
        groups={
            str(kind): _group({name: found[kinds == kind] for name, found in values.items()})
            for kind in sorted(set(kinds.tolist()))
        },
        values=values,
        differences={} if baseline is None else {name: difference(values[name], baseline[name]) for name in values},
    )


def _group(values: Mapping[str, NDArray[np.float64]]) -> Group:
    return Group(
        queries=len(next(iter(values.values()))), estimates={name: estimate(found) for name, found in values.items()}
    )
