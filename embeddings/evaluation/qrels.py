"""Judged questions: reads collections, known items and saved questions, and finds their papers in a snapshot."""

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from embeddings.errors import AmbiguousPaperId, JudgmentError, PaperNotFound
from embeddings.papers import paper_id
from embeddings.queries import Filters
from embeddings.snapshots.papers_db import PapersDb

_TEXT_FIELDS = ("text", "paper", "language")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question: a text, or a paper whose relatives are asked for.

    Attributes:
        id: Names it among the others.
        text: None of a question by paper.
        paper: None of a question by text.
        language: ISO 639-1 code of the text, where the file states one.
        filters: What may be an answer.
    """

    id: str
    text: str | None = None
    paper: str | None = None
    language: str | None = None
    filters: Filters = field(default_factory=Filters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Qrels:
    """Questions, and which papers are right answers.

    Attributes:
        name: Of the file or folder.
        questions: In the order of the file.
        grades: Question → paper, by the name it has here → grade; above 0 is relevant. A question may lack.
        references: Paper, by the name it has here → what a snapshot may know it by, tried in this order.
    """

    name: str
    questions: tuple[Question, ...]
    grades: Mapping[str, Mapping[str, int]]
    references: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Qrels in the ids of one snapshot.

    Attributes:
        questions: Those that it can be asked; their papers by id.
        grades: Of these questions. A paper that the snapshot lacks keeps its name, and is never found.
        judged: How many papers were judged.
        missing: Names of those that the snapshot lacks.
        left_out: Ids of the questions that cannot be asked: the snapshot has none of the right answers, or not the
            paper asked about.
    """

    questions: tuple[Question, ...]
    grades: Mapping[str, Mapping[str, int]]
    judged: int
    missing: tuple[str, ...]
    left_out: tuple[str, ...]


def read_collection(folder: Path) -> Qrels:
    """Read a test collection.

    Args:
        folder: Holds `corpus.jsonl` or `corpus.jsonl.gz` (`id`, `abstract`, and `externalIds` if there are),
            `queries.jsonl` (`id` and `text`, or `id` and `paper`, the id of a paper in the corpus) and `qrels.tsv`
            (query, paper, grade; one header line).

    Raises:
        JudgmentError: A file is missing or broken.
    """
    grades = _grades(folder / "qrels.tsv")
    questions = []
    for place, row in _rows(folder / "queries.jsonl"):
        if row.get("id") in grades:
            questions.append(_question(place, str(row["id"]), row, paper_is_asked=True))
    if not questions:
        raise JudgmentError(f"{folder}: no query of queries.jsonl is judged in qrels.tsv")
    wanted = {paper for judged in grades.values() for paper in judged}
    wanted |= {question.paper for question in questions if question.paper is not None}
    packed = folder / "corpus.jsonl.gz"
    references = {
        identity: _references(row)
        for place, row in _rows(packed if packed.is_file() else folder / "corpus.jsonl")
        if (identity := str(row.get("id"))) in wanted
    }
    judged = {question.id: grades[question.id] for question in questions}
    return Qrels(name=folder.resolve().name, questions=tuple(questions), grades=judged, references=references)


def read_questions(file: Path) -> Qrels:
    """Read questions, one JSON object a line.

    Each has `text`, with the `paper` that answers it where that is known; or `paper` alone, to ask for its relatives.
    `language` says what the text is written in, else it is detected.

    Raises:
        JudgmentError: The file is missing or broken.
    """
    questions, grades = [], {}
    for number, (place, row) in enumerate(_rows(file), 1):
        question = _question(place, str(number), row, paper_is_asked="text" not in row)
        questions.append(question)
        if question.text is not None and "paper" in row:
            grades[question.id] = {row["paper"]: 1}
    if not questions:
        raise JudgmentError(f"{file} holds no question")
    return Qrels(name=file.name, questions=tuple(questions), grades=grades)


