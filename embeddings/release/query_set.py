"""The queries that the release gate runs: the operator's saved queries, or a sample of the papers in both snapshots."""

import hashlib
import heapq
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from embeddings.errors import QrelsError
from embeddings.evaluation.qrels import Qrels, Query
from embeddings.evaluation.qrels_files import read_queries
from embeddings.files import write_atomically
from embeddings.papers import Paper
from embeddings.release.comparison import PaperCounts
from embeddings.snapshots.papers_db import PapersDb
from embeddings.texts.cleaning import clean
from embeddings.texts.sentences import sentences

FILE = "queries.jsonl"
MAX_QUERIES = 200
_SAMPLE_PAPERS = 50
_SAMPLE_CANDIDATES = 2_000


@dataclass(frozen=True, slots=True)
class PaperChanges:
    """Differences between the papers of two snapshots.

    Attributes:
        counts: How many papers there are, were added and were removed.
        common: Up to 2,000 ids that both snapshots hold, in ascending order. Ids are hashes, so this is a
            reproducible random sample.
    """

    counts: PaperCounts
    common: tuple[str, ...]


def compare_papers(before: PapersDb, after: PapersDb) -> PaperChanges:
    """Count added and removed papers in one pass over the sorted ids of both stores, in constant memory."""
    shared = 0
    common: list[str] = []
    last = None
    for identity in heapq.merge(before.sorted_ids(), after.sorted_ids()):
        if identity == last:
            shared += 1
            if len(common) < _SAMPLE_CANDIDATES:
                common.append(identity)
        last = identity
    counts = PaperCounts(before=len(before), after=len(after), added=len(after) - shared, removed=len(before) - shared)
    return PaperChanges(counts, tuple(common))


def load(snapshots: Path) -> Qrels | None:
    """Read the operator's saved queries; None if there are none.

    Raises:
        QrelsError: The file is malformed.
    """
    path = snapshots / FILE
    return read_queries(path) if path.exists() else None


def limit(queries: Qrels) -> Qrels:
    """Select at most 200 queries by the hash of their content: the same ones for any order of the file."""
    chosen = heapq.nsmallest(MAX_QUERIES, queries.queries, key=_hash)
    kept = {query.id for query in chosen}
    return replace(queries, queries=tuple(query for query in queries.queries if query.id in kept))


def sample(changes: PaperChanges, store: PapersDb) -> Qrels:
    """Make queries from up to 50 papers that both snapshots hold.

    Each paper gives two queries: the paper itself, and its title or first sentence as text. Languages alternate, so
    that a rare language is represented.

    Args:
        changes: See `compare_papers`.
        store: Of either snapshot.
    """
    papers = store.by_rows([store.row(identity) for identity in changes.common])
    queries = []
    for paper in islice(_alternate_languages(papers), _SAMPLE_PAPERS):
        queries.append(Query(id=f"paper {paper.id}", paper=paper.id))
        text = paper.title or next(iter(sentences(clean(paper.abstract), paper.language)), "")
        if any(character.isalnum() for character in text):
            queries.append(Query(id=f"text {paper.id}", text=text, language=paper.language))
    return Qrels(name="sample", queries=tuple(queries), grades={})


def add(snapshots: Path, file: Path) -> tuple[int, int]:
    """Add the queries of a file to the saved ones. Queries that are already saved are not added again.

    Returns:
        The number of new queries, and the total after adding.

    Raises:
        QrelsError: A file is missing or malformed.
    """
    read_queries(file)  # raises if a line is not a valid query
    path = snapshots / FILE
    present = _normalised_lines(path) if path.exists() else []
    new = [line for line in dict.fromkeys(_normalised_lines(file)) if line not in set(present)]
    snapshots.mkdir(parents=True, exist_ok=True)
    write_atomically(path, "".join(f"{line}\n" for line in (*present, *new)).encode())
    return len(new), len(present) + len(new)


def _normalised_lines(path: Path) -> list[str]:
    """Serialise each query in one form, so that equal queries are equal strings."""
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise QrelsError(f"{path} cannot be read: {error}") from error
    return [json.dumps(row, ensure_ascii=False) for row in rows]


def _alternate_languages(papers: list[Paper]) -> Iterator[Paper]:
    """Yield the first paper of each language, then the second of each, and so on."""
    queues: dict[str, list[Paper]] = {}
    for paper in papers:
        queues.setdefault(paper.language, []).append(paper)
    place = {paper.id: (i, language) for language, queue in queues.items() for i, paper in enumerate(queue)}
    yield from sorted(papers, key=lambda paper: place[paper.id])


def _hash(query: Query) -> bytes:
    return hashlib.sha256(f"{query.text}\0{query.paper}".encode()).digest()
