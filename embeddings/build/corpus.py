"""Merges records into distinct papers, in a scratch database on disk."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from embeddings import database
from embeddings.encoders.vector_cache import text_key
from embeddings.errors import CorpusError, RejectedRecord
from embeddings.papers import JSON, Record, Reject, RejectReason, Source, paper_id
from embeddings.readers import extra
from embeddings.snapshots.papers_db import SCHEMA, external_key
from embeddings.texts.cleaning import clean
from embeddings.texts.labels import label
from embeddings.texts.language import detect

# Tables of the build alone; dropped before the database is copied into the snapshot
_SCRATCH = """
CREATE TABLE cleaned (row INTEGER PRIMARY KEY, title TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE halves (
    join_key TEXT NOT NULL,
    has_abstract INTEGER NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (join_key, has_abstract)
) WITHOUT ROWID;
"""
_COMMIT_EVERY = 10_000


class CleanedTexts(NamedTuple):
    """The texts of a paper after `clean`.

    Attributes:
        title: Empty where there is none.
        abstract: For language detection and labels.
        text: Title and abstract as they are embedded and indexed.
    """

    title: str
    abstract: str
    text: str


class TextRow(NamedTuple):
    """What identifies the texts of a paper.

    Attributes:
        row: Of the paper.
        text_key: Of title and abstract together, see `vector_cache.text_key`.
        title_key: Of the title alone; None where the title has no letter or digit.
    """

    row: int
    text_key: bytes
    title_key: bytes | None


@dataclass
class CorpusCounts:
    """Numbers of records.

    Attributes:
        entries: Records used; an abstract that occurs several times counts each time.
        rejected: Records rejected, by reason.
        extra_dropped: Extra fields dropped because those of a paper exceeded the limit, by field name.
    """

    entries: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    extra_dropped: Counter[str] = field(default_factory=Counter)


class Corpus:
    """The papers of one build, in a scratch database from which `papers.db` of the snapshot is copied.

    Memory use does not grow with the number of papers. Rows are numbered in the order in which abstracts first occur.
    Texts are cleaned once, when a paper is added; every later stage reads the cleaned text from here.
    """

    def __init__(self, path: Path, rejects: TextIO) -> None:
        """Start an empty corpus.

        Args:
            path: Database file to create.
            rejects: Receives one JSON line for each rejected record.
        """
        self.counts = CorpusCounts()
        self.connection = database.open_scratch(path)
        self.connection.executescript(SCHEMA + _SCRATCH)
        self._rejects = rejects
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def add_all(self, entries: Iterable[Record | Reject], *, strict: bool = False) -> Iterator[int]:
        """Add the records of the readers; yields the number of entries read so far, after each.

        Raises:
            RejectedRecord: A record cannot be used, and `strict` is set.
            CorpusError: The sources hold no paper.
        """
        self.connection.execute("BEGIN")
        read = 0
        for entry in entries:
            if isinstance(entry, Reject):
                self._reject(entry, strict)
            elif entry.join_key is not None:
                self._add_half(entry, strict)
            else:
                self._add(entry, strict)
            read += 1
            if read % _COMMIT_EVERY == 0:
                self.connection.execute("COMMIT")
                self.connection.execute("BEGIN")
            yield read
        self._add_unpaired_halves(strict)
        self.connection.execute("DROP TABLE halves")
        self.connection.execute("COMMIT")
        if not self._rows:
            left_out = sum(self.counts.rejected.values())
            raise CorpusError(f"the sources hold no paper: {left_out} records were left out, none could be used")

    def text_rows(self, size: int) -> Iterator[list[TextRow]]:
        """Every paper's text keys in row order, in lists of `size` rows; the last may be shorter."""
        query = "SELECT row, text_key, papers.title, cleaned.title FROM papers JOIN cleaned USING (row) ORDER BY row"
        found = self.connection.execute(query)
        while part := found.fetchmany(size):
            yield [
                TextRow(row, key, text_key(None, title) if any(map(str.isalnum, cleaned)) else None)
                for row, key, title, cleaned in part
            ]

    def texts(self, rows: Sequence[int]) -> list[str]:
        """The cleaned texts of these papers, title and abstract, in the order of `rows`."""
        return self._select("text", rows)

    def titles(self, rows: Sequence[int]) -> list[str]:
        """The cleaned titles of these papers, in the order of `rows`; empty where there is none."""
        return self._select("title", rows)

    def languages(self) -> Iterator[str]:
        """The language of every paper, in row order."""
        for (language,) in self.connection.execute("SELECT language FROM papers ORDER BY row"):
            yield language

    def all_texts(self) -> Iterator[str]:
        """The cleaned text of every paper, title and abstract, in row order."""
        for (text,) in self.connection.execute("SELECT text FROM cleaned ORDER BY row"):
            yield text

    def set_tokens(self, rows: Iterable[tuple[int, int, int]]) -> None:
        """Store the tokens read and the tokens in total of papers, given as (seen, total, row)."""
        self.connection.execute("BEGIN")
        self.connection.executemany("UPDATE papers SET tokens_seen = ?, tokens_total = ? WHERE row = ?", rows)
        self.connection.execute("COMMIT")

    def set_groups(self, groups: Mapping[int, int]) -> None:
        """Store groups of near-duplicates: row → lowest row of the group."""
        self.connection.execute("BEGIN")
        self.connection.executemany(
            "UPDATE papers SET duplicate_group = ? WHERE row = ?", ((group, row) for row, group in groups.items())
        )
        self.connection.execute("COMMIT")

    def save(self, path: Path) -> None:
        """Drop the scratch tables and write the finished database; equal corpora give equal bytes."""
        self.connection.execute("DROP TABLE cleaned")
        database.copy_compact(self.connection, path)

    def close(self) -> None:
        """Close the scratch database."""
        self.connection.close()

    def _select(self, column: str, rows: Sequence[int]) -> list[str]:
        found: dict[int, str] = {}
        for start in range(0, len(rows), database.MOST_PARAMETERS):
            part = rows[start : start + database.MOST_PARAMETERS]
            places = ",".join("?" * len(part))
            found.update(self.connection.execute(f"SELECT row, {column} FROM cleaned WHERE row IN ({places})", part))
        return [found[row] for row in rows]

    def _reject(self, reject: Reject, strict: bool) -> None:
        if strict:
            raise RejectedRecord(f"{reject.source}: {reject.reason} ({reject.detail}); leave --strict out to go on")
        self.counts.rejected[reject.reason.value] += 1
        line = {
            "file": reject.source.file,
            "line": reject.source.line,
            "reason": reject.reason.value,
            "detail": reject.detail,
        }
        self._rejects.write(json.dumps(line, ensure_ascii=False) + "\n")

    def _add_half(self, half: Record, strict: bool) -> None:
        """Join a record with its other half, or store it until the other half is read."""
        mine = half.abstract is not None
        other = self.connection.execute(
            "SELECT record FROM halves WHERE join_key = ? AND has_abstract = ?", (half.join_key, not mine)
        ).fetchone()
        if other is None:
            self.connection.execute(
                "INSERT OR REPLACE INTO halves VALUES (?, ?, ?)", (half.join_key, mine, _to_json(half))
            )
            return
        whole = _joined(half, _from_json(other[0])) if mine else _joined(_from_json(other[0]), half)
        self.connection.execute("DELETE FROM halves WHERE join_key = ?", (half.join_key,))
        self._add(whole, strict)

    def _add_unpaired_halves(self, strict: bool) -> None:
        """Add abstracts without metadata as papers, and reject metadata without an abstract."""
        for has_abstract, text in self.connection.execute("SELECT has_abstract, record FROM halves ORDER BY join_key"):
            record = _from_json(text)
            if has_abstract:
                self._add(record, strict)
            else:
                detail = f"{record.join_key} has no abstract in any source"
                self._reject(Reject(record.source, RejectReason.NO_ABSTRACT, detail), strict)

    def _add(self, record: Record, strict: bool) -> None:
        if record.abstract is None:
            raise ValueError(f"{record.source}: a whole record must have an abstract")
        identity = paper_id(record.abstract)
        found = self.connection.execute("SELECT row FROM papers WHERE id = ?", (identity,)).fetchone()
        if found is None:
            texts = cleaned_texts(record.title, record.abstract)
            if not any(character.isalnum() for character in texts.abstract):
                self._reject(Reject(record.source, RejectReason.NO_ABSTRACT, "no letter or digit in it"), strict)
                return
            row = self._insert(identity, record, record.abstract, texts)
        else:
            row = found[0]
            self._complete(row, record)
        self.counts.entries += 1
        self.connection.execute(
            "INSERT OR IGNORE INTO sources VALUES (?, ?, ?)", (row, record.source.file, record.source.line)
        )
        self.connection.executemany(
            "INSERT OR IGNORE INTO categories VALUES (?, ?)", ((row, category) for category in record.categories)
        )
        self.connection.executemany(
            "INSERT OR IGNORE INTO external_ids VALUES (?, ?, ?, ?)",
            ((row, kind, value, external_key(kind, value)) for kind, value in record.external_ids.items()),
        )

    def _insert(self, identity: str, record: Record, abstract: str, texts: CleanedTexts) -> int:
        row = self._rows
        language = record.language or detect(texts.abstract)
        title = record.title or None
        self.connection.execute(
            "INSERT INTO papers (row, id, abstract, title, label, language, year, date, authors, venue, url, extra,"
            " text_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                row,
                identity,
                abstract,
                title,
                label(texts.abstract, language, texts.title, cleaned=True),
                language,
                record.year,
                record.date,
                json.dumps(record.authors, ensure_ascii=False) if record.authors else None,
                record.venue,
                record.url,
                self._extra(record.extra),
                text_key(title, abstract),
            ),
        )
        self._store_cleaned(row, texts)
        self._rows += 1
        return row

    def _store_cleaned(self, row: int, texts: CleanedTexts) -> None:
        self.connection.execute("INSERT OR REPLACE INTO cleaned VALUES (?, ?, ?)", (row, texts.title, texts.text))

    def _extra(self, fields: Mapping[str, JSON]) -> str | None:
        """The extra fields as stored; what exceeds the limit is counted."""
        kept, dropped = extra.bounded(fields)
        self.counts.extra_dropped.update(dropped)
        return extra.to_json(kept) if kept else None

    def _complete(self, row: int, record: Record) -> None:
        """Fill the missing fields of a paper from another record of it; known values stay."""
        authors = json.dumps(record.authors, ensure_ascii=False) if record.authors else None
        self.connection.execute(
            "UPDATE papers SET date = coalesce(date, CASE WHEN year IS NULL OR year = ?1 THEN ?2 END),"
            " year = coalesce(year, ?1), authors = coalesce(authors, ?3), venue = coalesce(venue, ?4),"
            " url = coalesce(url, ?5) WHERE row = ?6",
            (record.year, record.date, authors, record.venue, record.url, row),
        )
        if record.extra:
            (stored,) = self.connection.execute("SELECT extra FROM papers WHERE row = ?", (row,)).fetchone()
            known = json.loads(stored) if stored else {}
            merged = {**known, **{name: value for name, value in record.extra.items() if name not in known}}
            self.connection.execute("UPDATE papers SET extra = ? WHERE row = ?", (self._extra(merged), row))
        if record.title:
            abstract, title = self.connection.execute(
                "SELECT abstract, title FROM papers WHERE row = ?", (row,)
            ).fetchone()
            if title is None:
                texts = cleaned_texts(record.title, abstract)
                self._store_cleaned(row, texts)
                self.connection.execute(
                    "UPDATE papers SET title = ?, label = ?, text_key = ? WHERE row = ?",
                    (record.title, label("", "", texts.title, cleaned=True), text_key(record.title, abstract), row),
                )


