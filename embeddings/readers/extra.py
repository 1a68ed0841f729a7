"""The fields of a source record that we have no attribute for: converted to JSON, and bounded in size. Pure."""

import datetime
import json
import math
from collections.abc import Collection, Mapping

from embeddings.papers import JSON

MAX_BYTES = 16 * 1024
"""Most bytes of compact JSON that the extra fields of one paper may take."""

_MAX_DEPTH = 50
_TOO_DEEP = "nested too deeply to be kept"


def rest(row: Mapping[str, object], known: Collection[str]) -> dict[str, JSON]:
    """Collect the fields of a row that are not in `known`, as JSON; empty values are left out."""
    return {
        str(name): json_value(value)
        for name, value in row.items()
        if name not in known and not (value is None or value == "" or value == [] or value == {})
    }


def json_value(value: object, depth: int = 0) -> JSON:
    """Convert a value to JSON.

    NaN and infinities become null, dates ISO 8601, bytes text. What JSON cannot express, integers beyond 64 bits
    included, becomes text. Values nested deeper than 50 levels are replaced by a note.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (Mapping, list, tuple)) and depth == _MAX_DEPTH:
        return _TOO_DEEP
    if isinstance(value, Mapping):
        return {str(key): json_value(each, depth + 1) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_value(each, depth + 1) for each in value]
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def to_json(extra: Mapping[str, JSON]) -> str:
    """Serialise as compact JSON."""
    return json.dumps(extra, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def bounded(extra: Mapping[str, JSON], limit: int = MAX_BYTES) -> tuple[dict[str, JSON], list[str]]:
    """Drop whole fields, largest first, until the rest fits.

    Args:
        extra: In any order; the order is kept.
        limit: Most bytes of `to_json` in UTF-8.

    Returns:
        The fields kept, and the names of those dropped, largest first; of equally large fields the later name goes
        first.
    """
    total = len(to_json(extra).encode())
    if total <= limit:
        return dict(extra), []
    kept, dropped = dict(extra), []
    sizes = {name: len(to_json({name: value}).encode()) - 1 for name, value in extra.items()}  # with one comma
    for name in sorted(sizes, key=lambda each: (sizes[each], each), reverse=True):
        if total <= limit:
            break
        del kept[name]
        dropped.append(name)
        total -= sizes[name]
    return kept, dropped
