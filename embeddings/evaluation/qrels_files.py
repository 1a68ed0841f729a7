"""Reads test collections, known items and saved queries from files."""

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from embeddings.errors import QrelsError
from embeddings.evaluation.qrels import Qrels, Query
from embeddings.papers import paper_id

_TEXT_FIELDS = ("text", "paper", "language")


def read_collection(folder: Path) -> Qrels:
    """Read a test collection.

    Args:
        folder: Holds `corpus.jsonl` or `corpus.jsonl.gz` (`id`, `abstract`, optionally `externalIds`),
            `queries.jsonl` (`id` and `text`, or `id` and `paper`, the id of a paper in the corpus) and `qrels.tsv`
            (query, paper, grade; one header line). Queries without judgments are ignored.

    Raises:
        QrelsError: A file is missing or malformed.
    """
    grades = _read_grades(folder / "qrels.tsv")
    queries = []
    for place, row in _read_rows(folder / "queries.jsonl"):
        if row.get("id") in grades:
            queries.append(_query(place, str(row["id"]), row, paper_is_query=True))
    if not queries:
        raise QrelsError(f"{folder}: no query of queries.jsonl is judged in qrels.tsv")
    needed = {paper for judged in grades.values() for paper in judged}
    needed |= {query.paper for query in queries if query.paper is not None}
    compressed = folder / "corpus.jsonl.gz"
    references = {
        identity: _references(row)
        for place, row in _read_rows(compressed if compressed.is_file() else folder / "corpus.jsonl")
        if (identity := str(row.get("id"))) in needed
    }
    judged = {query.id: grades[query.id] for query in queries}
    return Qrels(name=folder.resolve().name, queries=tuple(queries), grades=judged, references=references)


def read_queries(file: Path) -> Qrels:
    """Read queries from JSON lines; a query's id is the number of its line.

    Each object has `text`, with the `paper` that answers it if that is known; or `paper` alone, a query for its
    related papers. `language` is the language of the text, and is detected if absent.

    Raises:
        QrelsError: The file is missing or malformed.
    """
    queries, grades = [], {}
    for number, (place, row) in enumerate(_read_rows(file), 1):
        query = _query(place, str(number), row, paper_is_query="text" not in row)
        queries.append(query)
        if query.text is not None and "paper" in row:
            grades[query.id] = {row["paper"]: 1}
    if not queries:
        raise QrelsError(f"{file} holds no queries")
    return Qrels(name=file.name, queries=tuple(queries), grades=grades)


def read_known_items(file: Path) -> Qrels:
    """Read queries with exactly one relevant paper each: `text` and `paper`, see `read_queries`.

    Raises:
        QrelsError: The file is missing or malformed, or a query has no relevant paper.
    """
    items = read_queries(file)
    for query in items.queries:
        if query.id not in items.grades:
            raise QrelsError(f"{file}: query {query.id} is not a known item; it needs `text` and `paper`")
    return items


def _read_grades(path: Path) -> dict[str, dict[str, int]]:
    """Query id → paper → grade."""
    grades: dict[str, dict[str, int]] = {}
    for number, line in enumerate(_read_text(path).splitlines()[1:], 2):
        try:
            query, paper, grade = line.split("\t")
            grades.setdefault(query, {})[paper] = int(grade)
        except ValueError:
            raise QrelsError(
                f"{path}:{number} is {line[:60]!r}, expected query, paper and an integer grade, separated by tabs"
            ) from None
    return grades


def _read_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the objects of a JSON lines file, each with its file and line number."""
    for number, line in enumerate(_read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise QrelsError(f"{path}:{number} is not JSON: {error}") from None
        if not isinstance(row, dict):
            raise QrelsError(f"{path}:{number} is not a JSON object")
        yield f"{path}:{number}", row


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
        return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise QrelsError(f"{path} cannot be read: {error}") from error


def _query(place: str, identity: str, row: Mapping[str, Any], *, paper_is_query: bool) -> Query:
    for name in _TEXT_FIELDS:
        if name in row and not (isinstance(row[name], str) and row[name].strip()):
            raise QrelsError(f"{place}: `{name}` is {row[name]!r}, expected text")
    if "text" not in row and "paper" not in row:
        raise QrelsError(f"{place} has neither `text` nor `paper`")
    return Query(
        id=identity,
        text=row.get("text"),
        paper=row["paper"] if paper_is_query and "text" not in row else None,
        language=row.get("language"),
    )


def _references(row: Mapping[str, Any]) -> tuple[str, ...]:
    """References by which a snapshot may know the paper: the id computed from its abstract, then external ids."""
    abstract, external_ids = row.get("abstract"), row.get("externalIds")
    by_abstract = (paper_id(abstract),) if isinstance(abstract, str) and abstract.strip() else ()
    by_external_id = (
        (f"{kind}:{value}" for kind, value in external_ids.items()) if isinstance(external_ids, dict) else ()
    )
    return (*by_abstract, *by_external_id)