def read_known_items(file: Path) -> Qrels:
    """Read questions that have one right answer each: `text` and `paper`, see `read_questions`.

    Raises:
        JudgmentError: The file is missing or broken, or a question has no answer.
    """
    items = read_questions(file)
    for question in items.questions:
        if question.id not in items.grades:
            raise JudgmentError(f"{file}: question {question.id} is no known item; it needs `text` and `paper`")
    return items


def resolve(judgments: Qrels, store: PapersDb) -> Resolved:
    """Find the papers of judgments in a snapshot: by the content of the abstract, else by other systems' ids.

    Raises:
        JudgmentError: It holds none of them.
    """
    names = {paper for judged in judgments.grades.values() for paper in judged}
    ids = {name: identity for name in names if (identity := _found(name, judgments, store))}
    if names and not ids:
        raise JudgmentError(
            f"the snapshot holds none of the {len(names)} papers judged in {judgments.name}; build one from its "
            "papers, or name the snapshot that has them"
        )
    questions, grades, left_out = [], {}, []
    for question in judgments.questions:
        judged = judgments.grades.get(question.id, {})
        asked = None if question.paper is None else _found(question.paper, judgments, store)
        if (question.paper is not None and asked is None) or (judged and not any(name in ids for name in judged)):
            left_out.append(question.id)
            continue
        questions.append(replace(question, paper=asked))
        merged: dict[str, int] = {}
        for name, grade in judged.items():
            identity = ids.get(name, name)
            if identity != asked:  # a paper is no answer to itself
                merged[identity] = max(grade, merged.get(identity, grade))
        if merged:
            grades[question.id] = merged
    return Resolved(
        questions=tuple(questions),
        grades=grades,
        judged=len(names),
        missing=tuple(sorted(names - ids.keys())),
        left_out=tuple(left_out),
    )


def _grades(path: Path) -> dict[str, dict[str, int]]:
    grades: dict[str, dict[str, int]] = {}
    for number, line in enumerate(_text(path).splitlines()[1:], 2):
        try:
            query, paper, grade = line.split("\t")
            grades.setdefault(query, {})[paper] = int(grade)
        except ValueError:
            raise JudgmentError(
                f"{path}:{number} is {line[:60]!r}, expected query, paper and a whole grade, between tabs"
            ) from None
    return grades


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Objects of a file of JSON lines, each with its place."""
    for number, line in enumerate(_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise JudgmentError(f"{path}:{number} is not JSON: {error}") from None
        if not isinstance(row, dict):
            raise JudgmentError(f"{path}:{number} is no object")
        yield f"{path}:{number}", row


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise JudgmentError(f"{path} cannot be read: {error}") from error


def _question(place: str, identity: str, row: Mapping[str, Any], *, paper_is_asked: bool) -> Question:
    for name in _TEXT_FIELDS:
        if name in row and not (isinstance(row[name], str) and row[name].strip()):
            raise JudgmentError(f"{place}: `{name}` is {row[name]!r}, expected text")
    if "text" not in row and "paper" not in row:
        raise JudgmentError(f"{place} has neither `text` nor `paper`")
    return Question(
        id=identity,
        text=row.get("text"),
        paper=row["paper"] if paper_is_asked and "text" not in row else None,
        language=row.get("language"),
    )


def _references(row: Mapping[str, Any]) -> tuple[str, ...]:
    abstract, others = row.get("abstract"), row.get("externalIds")
    by_content = (paper_id(abstract),) if isinstance(abstract, str) and abstract.strip() else ()
    by_others = (f"{kind}:{value}" for kind, value in others.items()) if isinstance(others, dict) else ()
    return (*by_content, *by_others)


def _found(name: str, judgments: Qrels, store: PapersDb) -> str | None:
    """The id that a paper has in the snapshot, if it holds it."""
    for reference in (*judgments.references.get(name, ()), name):
        try:
            return store.by_rows([store.row(reference)])[0].id
        except (PaperNotFound, AmbiguousPaperId):
            continue
    return None