def cleaned_texts(title: str | None, abstract: str) -> CleanedTexts:
    """Clean what is embedded of a paper: the title, where there is one, and the abstract.

    Both are cleaned as one text, as vectors have always been computed. The abstract is cut out of the result, and
    cleaned by itself only where mark-up runs from the title into it.

    Args:
        title: As received.
        abstract: As received.
    """
    if not title:
        text = clean(abstract)
        return CleanedTexts("", text, text)
    text, name = clean(f"{title}. {abstract}"), clean(title)
    before = f"{name}. "
    return CleanedTexts(name, text[len(before) :] if text.startswith(before) else clean(abstract), text)


def _joined(abstract: Record, metadata: Record) -> Record:
    """One record from two halves; its source is that of the abstract."""
    return replace(
        metadata,
        source=abstract.source,
        abstract=abstract.abstract,
        external_ids={**abstract.external_ids, **metadata.external_ids},
        extra={**abstract.extra, **metadata.extra},
        join_key=None,
    )


def _to_json(record: Record) -> str:
    fields: dict[str, Any] = {name: getattr(record, name) for name in Record.__slots__ if name != "source"}
    fields["external_ids"], fields["extra"] = dict(record.external_ids), dict(record.extra)
    return json.dumps({"file": record.source.file, "line": record.source.line, **fields}, ensure_ascii=False)


def _from_json(text: str) -> Record:
    fields = json.loads(text)
    source = Source(fields.pop("file"), fields.pop("line"))
    for name in ("categories", "authors"):
        fields[name] = tuple(fields[name])
    return Record(source=source, **fields)
