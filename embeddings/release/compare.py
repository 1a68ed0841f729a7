"""Compares a new snapshot with the served one: runs the same queries on both and summarises the differences."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embeddings import threads
from embeddings.evaluation.qrels import Qrels
from embeddings.indexes.faiss import faiss_index
from embeddings.indexes.faiss.evaluation import TOP_K, exact_neighbours
from embeddings.release import query_set
from embeddings.release.comparison import ChangedQuery, Comparison, GroupComparison, Thresholds, failed_thresholds
from embeddings.release.overlap import overlap, rank_biased_overlap
from embeddings.release.snapshot_run import SnapshotRun, run_queries
from embeddings.snapshots.snapshot import Snapshot

_MOST_CHANGED = 5


def compare(snapshots: Path, before: Snapshot, after: Snapshot, thresholds: Thresholds) -> Comparison:
    """Run the same queries on both snapshots, each with its own encoder, and compare the hits.

    Hits are compared among the papers that both snapshots hold, so that added papers do not count as changes.

    Args:
        snapshots: Folder with the saved queries and the vector cache, which also keeps the vectors of the queries.
        before: The served snapshot.
        after: The new snapshot.
        thresholds: Limits to apply.

    Raises:
        QrelsError: The saved queries cannot be read.
    """
    changes = query_set.compare_papers(before.papers_db, after.papers_db)
    saved = query_set.load(snapshots)
    qrels = query_set.sample(changes, after.papers_db) if saved is None else query_set.limit(saved)
    with threads.single_threaded_blas():
        old = run_queries(snapshots, before, after.papers_db, qrels)
        new = run_queries(snapshots, after, before.papers_db, qrels)
    groups = _Groups(after, old, new)
    languages = np.array(list(new.languages.values()))
    overall = groups.compare(np.ones(len(languages), dtype=np.bool_))
    by_language = {code: groups.compare(languages == code) for code in sorted(set(languages.tolist()))}
    encoder_failures = [] if new.encoder_error is None else [f"its encoder cannot be used: {new.encoder_error}"]
    return Comparison(
        before=before.id,
        after=after.id,
        compared_at=datetime.now(UTC).isoformat(timespec="seconds"),
        query_source="sample" if saved is None else "saved",
        papers=changes.counts,
        overall=overall,
        by_language=by_language,
        most_changed=groups.most_changed(),
        thresholds=thresholds,
        notes=tuple(_notes(before, old, new, qrels, saved)),
        failures=(*encoder_failures, *failed_thresholds(overall, by_language, changes.counts, thresholds)),
    )


class _Groups:
    """Computes the comparison over groups of queries from the results of both snapshots."""

    def __init__(self, after: Snapshot, old: SnapshotRun, new: SnapshotRun) -> None:
        self._old, self._new = old, new
        self._ids = list(new.languages)
        self._pairs = {query: (old.hits[query], new.hits[query]) for query in self._ids if query in old.hits}
        self._exact_scores = self._index_scores = np.empty((0, 0), dtype=np.float32)
        vectors = np.array([new.vectors[query] for query in self._ids], dtype=np.float32)
        if len(vectors):
            self._exact_scores = exact_neighbours(after.embeddings, vectors)
            self._index_scores, _ = after.index.nearest(vectors, TOP_K, threads=threads.available())

    def compare(self, chosen: NDArray[np.bool_]) -> GroupComparison:
        """Compare over the chosen queries; `chosen` has shape (queries,), in the order of the new snapshot's run."""
        ids = [self._ids[i] for i in np.flatnonzero(chosen)]
        known = [query for query in ids if query in self._old.correct and query in self._new.correct]
        pairs = [self._pairs[query] for query in ids if query in self._pairs]
        overlaps = [overlap(*pair) for pair in pairs]
        return GroupComparison(
            queries=len(ids),
            compared=len(pairs),
            overlap=_mean(overlaps),
            min_overlap=min(overlaps, default=None),
            rank_biased_overlap=_mean([rank_biased_overlap(*pair) for pair in pairs]),
            known_items=len(known),
            hit_before=_mean([self._old.correct[query] for query in known]),
            hit_after=_mean([self._new.correct[query] for query in known]),
            index_recall=self._index_recall(chosen),
        )

    def most_changed(self) -> tuple[ChangedQuery, ...]:
        """The queries with the lowest rank-biased overlap, lowest first."""
        changed = [
            ChangedQuery(
                query=self._new.labels[query],
                language=self._new.languages[query],
                overlap=round(overlap(*pair), 4),
                rank_biased_overlap=round(rank_biased_overlap(*pair), 4),
            )
            for query, pair in self._pairs.items()
            if pair[0] != pair[1]
        ]
        return tuple(sorted(changed, key=lambda each: (each.rank_biased_overlap, each.overlap))[:_MOST_CHANGED])

    def _index_recall(self, chosen: NDArray[np.bool_]) -> float | None:
        if not chosen.any():
            return None
        return round(faiss_index.recall(self._index_scores[chosen], self._exact_scores[chosen]), 4)


def _notes(before: Snapshot, old: SnapshotRun, new: SnapshotRun, qrels: Qrels, saved: Qrels | None) -> list[str]:
    """Describe what was left out of the comparison."""
    notes = []
    if old.encoder_error is not None:
        notes.append(f"text queries were not run on {before.id}: {old.encoder_error}")
    if saved is not None and len(saved.queries) > len(qrels.queries):
        notes.append(f"{len(qrels.queries)} of {len(saved.queries)} saved queries were run")
    unknown = sum(query.paper is not None and query.id not in new.hits for query in qrels.queries)
    if unknown:
        notes.append(f"{unknown} queries were skipped: their paper is missing from one of the snapshots")
    return notes


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None
