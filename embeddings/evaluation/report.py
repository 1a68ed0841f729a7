"""Evaluates a snapshot on qrels: measures for each ranking mode, and paired comparisons with a baseline.

Queries are run with `Searcher`, so that the evaluated results are those that the service returns.
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
from embeddings.queries import Mode, SearchOptions
from embeddings.ranking.stage_names import OPTIONAL, StageName
from embeddings.search.query_encoder import QueryEncoder
from embeddings.search.searcher import Searcher
from embeddings.snapshots.snapshot import Snapshot
from embeddings.texts.language import detect

_BATCH_SIZE = 64

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Mean measures over a group of queries.

    Attributes:
        queries: Number of queries.
        estimates: Measure → mean and confidence interval.
    """

    queries: int
    estimates: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeScores:
    """Results of one ranking mode.

    Attributes:
        overall: Over all queries.
        groups: By query language; for known items by language direction (`en → zh`: English query, Chinese paper).
        values: Measure → value for each query, shape (queries,).
        differences: Measure → this mode minus the baseline; empty for the baseline itself.
    """

    overall: Group
    groups: Mapping[str, Group]
    values: Mapping[str, NDArray[np.float64]]
    differences: Mapping[str, Difference]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationReport:
    """Results of a snapshot on one set of qrels.

    Attributes:
        snapshot: The snapshot's id.
        name: Name of the qrels.
        queries: Ids of the queries that were run, in order.
        judged: Number of judged papers.
        missing: Number of judged papers that the snapshot lacks; they count as not retrieved.
        left_out: Number of queries that could not be run.
        baseline: Mode that the others are compared with; None with a single mode.
        modes: Results of each mode, in the requested order.
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
    qrels: Qrels,
    modes: Sequence[Mode],
    *,
    baseline: Mode | None = None,
    known_items: bool = False,
    progress: Progress = lambda stage, done, total: None,
) -> EvaluationReport:
    """Run all judged queries in all modes and measure the results.

    Args:
        snapshot: Snapshot to evaluate.
        encoder: Query encoder of this snapshot.
        qrels: Queries and judgments.
        modes: At least one. Queries by paper use embeddings alone in `dense` and the served ranking in every other
            mode; without text queries, `lexical` is therefore skipped.
        baseline: Mode to compare with; added to the modes if absent. Default: the last mode, if there are several.
        known_items: Whether each query has exactly one relevant paper. Then hit@1 and MRR are measured, grouped by
            language direction.
        progress: Called with the stage, the number of completed queries and their total.

    Raises:
        QrelsError: The snapshot holds none of the judged papers.
        MissingExtra: trec_eval is not installed.
    """
    searcher = Searcher(snapshot, encoder)
    resolved = resolve(qrels, snapshot.papers_db)
    queries = tuple(query for query in resolved.queries if query.id in resolved.grades)
    if not queries:
        raise QrelsError(f"no query of {qrels.name} can be run: the snapshot lacks the papers of all queries")
    modes, baseline = _select_modes(queries, modes, baseline)
    grades = {query.id: resolved.grades[query.id] for query in queries}
    names = measures.KNOWN_ITEM_MEASURES if known_items else measures.MEASURES
    encode_texts(encoder, queries, progress)
    values = {}
    for mode in modes:
        measured = measures.by_query(grades, _runs(searcher, queries, mode, progress))
        values[mode] = {name: measured[name] for name in names}
    groups = np.array([_group_name(searcher, query, resolved, known_items=known_items) for query in queries])
    return EvaluationReport(
        snapshot=snapshot.id,
        name=qrels.name,
        queries=tuple(grades),
        judged=resolved.judged,
        missing=len(resolved.missing),
        left_out=len(resolved.left_out),
        baseline=baseline,
        modes={
            mode: _scores(found, groups, None if baseline in (None, mode) else values[baseline])
            for mode, found in values.items()
        },
    )


def encode_texts(encoder: QueryEncoder, queries: Sequence[Query], progress: Progress) -> None:
    """Encode the text queries in batches, which is faster than one by one; the encoder caches the vectors."""
    texts = [query.text for query in queries if query.text is not None]
    for start in range(0, len(texts), _BATCH_SIZE):
        encoder(texts[start : start + _BATCH_SIZE])
        progress("encoding queries", min(start + _BATCH_SIZE, len(texts)), len(texts))


def run_query(searcher: Searcher, query: Query, mode: Mode, depth: int) -> list[str]:
    """Return the ids of the top `depth` hits of one query, best first."""
    dense_by_paper = query.paper is not None and mode is Mode.DENSE
    without: tuple[StageName, ...] = OPTIONAL if dense_by_paper else ()
    options = SearchOptions(top_k=depth, mode=mode, without=without, filters=query.filters)
    if query.paper is not None:
        results = searcher.related(query.paper, options)
    else:
        results = searcher.search(query.text or "", options)
    return [hit.paper.id for hit in results.hits]


def query_language(searcher: Searcher, query: Query) -> str:
    """Language of a query: of its paper, as stated in the file, or detected."""
    if query.paper is not None:
        return searcher.snapshot.paper(query.paper).language
    return query.language or detect(query.text or "")


def _runs(searcher: Searcher, queries: Sequence[Query], mode: Mode, progress: Progress) -> Mapping[str, Sequence[str]]:
    """Query id → paper ids, best first."""
    runs = {}
    for done, query in enumerate(queries):
        progress(f"searching ({mode})", done, len(queries))
        runs[query.id] = run_query(searcher, query, mode, RUN_DEPTH)
    progress(f"searching ({mode})", len(queries), len(queries))
    return runs


def _select_modes(
    queries: Sequence[Query], requested: Sequence[Mode], baseline: Mode | None
) -> tuple[tuple[Mode, ...], Mode | None]:
    """Distinct modes to run, with the baseline among them; and the baseline, None with a single mode."""
    has_text = any(query.text for query in queries)
    distinct = dict.fromkeys((*requested, *((baseline,) if baseline else ())))
    modes = tuple(mode for mode in distinct if has_text or mode is not Mode.LEXICAL) or (Mode.HYBRID,)
    if len(modes) == 1:
        return modes, None
    return modes, baseline if baseline in modes else modes[-1]


def _group_name(searcher: Searcher, query: Query, resolved: ResolvedQrels, *, known_items: bool) -> str:
    """Language of the query, or the direction from it to the language of the known item."""
    language = query_language(searcher, query)
    if not known_items:
        return language
    (answer,) = resolved.grades[query.id]
    return f"{language} → {searcher.snapshot.paper(answer).language}"


def _scores(
    values: Mapping[str, NDArray[np.float64]],
    groups: NDArray[np.str_],
    baseline: Mapping[str, NDArray[np.float64]] | None,
) -> ModeScores:
    """Summarise one mode; `groups` holds the group's name for each query, shape (queries,)."""
    return ModeScores(
        overall=_group(values),
        groups={
            str(group): _group({name: found[groups == group] for name, found in values.items()})
            for group in sorted(set(groups.tolist()))
        },
        values=values,
        differences={} if baseline is None else {name: difference(values[name], baseline[name]) for name in values},
    )


def _group(values: Mapping[str, NDArray[np.float64]]) -> Group:
    return Group(
        queries=len(next(iter(values.values()))), estimates={name: estimate(found) for name, found in values.items()}
    )
