"""What a new snapshot is asked before it is served: saved questions, or papers that both snapshots hold."""

import hashlib
import heapq
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from embeddings.errors import JudgmentError
from embeddings.evaluation.qrels import Qrels, Question, read_questions
from embeddings.files import write_atomically
from embeddings.papers import Paper
from embeddings.snapshots.papers_db import PapersDb
from embeddings.texts.cleaning import clean
from embeddings.texts.sentences import sentences

FILE = "queries.jsonl"
MOST_QUESTIONS = 200
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


def compare_papers(before: PapersDb, after: PapersDb) -> Change:
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


def saved(snapshots: Path) -> Qrels | None:
    """The operator's questions, at most 200 of them; None if there are none.

    Raises:
        JudgmentError: The file is broken.
    """
    path = snapshots / FILE
    return read_questions(path) if path.exists() else None


def bounded(questions: Qrels) -> Qrels:
    """At most 200 of the questions, the same ones each time, whatever their order."""
    chosen = heapq.nsmallest(MOST_QUESTIONS, questions.questions, key=_hash)
    kept = {question.id for question in chosen}
    return replace(questions, questions=tuple(q for q in questions.questions if q.id in kept))


def sampled(change: Change, store: PapersDb) -> Qrels:
    """Questions about papers that both snapshots hold, up to 50, the languages in turn: a rare one is asked about too.

    Each paper is asked about itself, and its title or its first sentence is asked as a text.
    """
    papers = store.by_rows([store.row(identity) for identity in change.common])
    questions = []
    for paper in islice(_in_turn(papers), _SAMPLED_PAPERS):
        questions.append(Question(id=f"paper {paper.id}", paper=paper.id))
        text = paper.title or next(iter(sentences(clean(paper.abstract), paper.language)), "")
        if any(character.isalnum() for character in text):
            questions.append(Question(id=f"text {paper.id}", text=text, language=paper.language))
    return Qrels(name="sample", questions=tuple(questions), grades={})


def add(snapshots: Path, file: Path) -> tuple[int, int]:
    """Put the questions of a file into the saved ones; those already there are not put in twice.

    Returns:
        How many were new, and how many there are now.

    Raises:
        JudgmentError: A file is missing or broken.
    """
    read_questions(file)  # refuses what cannot be asked
    path = snapshots / FILE
    there = _lines(path) if path.exists() else []
    new = [line for line in dict.fromkeys(_lines(file)) if line not in set(there)]
    snapshots.mkdir(parents=True, exist_ok=True)
    write_atomically(path, "".join(f"{line}\n" for line in (*there, *new)).encode())
    return len(new), len(there) + len(new)


def _lines(path: Path) -> list[str]:
    """Each question spelt one way."""
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise JudgmentError(f"{path} cannot be read: {error}") from error
    return [json.dumps(row, ensure_ascii=False) for row in rows]


def _in_turn(papers: list[Paper]) -> Iterator[Paper]:
    """One of each language, then the next of each, until all are there."""
    queues: dict[str, list[Paper]] = {}
    for paper in papers:
        queues.setdefault(paper.language, []).append(paper)
    place = {paper.id: (i, language) for language, queue in queues.items() for i, paper in enumerate(queue)}
    yield from sorted(papers, key=lambda paper: place[paper.id])


def _hash(question: Question) -> bytes:
    return hashlib.sha256(f"{question.text}\0{question.paper}".encode()).digest()
