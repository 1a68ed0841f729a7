"""What a new snapshot is asked before it is served: saved queries, or papers that both snapshots hold."""

import hashlib
import heapq
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from embeddings.errors import QrelsError
from embeddings.evaluation.qrels import Qrels, Query, read_queries
from embeddings.files import write_atomically
from embeddings.papers import Paper
from embeddings.snapshots.papers_db import PaperStore
from embeddings.texts.cleaning import clean
from embeddings.texts.sentences import sentences

FILE = "queries.jsonl"
MAX_QUERIES = 200
_SAMPLED_PAPERS = 50
_SAMPLED_FROM = 2_000


@dataclass(frozen=True, slots=True)
class Change:
    """The papers of two snapshots.

    Attributes:
        before: Papers in the first.
        after: Papers in the second.
        came: Papers that only the second holds.
        went: Papers that only the first holds.
        common: The first ids that both hold, in order of id: a fixed random choice, as ids are hashes.
    """

    before: int
    after: int
    came: int
    went: int
    common: tuple[str, ...]


def compare_papers(before: PaperStore, after: PaperStore) -> Change:
    """Count which papers came and went, in one pass over the sorted ids of both; memory does not grow with them."""
    shared = 0
    common: list[str] = []
    last = None
    for identity in heapq.merge(before.sorted_ids(), after.sorted_ids()):
        if identity == last:
            shared += 1
            if len(common) < _SAMPLED_FROM:
                common.append(identity)
        last = identity
    return Change(len(before), len(after), len(after) - shared, len(before) - shared, tuple(common))


def load(snapshots: Path) -> Qrels | None:
    """The operator's queries, at most 200 of them; None if there are none.

    Raises:
        QrelsError: The file is broken.
    """
    path = snapshots / FILE
    return read_queries(path) if path.exists() else None


def limit(queries: Qrels) -> Qrels:
    """At most 200 of the queries, the same ones each time, whatever their order."""
    chosen = heapq.nsmallest(MAX_QUERIES, queries.queries, key=_hash)
    kept = {query.id for query in chosen}
    return replace(queries, queries=tuple(q for q in queries.queries if q.id in kept))


def sample(change: Change, store: PaperStore) -> Qrels:
    """Queries about papers that both snapshots hold, up to 50, the languages in turn: a rare one is asked about too.

    Each paper is asked about itself, and its title or its first sentence is asked as a text.
    """
    papers = store.by_rows([store.row(identity) for identity in change.common])
    queries = []
    for paper in islice(_in_turn(papers), _SAMPLED_PAPERS):
        queries.append(Query(id=f"paper {paper.id}", paper=paper.id))
        text = paper.title or next(iter(sentences(clean(paper.abstract), paper.language)), "")
        if any(character.isalnum() for character in text):
            queries.append(Query(id=f"text {paper.id}", text=text, language=paper.language))
    return Qrels(name="sample", queries=tuple(queries), grades={})


def add(snapshots: Path, file: Path) -> tuple[int, int]:
    """Put the queries of a file into the saved ones; those already there are not put in twice.

    Returns:
        How many were new, and how many there are now.

    Raises:
        QrelsError: A file is missing or broken.
    """
    read_queries(file)  # refuses what cannot be asked
    path = snapshots / FILE
    there = _lines(path) if path.exists() else []
    new = [line for line in dict.fromkeys(_lines(file)) if line not in set(there)]
    snapshots.mkdir(parents=True, exist_ok=True)
    write_atomically(path, "".join(f"{line}\n" for line in (*there, *new)).encode())
    return len(new), len(there) + len(new)


def _lines(path: Path) -> list[str]:
    """Each query spelt one way."""
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise QrelsError(f"{path} cannot be read: {error}") from error
    return [json.dumps(row, ensure_ascii=False) for row in rows]


def _in_turn(papers: list[Paper]) -> Iterator[Paper]:
    """One of each language, then the next of each, until all are there."""
    queues: dict[str, list[Paper]] = {}
    for paper in papers:
        queues.setdefault(paper.language, []).append(paper)
    place = {paper.id: (i, language) for language, queue in queues.items() for i, paper in enumerate(queue)}
    yield from sorted(papers, key=lambda paper: place[paper.id])


def _hash(query: Query) -> bytes:
    return hashlib.sha256(f"{query.text}\0{query.paper}".encode()).digest()
