"""`papers.db`: papers by row, by id and by the ids of other systems. Reads many papers per statement."""

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
from embeddings.papers import JSON, Paper, PaperSummary, Source

SCHEMA = """
CREATE TABLE papers (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    abstract TEXT NOT NULL,
    title TEXT,
    label TEXT NOT NULL,
    language TEXT NOT NULL,
    year INTEGER,
    date TEXT,
    authors TEXT,
    venue TEXT,
    url TEXT,
    extra TEXT,
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
    "row, id, abstract, title, label, language, year, date, authors, venue, url, extra, tokens_seen, tokens_total, "
    "duplicate_group"
)
# One statement: each costs as much as reading a few papers
_SUMMARY = (
    "SELECT row, id, abstract, title, label, language, year, date, authors, venue, url, duplicate_group, "
    "(SELECT json_group_object(kind, value) FROM external_ids WHERE external_ids.row = papers.row), "
    "(SELECT json_group_array(category) FROM categories WHERE categories.row = papers.row) FROM papers WHERE row IN"
)
# About 2 KB each. Papers that are close to many others are read often.
_SUMMARIES_KEPT = 10_000
_SHA = re.compile(r"[0-9a-fA-F]{8,40}")
_BARE_DOI = re.compile(r"10\.\d{4,9}/\S+")
# SQLite allows 32,766 parameters per statement; fewer keep its plans small
_IDS_A_STATEMENT = 500


def external_key(kind: str, value: str) -> str:
    """The key by which an id of another system is looked up: `ARXIV:2301.00001`, case-folded."""
    return f"{kind}:{value}".casefold()


class PapersDb:
    """A finished `papers.db`, open for reading from any thread."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            SnapshotError: It is not a database of papers.
        """
        self._path = path
        self._local = threading.local()
        self._connections: list[database.Connection] = []
        self._opening = threading.Lock()
        self._summaries: dict[int, PaperSummary] = {}
        try:
            # Rows are numbered from 0 without gaps: the last one is in the index, counting would read the whole table
            (last,) = self._connection.execute("SELECT max(row) FROM papers").fetchone()
        except database.DatabaseError as error:
            raise SnapshotError(f"{path} is not a database of papers: {error}") from error
        self._count = 0 if last is None else int(last) + 1

    def __len__(self) -> int:
        return self._count

    @property
    def _connection(self) -> database.Connection:
        """One connection per thread: threads share the page cache of the system, and no locks."""
        connection: database.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = database.open_immutable(self._path)
            with self._opening:
                self._connections.append(connection)
        return connection

    def row(self, reference: str) -> int:
        """Find the row of a paper, see `find`."""
        return self.find(reference)[0]

    def find(self, reference: str) -> tuple[int, str]:
        """Find a paper by a reference.

        Args:
            reference: Its id, the first 8 digits or more of its id, an id of another system with its prefix
                (`ARXIV:2301.00001`, `DOI:10.1000/x`, `CorpusId:1`; any case), or a DOI without prefix.

        Returns:
            Row and id.

        Raises:
            PaperNotFound: No paper matches.
            AmbiguousPaperId: Several papers match.
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
        """Read papers, in the order of `rows`."""
        wanted = [int(row) for row in rows]
        found = {r[0]: r for r in self._select(f"SELECT {_COLUMNS} FROM papers WHERE row IN", wanted)}
        details: dict[str, dict[int, list[Any]]] = {}
        for name, column in (("sources", "file, line"), ("categories", "category"), ("external_ids", "kind, value")):
            details[name] = defaultdict(list)
            for row, *values in self._select(f"SELECT row, {column} FROM {name} WHERE row IN", wanted):
                details[name][row].append(values)
        duplicates = self._group_members(sorted({r[14] for r in found.values() if r[14] is not None}))
        return [self._paper(found[row], details, duplicates) for row in wanted]

    def summaries(self, rows: Sequence[int]) -> list[PaperSummary]:
        """Read the fields that hits show, in the order of `rows`; faster than `by_rows`, and cached."""
        wanted = [int(row) for row in rows]
        known = self._summaries
        missing = [row for row in wanted if row not in known]
        if missing:
            if len(known) + len(missing) > _SUMMARIES_KEPT:
                known = self._summaries = {}  # other threads may still read the old dictionary
                missing = wanted
            known.update(self._read_summaries(missing))
        return [known[row] for row in wanted]

    def all_summaries(self) -> Iterator[PaperSummary]:
        """Read the fields that hits show of every paper, in row order, without caching."""
        for start in range(0, self._count, _IDS_A_STATEMENT):
            rows = range(start, min(start + _IDS_A_STATEMENT, self._count))
            found = self._read_summaries(rows)
            yield from (found[row] for row in rows)

    def abstracts(self, rows: Sequence[int]) -> list[str]:
        """Read abstracts, in the order of `rows`, in one statement for a page."""
        wanted = [int(row) for row in rows]
        found: dict[int, str] = dict(self._select("SELECT row, abstract FROM papers WHERE row IN", wanted))
        return [found[row] for row in wanted]

    def extras(self, rows: Sequence[int]) -> list[dict[str, JSON]]:
        """Read the extra fields, in the order of `rows`, in one statement for a page; empty for a paper without any."""
        wanted = [int(row) for row in rows]
        found = dict(self._select("SELECT row, extra FROM papers WHERE extra IS NOT NULL AND row IN", wanted))
        return [json.loads(found[row]) if row in found else {} for row in wanted]

    def page(self, offset: int, limit: int) -> list[Paper]:
        """Read papers in row order, at most `limit`, starting at row `offset`."""
        return self.by_rows(range(min(offset, self._count), min(offset + limit, self._count)))

    def groups(self, rows: Sequence[int]) -> dict[int, int]:
        """Map rows to their group of near-duplicates; rows without one are left out."""
        query = "SELECT row, duplicate_group FROM papers WHERE duplicate_group IS NOT NULL AND row IN"
        return dict(self._select(query, [int(row) for row in rows]))

    def rows_where(self, condition: str, parameters: Sequence[object]) -> NDArray[np.int64]:
        """Select rows by a table and condition, `TABLE WHERE …`; must not contain user input."""
        found = self._connection.execute(f"SELECT DISTINCT row FROM {condition}", tuple(parameters))
        return np.fromiter((row for (row,) in found), dtype=np.int64)

    def ids(self) -> Iterator[str]:
        """All ids, in row order."""
        for (identity,) in self._connection.execute("SELECT id FROM papers ORDER BY row"):
            yield identity

    def sorted_ids(self) -> Iterator[str]:
        """All ids, sorted."""
        for (identity,) in self._connection.execute("SELECT id FROM papers ORDER BY id"):
            yield identity

    def count_by(self, column: str) -> dict[str, int]:
        """Count papers by the value of a column, most frequent first; must not contain user input."""
        counted = self._connection.execute(
            f"SELECT {column}, count(*) FROM papers GROUP BY {column} ORDER BY 2 DESC, 1"
        )
        return {str(value): count for value, count in counted}

    def close(self) -> None:
        """Close the connections of all threads. No method may be called afterwards."""
        with self._opening:
            while self._connections:
                self._connections.pop().close()

    def _select(self, query: str, keys: Sequence[object]) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(keys), _IDS_A_STATEMENT):
            part = keys[start : start + _IDS_A_STATEMENT]
            yield from self._connection.execute(f"{query} ({','.join('?' * len(part))})", tuple(part))

    def _read_summaries(self, rows: Sequence[int]) -> dict[int, PaperSummary]:
        found = list(self._select(_SUMMARY, rows))
        groups = {r[11] for r in found if r[11] is not None}
        duplicates = self._group_members(sorted(groups)) if groups else {}
        return {row[0]: _summary(row, duplicates) for row in found}

    def _group_members(self, groups: Sequence[int]) -> dict[int, list[str]]:
        members: dict[int, list[str]] = defaultdict(list)
        for group, identity in self._select(
            "SELECT duplicate_group, id FROM papers WHERE duplicate_group IN", list(groups)
        ):
            members[group].append(identity)
        return members

    def _paper(
        self, found: tuple[Any, ...], details: dict[str, dict[int, list[Any]]], duplicates: dict[int, list[str]]
    ) -> Paper:
        row, identity, abstract, title, label, language, year, date, authors, venue, url, *others = found
        extra, seen, total, group = others
        return Paper(
            id=identity,
            abstract=abstract,
            title=title,
            label=label,
            authors=tuple(json.loads(authors)) if authors else (),
            venue=venue,
            year=year,
            date=date,
            url=url,
            categories=tuple(sorted(category for (category,) in details["categories"][row])),
            language=language,
            external_ids=dict(details["external_ids"][row]),
            duplicates=_others(duplicates, group, identity),
            extra=json.loads(extra) if extra else {},
            sources=tuple(Source(file, line) for file, line in details["sources"][row]),
            tokens_seen=seen,
            tokens_total=total,
        )


def _summary(found: tuple[Any, ...], duplicates: dict[int, list[str]]) -> PaperSummary:
    """Convert a row of `_SUMMARY`."""
    _, identity, abstract, title, label, language, year, date, authors, venue, url, group, ids, categories = found
    return PaperSummary(
        id=identity,
        abstract=abstract,
        title=title,
        label=label,
        authors=tuple(json.loads(authors)) if authors else (),
        venue=venue,
        year=year,
        date=date,
        url=url,
        categories=() if categories == "[]" else tuple(sorted(json.loads(categories))),
        language=language,
        external_ids={} if ids == "{}" else json.loads(ids),
        duplicates=_others(duplicates, group, identity),
    )


def _others(duplicates: dict[int, list[str]], group: int | None, identity: str) -> tuple[str, ...]:
    """Ids of the other papers of a group, sorted."""
    return () if group is None else tuple(sorted(duplicate for duplicate in duplicates[group] if duplicate != identity))
