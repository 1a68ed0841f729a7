"""JSON lines: one object a line, in our own fields or, by way of `dumps`, in those of others."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from embeddings.papers import Record, Reject, Source
from embeddings.readers.fields import FieldError, own_record
from embeddings.readers.rejects import broken, not_utf8, too_long
from embeddings.readers.streams import lines

Mapper = Callable[[Source, Mapping[str, object]], Record]


def records(name: str, stream: BinaryIO, mapper: Mapper) -> Iterator[Record | Reject]:
    """Read a stream of JSON lines; blank lines are nothing.

    Args:
        name: Becomes `Source.file`.
        stream: Decompressed.
        mapper: Turns one object into a record; raises `FieldError` for a value of the wrong type.

    Raises:
        Damaged: The stream breaks.
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
            if b"\\ud" in data or b"\\uD" in data:  # JSON can spell what UTF-8 and databases cannot hold
                json.dumps(row, ensure_ascii=False).encode()
            record = mapper(source, row)
        except UnicodeError as error:
            yield not_utf8(source, error)
        except json.JSONDecodeError as error:
            yield broken(source, f"not JSON: {error.msg} at column {error.colno}")
        except FieldError as error:
            yield broken(source, str(error))
        except RecursionError:
            yield broken(source, "not JSON we read: nested too deeply")
        except ValueError:  # a number of more than 4,300 digits
            yield broken(source, "not JSON we read: a number is absurdly long")
        else:
            yield record


def own(columns: Mapping[str, str]) -> Mapper:
    """Map objects in our own fields.

    Args:
        columns: Our field → the name it has in the objects, where it differs.
    """
    if not columns:
        return own_record

    def renamed(source: Source, row: Mapping[str, object]) -> Record:
        return own_record(source, {**row, **{field: row.get(given) for field, given in columns.items()}})

    return renamed


_KINDS = {list: "a list", str: "text", int: "a number", float: "a number", bool: "a boolean", type(None): "null"}
