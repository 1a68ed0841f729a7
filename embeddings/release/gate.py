"""The gate before a snapshot is served: it is asked what the served one is asked, and must not answer too unlike it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embeddings import threads
from embeddings.errors import (
    AmbiguousPaperId,
    EncoderError,
    EncoderMismatch,
    NothingPublished,
    PaperNotFound,
    SnapshotError,
)
from embeddings.evaluation.qrels import Qrels, Query
from embeddings.evaluation.report import query_language, run_query
from embeddings.files import write_atomically
from embeddings.indexes.faiss import faiss_index
from embeddings.indexes.faiss.evaluation import TOP_K, exact_neighbours
from embeddings.queries import Mode
from embeddings.release import query_set
from embeddings.release.comparison import ChangedQuery, Comparison, GroupComparison, Thresholds, failures
from embeddings.release.overlap import overlap, rank_biased_overlap
from embeddings.search.query_encoder import QueryEncoder
from embeddings.search.searcher import Searcher
from embeddings.snapshots import publishing
from embeddings.snapshots.papers_db import PaperStore
from embeddings.snapshots.snapshot import Snapshot

REPORT = "release.json"
"""The last comparison, beside the manifest: not part of the snapshot's content, id or checksums."""

_DEEPEST = 640
_WORST = 5


@dataclass(frozen=True, slots=True)
class ReleaseDecision:
    """What became of a snapshot.

    Attributes:
        snapshot: Its id.
        served: Whether it is served now.
        comparison: With the one served before; None where there was nothing to compare.
        note: Why not, in words.
    """

    snapshot: str
    served: bool
    comparison: Comparison | None = None
    note: str = ""

    def refusal_message(self) -> str:
        """Why it is not served, and what to do."""
        found = self.comparison
        if self.served or found is None:
            raise ValueError(f"{self.snapshot} was not refused")
        return (
            f"{self.snapshot} is not served, {found.before} still is: {'; '.join(found.failures)}. Look at both with "
            f"related-papers search, then: related-papers snapshots publish {self.snapshot} --force"
        )


def publish(snapshots: Path, snapshot: str, thresholds: Thresholds, *, force: bool = False) -> ReleaseDecision:
    """Verify a snapshot, compare it with the one that is served, and serve it if it passes, or if forced.

    A snapshot that is served already, the first one, and one after a snapshot that cannot be read are not compared.

    Raises:
        SnapshotError: There is no such snapshot, or it is damaged.
        QrelsError: The saved queries cannot be read.
    """
    found = publishing.resolve(snapshots, snapshot)
    after = Snapshot.open(snapshots / found, verify=True)
    try:
        before, note = _served(snapshots, found)
        if before is None:
            publishing.serve(snapshots, found)
            return ReleaseDecision(found, True, None, note)
        try:
            comparison = compare(snapshots, before, after, thresholds)
        finally:
            before.close()
    finally:
        after.close()
    served = force or not comparison.failures
    write_atomically(snapshots / found / REPORT, to_json(comparison, served=served).encode())
    if served:
        publishing.serve(snapshots, found)
    return ReleaseDecision(found, served, comparison)


def compare(snapshots: Path, before: Snapshot, after: Snapshot, thresholds: Thresholds) -> Comparison:
    """Ask both snapshots the same queries, each through its own encoder, one after the other.

    New papers are welcome: answers are compared by the papers that both hold.

    Args:
        snapshots: Folder of the saved queries, and of the vector cache, which remembers those of the queries.
        before: The one that is served.
        after: The one to be served.
        thresholds: What it may do.

    Raises:
        QrelsError: The saved queries cannot be read.
    """
    change = query_set.compare_papers(before.store, after.store)
    saved = query_set.load(snapshots)
    queries = query_set.sample(change, after.store) if saved is None else query_set.limit(saved)
    with threads.single_threaded_blas():
        old = _Asked.of(snapshots, before, after.store, queries)
        new = _Asked.of(snapshots, after, before.store, queries)
    ids = list(new.languages)
    languages = np.array([new.languages[query] for query in ids])
    recalled = _RecallOf(after, np.array([new.vectors[query] for query in ids], dtype=np.float32))
    pairs = {query: (old.hits[query], new.hits[query]) for query in ids if query in old.hits}

    def group(chosen: NDArray[np.bool_]) -> GroupComparison:
        mine = [ids[i] for i in np.flatnonzero(chosen)]
        known = [query for query in mine if query in old.right and query in new.right]
        overlaps = [overlap(*pairs[query]) for query in mine if query in pairs]
        return GroupComparison(
            queries=len(mine),
            compared=len(overlaps),
            overlap=_mean(overlaps),
            min_overlap=min(overlaps, default=None),
            rank_biased_overlap=_mean([rank_biased_overlap(*pairs[query]) for query in mine if query in pairs]),
            known_items=len(known),
            hit_before=_mean([old.right[query] for query in known]),
            hit_after=_mean([new.right[query] for query in known]),
            index_recall=recalled(chosen),
        )

    overall = group(np.ones(len(ids), dtype=np.bool_))
    by_language = {code: group(languages == code) for code in sorted(set(languages.tolist()))}
    notes = [] if old.unasked is None else [f"{before.id} was asked no texts: {old.unasked}"]
    if saved is not None and len(saved.queries) > len(queries.queries):
        notes.append(f"{len(queries.queries)} of {len(saved.queries)} saved queries were asked")
    unknown = sum(query.paper is not None and query.id not in new.hits for query in queries.queries)
    if unknown:
        notes.append(f"{unknown} queries are about papers that one of the two does not hold")
    papers = {"before": change.before, "after": change.after, "came": change.came, "went": change.went}
    return Comparison(
        before=before.id,
        after=after.id,
        compared_at=datetime.now(UTC).isoformat(timespec="seconds"),
        asked="sample" if saved is None else "saved",
        papers=papers,
        overall=overall,
        by_language=by_language,
        worst=_worst(pairs, new),
        thresholds=thresholds,
        notes=tuple(notes),
        failures=tuple(
            [
                *([] if new.unasked is None else [f"its encoder cannot be used: {new.unasked}"]),
                *failures(overall, by_language, papers, thresholds),
            ]
        ),
    )


