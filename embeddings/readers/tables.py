"""CSV and TSV, and the mapping of table columns to our fields."""

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import BinaryIO, Literal

from embeddings.errors import CorpusError
from embeddings.papers import Record, Reject, Source
from embeddings.readers.fields import FieldError
from embeddings.readers.own_fields import ALIASES, column_key, own_record
from embeddings.readers.rejects import broken, not_utf8, too_long
from embeddings.readers.streams import MAX_LINE, lines


def match_columns(name: str, found: Sequence[str], columns: Mapping[str, str]) -> dict[str, int]:
    """Map our fields to the columns of a table, ignoring case.

    Args:
        name: Of the file, for messages.
        found: The table's columns, in order.
        columns: Our field → its column, as named by the user; these must exist.

    Returns:
        Our field → position of its column.

    Raises:
        CorpusError: A column the user named is missing, or no column holds the abstract.
    """
    exact = {column: position for position, column in reversed(list(enumerate(found)))}
    folded = {column_key(column): position for position, column in reversed(list(enumerate(found)))}
    matched: dict[str, int] = {}
    for field, aliases in ALIASES.items():
        if field in columns:
            position = exact.get(columns[field], folded.get(column_key(columns[field])))
            if position is None:
                raise CorpusError(
                    f"{name} has no column {columns[field]!r}; its columns are {_listed(found)}: "
                    f"name one of them with --column {field}=NAME"
                )
        else:
            position = next((folded[alias] for alias in aliases if alias in folded), None)
        if position is not None:
            matched[field] = position
    if "abstract" not in matched:
        raise CorpusError(
            f"{name} has no column for the abstract; its columns are {_listed(found)}: "
            "name the right one with --column abstract=NAME"
        )
    return matched


def records(name: str, stream: BinaryIO, delimiter: str, columns: Mapping[str, str]) -> Iterator[Record | Reject]:
    """Read CSV with a header row; quoted fields may span lines.

    Args:
        name: Becomes `Source.file`; the line of a record is its first.
        stream: Decompressed.
        delimiter: Comma or tab; quoting is the same for both.
        columns: Our field → its column, where it differs.

    Raises:
        CorpusError: The header has no column for the abstract, or lacks a column of `columns`.
        Damaged: The stream is damaged.
    """
    csv.field_size_limit(MAX_LINE)  # the default is 128 KiB; the limit is global
    text = _Text(stream)
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    try:
        header = next((row for row in reader if row), None)
    except csv.Error as error:
        raise CorpusError(f"{name} has no header row: {error}") from error
    if text.next_row() is not None:
        raise CorpusError(f"the header row of {name} is not UTF-8, or too long: is this a table?")
    if header is None:  # an empty file
        return
    matched = match_columns(name, header, columns)
    unknown = unknown_columns(header, matched.values())
    while True:
        source = Source(name, text.number + 1)
        try:
            row = next(reader, None)
            damage = None
        except csv.Error as error:
            row, damage = [], str(error)
        problem = text.next_row()
        if row is None:
            return
        if problem is not None:
            yield not_utf8(source, problem) if isinstance(problem, UnicodeDecodeError) else too_long(source)
        elif damage is not None:
            yield broken(source, f"not CSV: {damage}")
        elif len(row) == len(header):
            known = {field: row[position] for field, position in matched.items()}
            yield _record(source, known, {column: row[position] for column, position in unknown.items()})
        elif row:  # blank lines are skipped
            yield broken(source, f"{len(row)} fields, the header has {len(header)}")


def unknown_columns(found: Sequence[str], matched: Collection[int]) -> dict[str, int]:
    """Name the columns that hold none of our fields.

    Args:
        found: All columns, in order.
        matched: Positions of those that hold our fields.

    Returns:
        Name → position. A column without a name is named by its position, from 1 (`column_3`); a repeated name too
        (`note_5`).
    """
    unknown: dict[str, int] = {}
    for position, column in enumerate(found):
        if position not in matched:
            name = column.strip() or "column"
            unknown[f"{name}_{position + 1}" if not column.strip() or name in unknown else name] = position
    return unknown


def _record(source: Source, row: Mapping[str, str], unknown: Mapping[str, str]) -> Record | Reject:
    try:
        return own_record(source, row, unknown)
    except FieldError as error:
        return broken(source, str(error))


class _Text(Iterator[str]):
    """Lines as text for the csv module, which cannot skip a bad one: the problem is stored, and a substitute returned.

    Attributes:
        number: Of the last line read; the csv module does not count lines that raised an error here.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.number = 0
        self._lines = lines(stream)
        self._size = 0
        self._problem: UnicodeDecodeError | Literal["too long"] | None = None

    def next_row(self) -> UnicodeDecodeError | Literal["too long"] | None:
        """Start another row, and return the problem with the lines of the previous one."""
        problem, self._problem, self._size = self._problem, None, 0
        return problem

    def __next__(self) -> str:
        self.number, data = next(self._lines)
        self._size += len(data or b"")
        if data is None or self._size > MAX_LINE:
            self._problem = "too long"
            raise csv.Error("the row does not end")  # resets the state of the csv reader
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            self._problem = error
            return data.decode(errors="replace")


def _listed(columns: Sequence[str]) -> str:
    shown = ", ".join(repr(column[:40]) for column in columns[:40])
    return shown + (f" and {len(columns) - 40} more" if len(columns) > 40 else "") if shown else "none"
