"""Records into distinct papers: merged by content, halves joined, described, in one database on disk."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

from embeddings import database
from embeddings.encoders.vector_cache import text_key
from embeddings.errors import CorpusError, RejectedRecord
from embeddings.papers import Record, Reject, RejectReason, Source, paper_id
from embeddings.snapshots.papers_db import SCHEMA, external_key
from embeddings.texts.cleaning import clean
from embeddings.texts.labels import label
from embeddings.texts.language import detect

_HALVES = """
CREATE TABLE halves (
    join_key TEXT NOT NULL,
    has_abstract INTEGER NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (join_key, has_abstract)
) WITHOUT ROWID;
"""
_COMMIT_EVERY = 10_000


@dataclass
class CorpusCounts:
    """What was read.

    Attributes:
        entries: Records that were used, the same abstract counted as often as it was seen.
        rejected: Records left out, by reason.
    """

    entries: int = 0
    rejected: Counter[str] = field(default_factory=Counter)


class Corpus:
    """The papers of one build, in a scratch database that the finished snapshot is copied from.

    Memory does not grow with the number of papers. The order of papers is the order in which their abstracts
    were first seen.
    """

    def __init__(self, path: Path, rejects: TextIO) -> None:
        """Start an empty corpus.

        Args:
            path: Database file to create.
            rejects: Gets one JSON line for each record that is left out.
        """
        self.counts = CorpusCounts()
        self.connection = database.open_scratch(path)
        self.connection.executescript(SCHEMA + _HALVES)
        self._rejects = rejects
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def add_all(self, entries: Iterable[Record | Reject], *, strict: bool = False) -> Iterator[int]:
        """Take in what readers found; yields the number of entries read so far, after each.

        Raises:
            RejectedRecord: A record cannot be used, and `strict` is set.
            CorpusError: There was not one paper in all of it.
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
        self._add_widowed_halves(strict)
        self.connection.execute("DROP TABLE halves")
        self.connection.execute("COMMIT")
        if not self._rows:
            left_out = sum(self.counts.rejected.values())
            raise CorpusError(f"the sources hold no paper: {left_out} records were left out, none could be used")

    def text_keys(self) -> Iterator[tuple[int, bytes]]:
        """Every row with the name of its text, in row order."""
        yield from self.connection.execute("SELECT row, text_key FROM papers ORDER BY row")

    def texts(self, rows: Iterable[int]) -> list[str]:
        """What is embedded of these papers: the title, where there is one, and the abstract."""
        find = "SELECT title, abstract FROM papers WHERE row = ?"
        found = (self.connection.execute(find, (row,)).fetchone() for row in rows)
        return [embedded_text(title, abstract) for title, abstract in found]

    def titles(self, rows: Iterable[int]) -> list[str]:
        """The titles of these papers, empty where there is none."""
        find = "SELECT title FROM papers WHERE row = ?"
        return [self.connection.execute(find, (row,)).fetchone()[0] or "" for row in rows]

    def languages(self) -> Iterator[str]:
        """The language of every paper, in row order."""
        for (language,) in self.connection.execute("SELECT language FROM papers ORDER BY row"):
            yield language

    def all_texts(self) -> Iterator[str]:
        """What is indexed of every paper, in row order."""
        for title, abstract in self.connection.execute("SELECT title, abstract FROM papers ORDER BY row"):
            yield embedded_text(title, abstract)

    def set_tokens(self, rows: Iterable[tuple[int, int, int]]) -> None:
        """Record tokens seen and tokens in all for (seen, total, row)."""
        self.connection.execute("BEGIN")
        self.connection.executemany("UPDATE papers SET tokens_seen = ?, tokens_total = ? WHERE row = ?", rows)
        self.connection.execute("COMMIT")

    def set_groups(self, groups: Mapping[int, int]) -> None:
        """Record groups of near-duplicates: row → the group's name."""
        self.connection.execute("BEGIN")
        self.connection.executemany(
            "UPDATE papers SET duplicate_group = ? WHERE row = ?", ((group, row) for row, group in groups.items())
        )
        self.connection.execute("COMMIT")

    def save(self, path: Path) -> None:
        """Write the finished database; equal corpora give equal bytes."""
        database.copy_compact(self.connection, path)

    def close(self) -> None:
        """Close the scratch database."""
        self.connection.close()

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
        """Join a record with its other half, or keep it until that comes."""
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

    def _add_widowed_halves(self, strict: bool) -> None:
        """An abstract without its metadata is a paper all the same; metadata without an abstract is not."""
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
        text = clean(record.abstract)
        if not any(character.isalnum() for character in text):
            self._reject(Reject(record.source, RejectReason.NO_ABSTRACT, "no letter or digit in it"), strict)
            return
        self.counts.entries += 1
        identity = paper_id(record.abstract)
        found = self.connection.execute("SELECT row FROM papers WHERE id = ?", (identity,)).fetchone()
        if found is None:
            row = self._insert(identity, record, record.abstract, text)
        else:
            row = found[0]
            self._complete(row, record)
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

    def _insert(self, identity: str, record: Record, abstract: str, text: str) -> int:
        row = self._rows
        language = record.language or detect(text)
        title = record.title or None
        self.connection.execute(
            "INSERT INTO papers (row, id, abstract, title, label, language, year, authors, venue, url, text_key)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                row,
                identity,
                abstract,
                title,
                label(text, language, title),
                language,
                record.year,
                json.dumps(record.authors, ensure_ascii=False) if record.authors else None,
                record.venue,
                record.url,
                text_key(title, abstract),
            ),
        )
        self._rows += 1
        return row

    def _complete(self, row: int, record: Record) -> None:
        """Fill what the paper lacked with what this sighting knows; what is known stays."""
        authors = json.dumps(record.authors, ensure_ascii=False) if record.authors else None
        self.connection.execute(
            "UPDATE papers SET year = coalesce(year, ?), authors = coalesce(authors, ?),"
            " venue = coalesce(venue, ?), url = coalesce(url, ?) WHERE row = ?",
            (record.year, authors, record.venue, record.url, row),
        )
        if record.title:
            abstract, title = self.connection.execute(
                "SELECT abstract, title FROM papers WHERE row = ?", (row,)
            ).fetchone()
            if title is None:
                self.connection.execute(
                    "UPDATE papers SET title = ?, label = ?, text_key = ? WHERE row = ?",
                    (record.title, label("", "", record.title), text_key(record.title, abstract), row),
                )


def embedded_text(title: str | None, abstract: str) -> str:
    """What the encoder reads of a paper, uncleaned."""
    return f"{title}. {abstract}" if title else abstract


def _joined(abstract: Record, metadata: Record) -> Record:
    """One record of two halves; the place is where the abstract stands."""
    return replace(
        metadata,
        source=abstract.source,
        abstract=abstract.abstract,
        external_ids={**abstract.external_ids, **metadata.external_ids},
        join_key=None,
    )


def _to_json(record: Record) -> str:
    fields: dict[str, Any] = {name: getattr(record, name) for name in Record.__slots__ if name != "source"}
    fields["external_ids"] = dict(record.external_ids)
    return json.dumps({"file": record.source.file, "line": record.source.line, **fields}, ensure_ascii=False)


def _from_json(text: str) -> Record:
    fields = json.loads(text)
    source = Source(fields.pop("file"), fields.pop("line"))
    for name in ("categories", "authors"):
        fields[name] = tuple(fields[name])
    return Record(source=source, **fields)
