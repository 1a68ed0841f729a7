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
from embeddings.evaluation.qrels import Qrels, Question
from embeddings.evaluation.report import ask, language
from embeddings.files import write_atomically
from embeddings.indexes.faiss import faiss_index
from embeddings.indexes.faiss.evaluation import TOP_K, exact_neighbours
from embeddings.queries import Mode
from embeddings.release import query_set
from embeddings.release.comparison import Changed, Compared, Comparison, Thresholds, failures
from embeddings.release.overlap import overlap, rank_biased_overlap
from embeddings.search.query_encoder import QueryEncoder
from embeddings.search.searcher import Searcher
from embeddings.snapshots.folder import VECTOR_CACHE, FolderSource
from embeddings.snapshots.papers_db import PapersDb
from embeddings.snapshots.snapshot import Snapshot

REPORT = "release.json"
"""The last comparison, beside the manifest: not part of the snapshot's content, id or checksums."""

_DEEPEST = 640
_WORST = 5


@dataclass(frozen=True, slots=True)
class Release:
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

    def refusal(self) -> str:
        """Why it is not served, and what to do."""
        found = self.comparison
        if self.served or found is None:
            raise ValueError(f"{self.snapshot} was not refused")
        return (
            f"{self.snapshot} is not served, {found.before} still is: {'; '.join(found.failures)}. Look at both with "
            f"related-papers search, then: related-papers snapshots publish {self.snapshot} --force"
        )


def publish(snapshots: Path, snapshot: str, thresholds: Thresholds, *, force: bool = False) -> Release:
    """Verify a snapshot, compare it with the one that is served, and serve it if it passes, or if forced.

    A snapshot that is served already, the first one, and one after a snapshot that cannot be read are not compared.

    Raises:
        SnapshotError: There is no such snapshot, or it is damaged.
        JudgmentError: The saved questions cannot be read.
        PublishConflict: Another snapshot was published during the comparison.
    """
    source = FolderSource(snapshots)
    found = source.resolve(snapshot)
    expected = source.token()
    after = Snapshot.open(snapshots / found, verify=True)
    try:
        before, note = _served(snapshots, found)
        if before is None:
            source.publish(found, expected=expected, verify=False)
            return Release(found, True, None, note)
        try:
            comparison = compare(snapshots, before, after, thresholds)
        finally:
            before.close()
    finally:
        after.close()
    served = force or not comparison.failures
    write_atomically(snapshots / found / REPORT, to_json(comparison, served=served).encode())
    if served:
        source.publish(found, expected=expected, verify=False)
    return Release(found, served, comparison)


