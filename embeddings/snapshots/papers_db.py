"""Papers on disk: found by row, id or other systems' ids; read in batches, never one query a hit."""

import json
import re
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings import database
from embeddings.errors import AmbiguousPaperId, PaperNotFound, SnapshotError
from embeddings.papers import Paper, PaperSummary, Source

SCHEMA = """
CREATE TABLE papers (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    abstract TEXT NOT NULL,
    title TEXT,
    label TEXT NOT NULL,
    language TEXT NOT NULL,
    year INTEGER,
    authors TEXT,
    venue TEXT,
    url TEXT,
    text_key BLOB NOT NULL,
    tokens_seen INTEGER NOT NULL DEFAULT 0,
    tokens_total INTEGER NOT NULL DEFAULT 0,
    duplicate_group INTEGER
);
CREATE INDEX papers_by_group ON papers (duplicate_group) WHERE duplicate_group IS NOT NULL;
CREATE TABLE sources (
    row INTEGER NOT NULL, file TEXT NOT NULL, line INTEGER NOT NULL, PRIMARY KEY (row, file, line)
) WITHOUT ROWID;
CREATE TABLE categories (
    row INTEGER NOT NULL, category TEXT NOT NULL, PRIMARY KEY (row, category)
) WITHOUT ROWID;
CREATE TABLE external_ids (
    row INTEGER NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (row, kind, value)
) WITHOUT ROWID;
CREATE INDEX external_ids_by_key ON external_ids (key);
"""

_COLUMNS = (
    "row, id, abstract, title, label, language, year, authors, venue, url, tokens_seen, tokens_total, duplicate_group"
)
# Of one statement: each takes as long as reading a few papers
_SUMMARY = (
    "SELECT row, id, abstract, title, label, language, year, duplicate_group, (SELECT json_group_object(kind, value) "
    "FROM external_ids WHERE external_ids.row = papers.row) FROM papers WHERE row IN"
)
# Two kilobytes each. Papers that are near many others come again and again.
_SUMMARIES_KEPT = 10_000
_SHA = re.compile(r"[0-9a-fA-F]{8,40}")
_BARE_DOI = re.compile(r"10\.\d{4,9}/\S+")
# SQLite takes 32,766 parameters a statement; fewer keep its plans small
_IDS_A_STATEMENT = 500


def external_key(kind: str, value: str) -> str:
    """How an id of another system is looked up: `ARXIV:2301.00001`, without regard to case."""
    return f"{kind}:{value}".casefold()


