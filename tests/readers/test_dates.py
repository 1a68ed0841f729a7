"""Dates and years as sources spell them."""

import datetime

import pytest

from embeddings.readers.dates import date, iso_date, published


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2023", "2023"),
        ("2023-05", "2023-05"),
        ("2023-05-12T10:00:00Z", "2023-05-12"),
        ("2020/05/01/", "2020-05-01"),
        ("1843///", "1843"),
        ("2020-2021", "2020"),
        ("2020-13", "2020"),
        ("2023-02-31", "2023-02"),
        ("Mon, 2 Apr 2007 19:18:42 GMT", "2007-04-02"),
        ("May 2023", "2023-05"),
        ("September 1, 2020", "2020-09-01"),
        ("2023 May 12", "2023-05-12"),
        ("Spring 2021", None),
        ("n.d.", None),
        ("12/05/2023", None),  # day first or month first
        (2020, "2020"),
        (float("nan"), None),
        (True, None),
        (["2020"], None),
        (datetime.date(2020, 1, 2), "2020-01-02"),
        (datetime.datetime(2020, 1, 2, 3, tzinfo=datetime.UTC), "2020-01-02"),
    ],
)
def test_a_date_is_as_precise_as_it_is_stated(value: object, expected: str | None) -> None:
    assert date(value) == expected


@pytest.mark.parametrize(
    ("year", "stated", "expected"),
    [
        (None, "2023-05-12", (2023, "2023-05-12")),
        ("2023-05-12", None, (2023, "2023-05-12")),
        (2023, None, (2023, None)),
        (2019, "2020-01-01", (2019, "2020-01-01")),  # online first
        (None, "Spring 2021", (2021, None)),
        ("n.d.", None, (None, None)),
        (None, {"when": 2020}, (None, None)),
    ],
)
def test_the_year_is_derived_from_a_date_alone(
    year: object, stated: object, expected: tuple[int | None, str | None]
) -> None:
    assert published(year, stated) == expected


def test_parts_of_a_date_are_joined() -> None:
    assert iso_date(2020, "jan") == "2020-01" and iso_date("2020", "September", "7") == "2020-09-07"
    assert iso_date(2020, "spring") == "2020" == iso_date(2020, None, 3) and iso_date(2020, 2, 30) == "2020-02"
