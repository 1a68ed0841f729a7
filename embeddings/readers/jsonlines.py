"""JSON Lines: one object per line, in our own fields or, through a mapper of `dumps`, in those of a public dump."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from embeddings.papers import Record, Reject, Source
from embeddings.readers.fields import FieldError
from embeddings.readers.own_fields import ALIASES, own_record
from embeddings.readers.rejects import broken, not_utf8, too_long
from embeddings.readers.streams import lines

Mapper = Callable[[Source, Mapping[str, object]], Record]


def records(name: str, stream: BinaryIO, mapper: Mapper) -> Iterator[Record | Reject]:
    """Read a stream of JSON Lines; blank lines are skipped.

    Args:
        name: Becomes `Source.file`.
        stream: Decompressed.
        mapper: Turns one object into a record; raises `FieldError` for a value of the wrong type.

    Raises:
        Damaged: The stream is damaged.
    """
    for number, data in lines(stream):
        source = Source(name, number)
        if data is None:
            yield too_long(source)
            continue
        if data.isspace():
            continue
        try:
            row = json.loads(data.decode())
            if not isinstance(row, dict):
                raise FieldError(f"the line is {_KINDS[type(row)]}, expected an object")
            if b"\\ud" in data or b"\\uD" in data:  # JSON can express surrogates, which UTF-8 cannot
                json.dumps(row, ensure_ascii=False).encode()
            record = mapper(source, row)
        except UnicodeError as error:
            yield not_utf8(source, error)
        except json.JSONDecodeError as error:
            yield broken(source, f"not JSON: {error.msg} at column {error.colno}")
        except FieldError as error:
            yield broken(source, str(error))
        except RecursionError:
            yield broken(source, "not supported JSON: nested too deeply")
        except ValueError:  # a number of more than 4,300 digits
            yield broken(source, "not supported JSON: a number has too many digits")
        else:
            yield record


def own(columns: Mapping[str, str]) -> Mapper:
    """Make the mapper of objects in our own fields; their other fields become `Record.extra`.

    Args:
        columns: Our field → its name in the objects, where it differs.
    """
    renamed = set(columns.values())

    def mapper(source: Source, row: Mapping[str, object]) -> Record:
        known = {field: row[field] for field in ALIASES if field in row}
        known.update({field: row.get(given) for field, given in columns.items()})
        is_read = (ALIASES.keys() - columns.keys()) | renamed
        return own_record(source, known, {field: value for field, value in row.items() if field not in is_read})

    return mapper


_KINDS = {list: "a list", str: "text", int: "a number", float: "a number", bool: "a boolean", type(None): "null"}