def compare(snapshots: Path, before: Snapshot, after: Snapshot, thresholds: Thresholds) -> Comparison:
    """Ask both snapshots the same questions, each through its own encoder, one after the other.

    New papers are welcome: answers are compared by the papers that both hold.

    Args:
        snapshots: Folder of the saved questions, and of the vector cache, which remembers those of the questions.
        before: The one that is served.
        after: The one to be served.
        thresholds: What it may do.

    Raises:
        JudgmentError: The saved questions cannot be read.
    """
    change = query_set.compare_papers(before.papers_db, after.papers_db)
    saved = query_set.saved(snapshots)
    questions = query_set.sampled(change, after.papers_db) if saved is None else query_set.bounded(saved)
    with threads.multiply_alone():
        old = _Asked.of(snapshots, before, after.papers_db, questions)
        new = _Asked.of(snapshots, after, before.papers_db, questions)
    ids = list(new.languages)
    languages = np.array([new.languages[question] for question in ids])
    recalled = _RecallOf(after, np.array([new.vectors[question] for question in ids], dtype=np.float32))
    pairs = {question: (old.hits[question], new.hits[question]) for question in ids if question in old.hits}

    def group(chosen: NDArray[np.bool_]) -> Compared:
        mine = [ids[i] for i in np.flatnonzero(chosen)]
        known = [question for question in mine if question in old.right and question in new.right]
        overlaps = [overlap(*pairs[question]) for question in mine if question in pairs]
        return Compared(
            questions=len(mine),
            compared=len(overlaps),
            overlap=_mean(overlaps),
            least_overlap=min(overlaps, default=None),
            rank_biased_overlap=_mean(
                [rank_biased_overlap(*pairs[question]) for question in mine if question in pairs]
            ),
            known_items=len(known),
            hit_before=_mean([old.right[question] for question in known]),
            hit_after=_mean([new.right[question] for question in known]),
            index_recall=recalled(chosen),
        )

    overall = group(np.ones(len(ids), dtype=np.bool_))
    by_language = {code: group(languages == code) for code in sorted(set(languages.tolist()))}
    notes = [] if old.unasked is None else [f"{before.id} was asked no texts: {old.unasked}"]
    if saved is not None and len(saved.questions) > len(questions.questions):
        notes.append(f"{len(questions.questions)} of {len(saved.questions)} saved questions were asked")
    unknown = sum(question.paper is not None and question.id not in new.hits for question in questions.questions)
    if unknown:
        notes.append(f"{unknown} questions are about papers that one of the two does not hold")
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
    """One snapshot's answers, by question.

    Attributes:
        hits: The best ten of the papers that the other snapshot holds too.
        right: Whether the first hit of all is the known answer; of questions whose answer both snapshots hold.
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
    def of(cls, snapshots: Path, snapshot: Snapshot, other: PapersDb, questions: Qrels) -> "_Asked":
        """Ask everything; where the encoder cannot be loaded, papers only."""
        encoder = QueryEncoder(snapshot, snapshots / VECTOR_CACHE)
        asked, searcher = cls(), Searcher(snapshot, encoder)
        try:
            texts = [question.text for question in questions.questions if question.text is not None]
            try:
                if texts:
                    encoder(texts)  # at once, which is quicker
            except (EncoderError, EncoderMismatch) as error:
                asked.unasked = str(error)
            for question in questions.questions:
                if question.text is None or asked.unasked is None:
                    asked._ask(searcher, encoder, question, other, questions)
        finally:
            encoder.close()
        return asked

    def _ask(
        self, searcher: Searcher, encoder: QueryEncoder, question: Question, other: PapersDb, all_of: Qrels
    ) -> None:
        store = searcher.snapshot.papers_db
        if question.paper is not None and (
            _find(question.paper, store) is None or _find(question.paper, other) is None
        ):
            return
        hits = _common_hits(searcher, question, other)
        self.hits[question.id] = hits.common
        self.languages[question.id] = language(searcher, question)
        if question.paper is None:
            self.labels[question.id] = question.text or ""
            self.vectors[question.id] = encoder([question.text or ""]).embeddings[0]
        else:
            row = store.row(question.paper)
            self.labels[question.id] = f"{question.paper[:12]} {store.by_rows([row])[0].label}"
            self.vectors[question.id] = searcher.snapshot.vectors([row])[0]
        right = [name for name in all_of.grades.get(question.id, {}) if _find(name, other) is not None]
        answers = {_find(name, store) for name in right} - {None}
        if answers:
            self.right[question.id] = hits.first is not None and _find(hits.first, store) in answers


@dataclass(frozen=True, slots=True)
class _Hits:
    first: str | None
    common: list[str]


def _common_hits(searcher: Searcher, question: Question, other: PapersDb) -> _Hits:
    """The first hit, and the best ten that the other snapshot holds too: as deep as these lie, within bounds."""
    depth = 2 * TOP_K
    while True:
        hits = ask(searcher, question, Mode.HYBRID, depth)
        common = [hit for hit in hits if _find(hit, other) is not None][:TOP_K]
        if len(common) == TOP_K or len(hits) < depth or depth >= _DEEPEST:
            return _Hits(hits[0] if hits else None, common)
        depth *= 2


class _RecallOf:
    """Index recall@10 of some of the questions."""

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
        served = FolderSource(snapshots).current().snapshot
        if served == found:
            return None, "it is served already"
        return Snapshot.open(snapshots / served), ""
    except NothingPublished:
        return None, "it is the first"
    except SnapshotError as error:
        return None, f"the one that is served cannot be asked: {error}"


def _worst(pairs: dict[str, tuple[list[str], list[str]]], asked: _Asked) -> tuple[Changed, ...]:
    changed = [
        Changed(
            question=asked.labels[question],
            language=asked.languages[question],
            overlap=round(overlap(*both), 4),
            rank_biased_overlap=round(rank_biased_overlap(*both), 4),
        )
        for question, both in pairs.items()
        if both[0] != both[1]
    ]
    return tuple(sorted(changed, key=lambda each: (each.rank_biased_overlap, each.overlap))[:_WORST])


def _find(reference: str, store: PapersDb) -> int | None:
    try:
        return store.row(reference)
    except (PaperNotFound, AmbiguousPaperId):
        return None


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None