class PapersDb:
    """A finished `papers.db`, open for reading from any thread."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            SnapshotError: It is no database of papers.
        """
        self._path = path
        self._local = threading.local()
        self._connections: list[database.Connection] = []
        self._opening = threading.Lock()
        self._summaries: dict[int, PaperSummary] = {}
        try:
            # Rows are numbered from 0 without gaps: the last one is found at once, where counting would read them all
            (last,) = self._connection.execute("SELECT max(row) FROM papers").fetchone()
        except database.DatabaseError as error:
            raise SnapshotError(f"{path} is no database of papers: {error}") from error
        self._count = 0 if last is None else int(last) + 1

    def __len__(self) -> int:
        return self._count

    @property
    def _connection(self) -> database.Connection:
        """One connection a thread: they share the page cache of the system, and no locks."""
        connection: database.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = database.open_immutable(self._path)
            with self._opening:
                self._connections.append(connection)
        return connection

    def row(self, reference: str) -> int:
        """Find the row of a paper; for `reference` and errors see `find`."""
        return self.find(reference)[0]

    def find(self, reference: str) -> tuple[int, str]:
        """Find the row of a paper, and its id.

        Args:
            reference: Its id, the beginning of its id (8 digits or more), an id of another system with its prefix
                (`ARXIV:2301.00001`, `DOI:10.1000/x`, `CorpusId:1`; any case), or a bare DOI.

        Raises:
            PaperNotFound: No paper has it.
            AmbiguousPaperId: Several papers have it.
        """
        wanted = reference.strip()
        if _SHA.fullmatch(wanted):
            low = wanted.lower()
            found = self._connection.execute(
                "SELECT row, id FROM papers WHERE id >= ? AND id < ? LIMIT 2", (low, low + "g")
            ).fetchall()
        else:
            kind, _, value = wanted.partition(":")
            key = external_key("DOI", wanted) if _BARE_DOI.fullmatch(wanted) else external_key(kind, value)
            found = self._connection.execute(
                "SELECT DISTINCT row, id FROM external_ids JOIN papers USING (row) WHERE key = ? LIMIT 2", (key,)
            ).fetchall()
        if not found:
            raise PaperNotFound(
                f"no paper {reference!r}; give its 40-digit id, the first 8 digits or more of it, or an id of another "
                "system with its prefix, such as ARXIV:2301.00001 or DOI:10.1000/x"
            )
        if len(found) > 1:
            raise AmbiguousPaperId(f"{reference!r} fits several papers; give more digits of the id")
        row, identity = found[0]
        return row, identity

    def by_rows(self, rows: Sequence[int]) -> list[Paper]:
        """Read papers in the order of their rows."""
        wanted = [int(row) for row in rows]
        found = {r[0]: r for r in self._select(f"SELECT {_COLUMNS} FROM papers WHERE row IN", wanted)}
        details: dict[str, dict[int, list[Any]]] = {}
        for name, column in (("sources", "file, line"), ("categories", "category"), ("external_ids", "kind, value")):
            details[name] = defaultdict(list)
            for row, *values in self._select(f"SELECT row, {column} FROM {name} WHERE row IN", wanted):
                details[name][row].append(values)
        twins = self._twins(sorted({r[12] for r in found.values() if r[12] is not None}))
        return [self._paper(found[row], details, twins) for row in wanted]

    def summaries(self, rows: Sequence[int]) -> list[PaperSummary]:
        """Read what hits show of papers, in the order of their rows; faster than `by_rows`, and cached."""
        wanted = [int(row) for row in rows]
        known = self._summaries
        missing = [row for row in wanted if row not in known]
        if missing:
            if len(known) + len(missing) > _SUMMARIES_KEPT:
                known = self._summaries = {}  # whoever reads the old ones has them still
                missing = wanted
            known.update(self._read_summaries(missing))
        return [known[row] for row in wanted]

    def all_summaries(self) -> Iterator[PaperSummary]:
        """Read what hits show of every paper, in row order; none is remembered."""
        for start in range(0, self._count, _IDS_A_STATEMENT):
            rows = range(start, min(start + _IDS_A_STATEMENT, self._count))
            found = self._read_summaries(rows)
            yield from (found[row] for row in rows)

    def page(self, offset: int, limit: int) -> list[Paper]:
        """Read papers in row order, from `offset`."""
        return self.by_rows(range(min(offset, self._count), min(offset + limit, self._count)))

    def groups(self, rows: Sequence[int]) -> dict[int, int]:
        """Which of these rows belong to which group of near-duplicates."""
        query = "SELECT row, duplicate_group FROM papers WHERE duplicate_group IS NOT NULL AND row IN"
        return dict(self._select(query, [int(row) for row in rows]))

    def rows_where(self, condition: str, parameters: Sequence[object]) -> NDArray[np.int64]:
        """Rows that meet a condition over one of our tables, `TABLE WHERE …`; never made from user text."""
        found = self._connection.execute(f"SELECT DISTINCT row FROM {condition}", tuple(parameters))
        return np.fromiter((row for (row,) in found), dtype=np.int64)

    def ids(self) -> Iterator[str]:
        """All ids in row order."""
        for (identity,) in self._connection.execute("SELECT id FROM papers ORDER BY row"):
            yield identity

    def sorted_ids(self) -> Iterator[str]:
        """All ids in their own order."""
        for (identity,) in self._connection.execute("SELECT id FROM papers ORDER BY id"):
            yield identity

    def count_by(self, column: str) -> dict[str, int]:
        """How many papers have each value of a column of ours, most frequent first; never made from user text."""
        counted = self._connection.execute(
            f"SELECT {column}, count(*) FROM papers GROUP BY {column} ORDER BY 2 DESC, 1"
        )
        return {str(value): count for value, count in counted}

    def close(self) -> None:
        """Close every thread's connection. Nothing may be asked afterwards."""
        with self._opening:
            while self._connections:
                self._connections.pop().close()

    def _select(self, query: str, keys: Sequence[object]) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(keys), _IDS_A_STATEMENT):
            part = keys[start : start + _IDS_A_STATEMENT]
            yield from self._connection.execute(f"{query} ({','.join('?' * len(part))})", tuple(part))

    def _read_summaries(self, rows: Sequence[int]) -> dict[int, PaperSummary]:
        found = list(self._select(_SUMMARY, rows))
        groups = {r[7] for r in found if r[7] is not None}
        twins = self._twins(sorted(groups)) if groups else {}
        return {
            row: PaperSummary(
                id=identity,
                abstract=abstract,
                title=title,
                label=label,
                language=language,
                year=year,
                external_ids={} if others == "{}" else json.loads(others),
                duplicates=_others(twins, group, identity),
            )
            for row, identity, abstract, title, label, language, year, group, others in found
        }

    def _twins(self, groups: Sequence[int]) -> dict[int, list[str]]:
        members: dict[int, list[str]] = defaultdict(list)
        for group, identity in self._select(
            "SELECT duplicate_group, id FROM papers WHERE duplicate_group IN", list(groups)
        ):
            members[group].append(identity)
        return members

    def _paper(
        self, found: tuple[Any, ...], details: dict[str, dict[int, list[Any]]], twins: dict[int, list[str]]
    ) -> Paper:
        row, identity, abstract, title, label, language, year, authors, venue, url, seen, total, group = found
        return Paper(
            id=identity,
            abstract=abstract,
            title=title,
            label=label,
            language=language,
            year=year,
            categories=tuple(category for (category,) in details["categories"][row]),
            authors=tuple(json.loads(authors)) if authors else (),
            venue=venue,
            url=url,
            external_ids=dict(details["external_ids"][row]),
            sources=tuple(Source(file, line) for file, line in details["sources"][row]),
            tokens_seen=seen,
            tokens_total=total,
            duplicates=_others(twins, group, identity),
        )


def _others(twins: dict[int, list[str]], group: int | None, identity: str) -> tuple[str, ...]:
    """The other papers of a group."""
    return () if group is None else tuple(sorted(twin for twin in twins[group] if twin != identity))
