"""Judged queries: reads collections, known items and saved queries, and finds their papers in a snapshot."""

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from embeddings.errors import AmbiguousPaperId, PaperNotFound, QrelsError
from embeddings.papers import paper_id
from embeddings.queries import Filters
from embeddings.snapshots.papers_db import PaperStore

_TEXT_FIELDS = ("text", "paper", "language")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query: a text, or a paper whose relatives are asked for.

    Attributes:
        id: Names it among the others.
        text: None of a query by paper.
        paper: None of a query by text.
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
    """Queries, and which papers are right answers.

    Attributes:
        name: Of the file or folder.
        queries: In the order of the file.
        grades: Query → paper, by the name it has here → grade; above 0 is relevant. A query may lack.
        references: Paper, by the name it has here → what a snapshot may know it by, tried in this order.
    """

    name: str
    queries: tuple[Query, ...]
    grades: Mapping[str, Mapping[str, int]]
    references: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedQrels:
    """Qrels in the ids of one snapshot.

    Attributes:
        queries: Those that it can be asked; their papers by id.
        grades: Of these queries. A paper that the snapshot lacks keeps its name, and is never found.
        judged: How many papers were judged.
        missing: Names of those that the snapshot lacks.
        left_out: Ids of the queries that cannot be asked: the snapshot has none of the right answers, or not the
            paper asked about.
    """

    queries: tuple[Query, ...]
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
        QrelsError: A file is missing or broken.
    """
    grades = _grades(folder / "qrels.tsv")
    queries = []
    for place, row in _rows(folder / "queries.jsonl"):
        if row.get("id") in grades:
            queries.append(_question(place, str(row["id"]), row, paper_is_asked=True))
    if not queries:
        raise QrelsError(f"{folder}: no query of queries.jsonl is judged in qrels.tsv")
    wanted = {paper for judged in grades.values() for paper in judged}
    wanted |= {query.paper for query in queries if query.paper is not None}
    packed = folder / "corpus.jsonl.gz"
    references = {
        identity: _references(row)
        for place, row in _rows(packed if packed.is_file() else folder / "corpus.jsonl")
        if (identity := str(row.get("id"))) in wanted
    }
    judged = {query.id: grades[query.id] for query in queries}
    return Qrels(name=folder.resolve().name, queries=tuple(queries), grades=judged, references=references)


def read_queries(file: Path) -> Qrels:
    """Read queries, one JSON object a line.

    Each has `text`, with the `paper` that answers it where that is known; or `paper` alone, to ask for its relatives.
    `language` says what the text is written in, else it is detected.

    Raises:
        QrelsError: The file is missing or broken.
    """
    queries, grades = [], {}
    for number, (place, row) in enumerate(_rows(file), 1):
        query = _question(place, str(number), row, paper_is_asked="text" not in row)
        queries.append(query)
        if query.text is not None and "paper" in row:
            grades[query.id] = {row["paper"]: 1}
    if not queries:
        raise QrelsError(f"{file} holds no query")
    return Qrels(name=file.name, queries=tuple(queries), grades=grades)


def read_known_items(file: Path) -> Qrels:
    """Read queries that have one right answer each: `text` and `paper`, see `read_queries`.

    Raises:
        QrelsError: The file is missing or broken, or a query has no answer.
    """
    items = read_queries(file)
    for query in items.queries:
        if query.id not in items.grades:
            raise QrelsError(f"{file}: query {query.id} is no known item; it needs `text` and `paper`")
    return items


def resolve(judgments: Qrels, store: PaperStore) -> ResolvedQrels:
    """Find the papers of judgments in a snapshot: by the content of the abstract, else by other systems' ids.

    Raises:
        QrelsError: It holds none of them.
    """
    names = {paper for judged in judgments.grades.values() for paper in judged}
    ids = {name: identity for name in names if (identity := _found(name, judgments, store))}
    if names and not ids:
        raise QrelsError(
            f"the snapshot holds none of the {len(names)} papers judged in {judgments.name}; build one from its "
            "papers, or name the snapshot that has them"
        )
    queries, grades, left_out = [], {}, []
    for query in judgments.queries:
        judged = judgments.grades.get(query.id, {})
        asked = None if query.paper is None else _found(query.paper, judgments, store)
        if (query.paper is not None and asked is None) or (judged and not any(name in ids for name in judged)):
            left_out.append(query.id)
            continue
        queries.append(replace(query, paper=asked))
        merged: dict[str, int] = {}
        for name, grade in judged.items():
            identity = ids.get(name, name)
            if identity != asked:  # a paper is no answer to itself
                merged[identity] = max(grade, merged.get(identity, grade))
        if merged:
            grades[query.id] = merged
    return ResolvedQrels(
        queries=tuple(queries),
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
            raise QrelsError(
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
            raise QrelsError(f"{path}:{number} is not JSON: {error}") from None
        if not isinstance(row, dict):
            raise QrelsError(f"{path}:{number} is no object")
        yield f"{path}:{number}", row


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise QrelsError(f"{path} cannot be read: {error}") from error


def _question(place: str, identity: str, row: Mapping[str, Any], *, paper_is_asked: bool) -> Query:
    for name in _TEXT_FIELDS:
        if name in row and not (isinstance(row[name], str) and row[name].strip()):
            raise QrelsError(f"{place}: `{name}` is {row[name]!r}, expected text")
    if "text" not in row and "paper" not in row:
        raise QrelsError(f"{place} has neither `text` nor `paper`")
    return Query(
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


def _found(name: str, judgments: Qrels, store: PaperStore) -> str | None:
    """The id that a paper has in the snapshot, if it holds it."""
    for reference in (*judgments.references.get(name, ()), name):
        try:
            return store.by_rows([store.row(reference)])[0].id
        except (PaperNotFound, AmbiguousPaperId):
            continue
    return None
