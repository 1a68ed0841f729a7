"""Parquet, batch by batch. The only module that imports pyarrow."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, BinaryIO, cast

from embeddings.errors import MissingExtra
from embeddings.papers import Record, Reject, Source
from embeddings.readers.fields import FieldError
from embeddings.readers.own_fields import own_record
from embeddings.readers.rejects import broken, not_utf8
from embeddings.readers.streams import Opened
from embeddings.readers.tables import match_columns

_BATCH_ROWS = 512
_BUFFER_SIZE = 1024 * 1024


def records(name: str, opened: Opened, columns: Mapping[str, str]) -> Iterator[Record | Reject]:
    """Read a Parquet file; rows are numbered from 1.

    A source without random access (compressed, or standard input) is copied to a temporary file first.

    Args:
        name: Becomes `Source.file`.
        opened: The source.
        columns: Our field → its column, where it differs.

    Raises:
        CorpusError: No column holds the abstract, or a column of `columns` is missing.
        MissingExtra: pyarrow is not installed.
        Damaged: The stream is damaged.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        install = "pip install 'related-papers[parquet]'"
        raise MissingExtra(f"reading {name} needs a package that is not installed: {install}") from error
    failures = (pyarrow.ArrowException, OSError)
    row_number = 0
    with ExitStack() as stack:
        source_file = opened.random_access or stack.enter_context(_copied(opened.stream))
        try:
            # The defaults hold a whole row group in memory
            parquet = pyarrow.parquet.ParquetFile(source_file, pre_buffer=False, buffer_size=_BUFFER_SIZE)
        except failures as error:
            yield broken(Source(name, 1), f"not Parquet, or cut short: {_first_line(error)}")
            return
        found = parquet.schema_arrow.names
        matched = {field: found[position] for field, position in match_columns(name, found, columns).items()}
        unknown = [column for column in dict.fromkeys(found) if column not in matched.values()]
        batches = parquet.iter_batches(_BATCH_ROWS, columns=list(dict.fromkeys(found)), use_threads=False)
        try:
            for batch in batches:
                for row in _rows(batch, unknown):
                    row_number += 1
                    yield _record(Source(name, row_number), row, matched, unknown)
        except failures as error:
            yield broken(Source(name, row_number + 1), f"the Parquet data are damaged: {_first_line(error)}")


def _copied(stream: BinaryIO) -> BinaryIO:
    copy = tempfile.TemporaryFile()
    try:
        shutil.copyfileobj(stream, copy)
    except BaseException:
        copy.close()
        raise
    return cast(BinaryIO, copy)


def _rows(batch: Any, unknown: Sequence[str]) -> list[Mapping[str, Any] | UnicodeDecodeError]:  # noqa: ANN401  # pyarrow has no types
    """Rows by column name; the error in place of a row that is not UTF-8."""
    try:
        return list(batch.to_pylist())
    except UnicodeDecodeError:
        return [_row(batch, i, unknown) for i in range(batch.num_rows)]


def _row(batch: Any, i: int, unknown: Sequence[str]) -> Mapping[str, Any] | UnicodeDecodeError:  # noqa: ANN401
    row = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            row[name] = column[i].as_py()
        except UnicodeDecodeError as error:
            if name not in unknown:
                return error
            row[name] = error.object.decode(errors="replace")  # not worth losing the record
    return row


def _plain(cell: object) -> object:
    """Text from bytes, which some writers store it as, and an object from a list of pairs."""
    if isinstance(cell, bytes):
        return cell.decode()
    return _unpaired(cell)


def _unpaired(cell: object) -> object:
    if isinstance(cell, list) and cell and all(isinstance(each, tuple) and len(each) == 2 for each in cell):
        return dict(cell)
    return cell


def _record(
    source: Source, row: Mapping[str, Any] | UnicodeDecodeError, matched: Mapping[str, str], unknown: Sequence[str]
) -> Record | Reject:
    try:
        if isinstance(row, UnicodeDecodeError):
            raise row
        known = {field: _plain(row[column]) for field, column in matched.items()}
        return own_record(source, known, {column: _unpaired(row[column]) for column in unknown})
    except UnicodeDecodeError as error:
        return not_utf8(source, error)
    except FieldError as error:
        return broken(source, str(error))


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