def to_json(comparison: Comparison, *, served: bool) -> str:
    """As `release.json` holds it."""
    return json.dumps({**asdict(comparison), "served": served}, ensure_ascii=False, indent=2) + "\n"


@dataclass(slots=True)
class _Asked:
    """One snapshot's answers, by query.

    Attributes:
        hits: The best ten of the papers that the other snapshot holds too.
        right: Whether the first hit of all is the known answer; of queries whose answer both snapshots hold.
        languages: What each is asked in, in the order of asking.
        vectors: What each was compared by.
        labels: What to call each.
        unasked: Why texts were not asked; None if they were.
    """

    hits: dict[str, list[str]] = field(default_factory=dict)
    right: dict[str, bool] = field(default_factory=dict)
    languages: dict[str, str] = field(default_factory=dict)
    vectors: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    unasked: str | None = None

    @classmethod
    def of(cls, snapshots: Path, snapshot: Snapshot, other: PaperStore, queries: Qrels) -> "_Asked":
        """Ask everything; where the encoder cannot be loaded, papers only."""
        encoder = QueryEncoder(snapshot, snapshots / publishing.VECTOR_CACHE)
        asked, searcher = cls(), Searcher(snapshot, encoder)
        try:
            texts = [query.text for query in queries.queries if query.text is not None]
            try:
                if texts:
                    encoder(texts)  # at once, which is quicker
            except (EncoderError, EncoderMismatch) as error:
                asked.unasked = str(error)
            for query in queries.queries:
                if query.text is None or asked.unasked is None:
                    asked._run(searcher, encoder, query, other, queries)
        finally:
            encoder.close()
        return asked

    def _run(self, searcher: Searcher, encoder: QueryEncoder, query: Query, other: PaperStore, all_of: Qrels) -> None:
        store = searcher.snapshot.store
        if query.paper is not None and (_find(query.paper, store) is None or _find(query.paper, other) is None):
            return
        hits = _common_hits(searcher, query, other)
        self.hits[query.id] = hits.common
        self.languages[query.id] = query_language(searcher, query)
        if query.paper is None:
            self.labels[query.id] = query.text or ""
            self.vectors[query.id] = encoder([query.text or ""]).embeddings[0]
        else:
            row = store.row(query.paper)
            self.labels[query.id] = f"{query.paper[:12]} {store.by_rows([row])[0].label}"
            self.vectors[query.id] = searcher.snapshot.vectors([row])[0]
        right = [name for name in all_of.grades.get(query.id, {}) if _find(name, other) is not None]
        answers = {_find(name, store) for name in right} - {None}
        if answers:
            self.right[query.id] = hits.first is not None and _find(hits.first, store) in answers


@dataclass(frozen=True, slots=True)
class _Hits:
    first: str | None
    common: list[str]


def _common_hits(searcher: Searcher, query: Query, other: PaperStore) -> _Hits:
    """The first hit, and the best ten that the other snapshot holds too: as deep as these lie, within bounds."""
    depth = 2 * TOP_K
    while True:
        hits = run_query(searcher, query, Mode.HYBRID, depth)
        common = [hit for hit in hits if _find(hit, other) is not None][:TOP_K]
        if len(common) == TOP_K or len(hits) < depth or depth >= _DEEPEST:
            return _Hits(hits[0] if hits else None, common)
        depth *= 2


class _RecallOf:
    """Index recall@10 of some of the queries."""

    def __init__(self, snapshot: Snapshot, vectors: NDArray[np.float32]) -> None:
        self._truth = self._scores = np.empty((0, 0), dtype=np.float32)
        if len(vectors):
            self._truth = exact_neighbours(snapshot.embeddings, vectors)
            self._scores, _ = snapshot.index.nearest(vectors, TOP_K, threads=threads.available())

    def __call__(self, chosen: NDArray[np.bool_]) -> float | None:
        return round(faiss_index.recall(self._scores[chosen], self._truth[chosen]), 4) if chosen.any() else None


def _served(snapshots: Path, found: str) -> tuple[Snapshot | None, str]:
    """What is served now, open; or None, and why there is nothing to compare with."""
    try:
        served = publishing.current(snapshots).snapshot
        if served == found:
            return None, "it is served already"
        return Snapshot.open(snapshots / served), ""
    except NothingPublished:
        return None, "it is the first"
    except SnapshotError as error:
        return None, f"the one that is served cannot be asked: {error}"


def _worst(pairs: dict[str, tuple[list[str], list[str]]], asked: _Asked) -> tuple[ChangedQuery, ...]:
    changed = [
        ChangedQuery(
            query=asked.labels[query],
            language=asked.languages[query],
            overlap=round(overlap(*both), 4),
            rank_biased_overlap=round(rank_biased_overlap(*both), 4),
        )
        for query, both in pairs.items()
        if both[0] != both[1]
    ]
    return tuple(sorted(changed, key=lambda each: (each.rank_biased_overlap, each.overlap))[:_WORST])


def _find(reference: str, store: PaperStore) -> int | None:
    try:
        return store.row(reference)
    except (PaperNotFound, AmbiguousPaperId):
        return None


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None
