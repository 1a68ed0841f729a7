"""Parquet, batch by batch. The only module that knows pyarrow."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any, BinaryIO, cast

from embeddings.errors import MissingExtra
from embeddings.papers import Record, Reject, Source
from embeddings.readers.fields import FieldError, own_record
from embeddings.readers.rejects import broken, not_utf8
from embeddings.readers.streams import Opened
from embeddings.readers.tables import match_columns

_BATCH_ROWS = 512
_BUFFER_SIZE = 1024 * 1024


def records(name: str, opened: Opened, columns: Mapping[str, str]) -> Iterator[Record | Reject]:
    """Read a Parquet file; its rows count from 1.

    A source that cannot be read in any order (compressed, or standard input) is copied to a temporary file first.

    Args:
        name: Becomes `Source.file`.
        opened: The source.
        columns: Our field → its column, where it differs.

    Raises:
        CorpusError: No column is the abstract, or a column of `columns` is missing.
        MissingExtra: pyarrow is not installed.
        Damaged: The stream breaks.
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
            # Without these a whole row group is in memory at once.
            parquet = pyarrow.parquet.ParquetFile(source_file, pre_buffer=False, buffer_size=_BUFFER_SIZE)
        except failures as error:
            yield broken(Source(name, 1), f"not Parquet, or cut short: {_first_line(error)}")
            return
        found = parquet.schema_arrow.names
        matched = {field: found[position] for field, position in match_columns(name, found, columns).items()}
        batches = parquet.iter_batches(_BATCH_ROWS, columns=list(dict.fromkeys(matched.values())), use_threads=False)
        try:
            for batch in batches:
                for cells in _rows(batch, matched):
                    row_number += 1
                    yield _record(Source(name, row_number), cells)
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


def _rows(batch: Any, matched: Mapping[str, str]) -> list[Mapping[str, Any] | UnicodeDecodeError]:  # noqa: ANN401  # pyarrow has no types
    """Rows under our field names; in place of one that is not UTF-8, the error."""
    try:
        return [{field: _plain(row[column]) for field, column in matched.items()} for row in batch.to_pylist()]
    except UnicodeDecodeError:
        return [_row(batch, i, matched) for i in range(batch.num_rows)]


def _row(batch: Any, i: int, matched: Mapping[str, str]) -> Mapping[str, Any] | UnicodeDecodeError:  # noqa: ANN401
    names = batch.schema.names
    try:
        return {field: _plain(batch.column(names.index(column))[i].as_py()) for field, column in matched.items()}
    except UnicodeDecodeError as error:
        return error


def _plain(cell: object) -> object:
    """Text is kept as bytes by some writers, and an object as pairs."""
    if isinstance(cell, bytes):
        return cell.decode()
    if isinstance(cell, list) and cell and all(isinstance(each, tuple) and len(each) == 2 for each in cell):
        return dict(cell)
    return cell


def _record(source: Source, cells: Mapping[str, Any] | UnicodeDecodeError) -> Record | Reject:
    if isinstance(cells, UnicodeDecodeError):
        return not_utf8(source, cells)
    try:
        return own_record(source, cells)
    except FieldError as error:
        return broken(source, str(error))


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
