"""Unknown fields are kept as JSON, and bounded."""

import datetime
import decimal
import json
import math

from hypothesis import given
from hypothesis import strategies as st

from embeddings.readers.extra import bounded, json_value, rest, to_json

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text("abc"), JSON, max_size=5))
def test_json_survives_unchanged(fields: dict[str, object]) -> None:
    kept = {name: value for name, value in fields.items() if value not in (None, "", [], {})}
    assert json.loads(to_json(rest(fields, ()))) == kept


def test_what_json_cannot_express_becomes_null_or_text() -> None:
    values = {
        "nan": math.nan,
        "infinite": [math.inf, -math.inf, 0.5],
        "huge": 2**63,
        "date": datetime.date(2020, 1, 2),
        "time": datetime.datetime(2020, 1, 2, 3, 4, tzinfo=datetime.UTC),
        "bytes": b"caf\xc3\xa9 \xff",
        "decimal": decimal.Decimal("1.50"),
        "keys": {1: (True, None)},
    }
    assert rest(values, ()) == {
        "nan": None,
        "infinite": [None, None, 0.5],
        "huge": "9223372036854775808",
        "date": "2020-01-02",
        "time": "2020-01-02T03:04:00+00:00",
        "bytes": "café \ufffd",
        "decimal": "1.50",
        "keys": {"1": [True, None]},
    }


def test_known_and_empty_fields_are_left_out() -> None:
    assert rest({"title": "T", "note": "n", "a": None, "b": "", "c": [], "d": {}, "zero": 0}, {"title"}) == {
        "note": "n",
        "zero": 0,
    }


def test_deep_nesting_ends_in_a_note() -> None:
    value: object = "x"
    for _ in range(100_000):
        value = [value]
    assert "nested too deeply" in json.dumps(json_value(value))


@given(st.dictionaries(st.text("abcé", max_size=4), st.text('xé"', max_size=60), max_size=8), st.integers(2, 300))
def test_what_is_kept_fits_and_nothing_larger_is_kept_than_dropped(fields: dict[str, str], limit: int) -> None:
    kept, dropped = bounded(fields, limit)
    assert len(to_json(kept).encode()) <= limit
    assert kept.keys() | set(dropped) == fields.keys() and kept.keys().isdisjoint(dropped)
    assert list(kept) == [name for name in fields if name in kept]
    sizes = {name: len(to_json({name: value}).encode()) for name, value in fields.items()}
    assert all(sizes[lost] >= sizes[name] for lost in dropped for name in kept)
    if dropped:  # and no field was dropped without need
        assert len(to_json({**kept, dropped[-1]: fields[dropped[-1]]}).encode()) > limit
