"""Queries with relevance judgments (qrels), and their resolution to the paper ids of a snapshot."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from embeddings.errors import AmbiguousPaperId, PaperNotFound, QrelsError
from embeddings.queries import Filters
from embeddings.snapshots.papers_db import PapersDb


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query: a text, or a paper whose related papers are wanted.

    Attributes:
        id: Unique among the queries.
        text: The text; None for a query by paper.
        paper: Reference to the paper; None for a query by text.
        language: ISO 639-1 code of the text, if the file states one.
        filters: Restrict the hits.
    """

    id: str
    text: str | None = None
    paper: str | None = None
    language: str | None = None
    filters: Filters = field(default_factory=Filters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Qrels:
    """Queries and their relevance judgments.

    Attributes:
        name: Name of the file or folder.
        queries: In the order of the file.
        grades: Query id → paper's name in the collection → grade. A grade above 0 is relevant. Queries without
            judgments have no entry.
        references: Paper's name in the collection → references by which a snapshot may know it, tried in order.
    """

    name: str
    queries: tuple[Query, ...]
    grades: Mapping[str, Mapping[str, int]]
    references: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedQrels:
    """Qrels with the paper ids of one snapshot.

    Attributes:
        queries: Queries that can be run; their papers are given by id.
        grades: Query id → paper id → grade. A paper that the snapshot lacks keeps its name, and is never retrieved.
        judged: Number of judged papers.
        missing: Names of the judged papers that the snapshot lacks, sorted.
        left_out: Ids of the queries that cannot be run: the snapshot lacks the query's paper or all judged papers.
    """

    queries: tuple[Query, ...]
    grades: Mapping[str, Mapping[str, int]]
    judged: int
    missing: tuple[str, ...]
    left_out: tuple[str, ...]


def resolve(qrels: Qrels, store: PapersDb) -> ResolvedQrels:
    """Map the papers of qrels to a snapshot's papers: by the hash of the abstract, else by external ids.

    A query's own paper is removed from its judgments.

    Raises:
        QrelsError: The snapshot holds none of the judged papers.
    """
    names = {paper for judged in qrels.grades.values() for paper in judged}
    ids = {name: identity for name in names if (identity := _find_id(name, qrels, store))}
    if names and not ids:
        raise QrelsError(
            f"the snapshot holds none of the {len(names)} papers judged in {qrels.name}; build one from its "
            "papers, or name the snapshot that has them"
        )
    queries, grades, left_out = [], {}, []
    for query in qrels.queries:
        judged = qrels.grades.get(query.id, {})
        query_paper = None if query.paper is None else _find_id(query.paper, qrels, store)
        if (query.paper is not None and query_paper is None) or (judged and not any(name in ids for name in judged)):
            left_out.append(query.id)
            continue
        queries.append(replace(query, paper=query_paper))
        merged: dict[str, int] = {}
        for name, grade in judged.items():
            identity = ids.get(name, name)
            if identity != query_paper:  # search never returns the query's own paper
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


def _find_id(name: str, qrels: Qrels, store: PapersDb) -> str | None:
    """Id of a paper in the snapshot; None if the snapshot lacks it."""
    for reference in (*qrels.references.get(name, ()), name):
        try:
            return store.by_rows([store.row(reference)])[0].id
        except (PaperNotFound, AmbiguousPaperId):
            continue
    return None
