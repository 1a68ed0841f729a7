"""Runs the gate's queries on one snapshot, and collects hits, query vectors and known-item results."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embeddings.errors import AmbiguousPaperId, EncoderError, EncoderMismatch, PaperNotFound
from embeddings.evaluation.qrels import Qrels, Query
from embeddings.evaluation.report import query_language, run_query
from embeddings.indexes.faiss.evaluation import TOP_K
from embeddings.queries import Mode
from embeddings.search.query_encoder import QueryEncoder
from embeddings.search.searcher import Searcher
from embeddings.snapshots.folder import VECTOR_CACHE
from embeddings.snapshots.papers_db import PapersDb
from embeddings.snapshots.snapshot import Snapshot

_MAX_DEPTH = 640


@dataclass(slots=True)
class SnapshotRun:
    """One snapshot's results, by query id. Queries that could not be run have no entry.

    Attributes:
        hits: Ids of the best ten hits that the other snapshot holds too, best first.
        correct: Whether the first hit is the known answer, for queries whose answer both snapshots hold.
        languages: Language of each query, in the order of the queries.
        vectors: Embedding of each query, shape (dimension,), length 1.
        labels: How a report names the query.
        encoder_error: Why text queries were not run; None if they were.
    """

    hits: dict[str, list[str]] = field(default_factory=dict)
    correct: dict[str, bool] = field(default_factory=dict)
    languages: dict[str, str] = field(default_factory=dict)
    vectors: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    encoder_error: str | None = None


def run_queries(snapshots: Path, snapshot: Snapshot, other: PapersDb, qrels: Qrels) -> SnapshotRun:
    """Run all queries. If the encoder cannot be loaded, run only those by paper.

    Args:
        snapshots: Folder that holds the vector cache.
        snapshot: To be searched.
        other: Papers of the snapshot that the results are compared with.
        qrels: Queries, and their known answers.
    """
    encoder = QueryEncoder(snapshot, snapshots / VECTOR_CACHE)
    run, searcher = SnapshotRun(), Searcher(snapshot, encoder)
    try:
        texts = [query.text for query in qrels.queries if query.text is not None]
        try:
            if texts:
                encoder(texts)  # one batch is faster than one text at a time; the vectors are cached
        except (EncoderError, EncoderMismatch) as error:
            run.encoder_error = str(error)
        for query in qrels.queries:
            if query.text is None or run.encoder_error is None:
                _run_one(run, searcher, encoder, query, other, qrels)
    finally:
        encoder.close()
    return run


def _run_one(
    run: SnapshotRun, searcher: Searcher, encoder: QueryEncoder, query: Query, other: PapersDb, qrels: Qrels
) -> None:
    """Run one query and record its results; a query by a paper that one snapshot lacks is skipped."""
    store = searcher.snapshot.papers_db
    if query.paper is not None and (_find_row(query.paper, store) is None or _find_row(query.paper, other) is None):
        return
    first, run.hits[query.id] = _common_hits(searcher, query, other)
    run.languages[query.id] = query_language(searcher, query)
    if query.paper is None:
        run.labels[query.id] = query.text or ""
        run.vectors[query.id] = encoder([query.text or ""]).embeddings[0]
    else:
        row = store.row(query.paper)
        run.labels[query.id] = f"{query.paper[:12]} {store.by_rows([row])[0].label}"
        run.vectors[query.id] = searcher.snapshot.vectors([row])[0]
    relevant = [paper for paper in qrels.grades.get(query.id, {}) if _find_row(paper, other) is not None]
    answers = {_find_row(paper, store) for paper in relevant} - {None}
    if answers:
        run.correct[query.id] = first is not None and _find_row(first, store) in answers


def _common_hits(searcher: Searcher, query: Query, other: PapersDb) -> tuple[str | None, list[str]]:
    """Return the first hit, and the best ten that the other snapshot holds too.

    The depth is doubled until ten common hits are found, up to 640.
    """
    depth = 2 * TOP_K
    while True:
        hits = run_query(searcher, query, Mode.HYBRID, depth)
        common = [hit for hit in hits if _find_row(hit, other) is not None][:TOP_K]
        if len(common) == TOP_K or len(hits) < depth or depth >= _MAX_DEPTH:
            return (hits[0] if hits else None), common
        depth *= 2


def _find_row(reference: str, store: PapersDb) -> int | None:
    """Row of a paper; None if the store lacks it or the reference is ambiguous."""
    try:
        return store.row(reference)
    except (PaperNotFound, AmbiguousPaperId):
        return None
