"""Dates and years of publication as sources spell them."""

import datetime
import re

from embeddings.readers.fields import wrong_type

_YEAR = re.compile(r"(?<!\d)[12]\d{3}(?!\d)")
_ISO_DATE = re.compile(r"([12]\d{3})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?(?!\d)")  # and `2020/05/01/` of RIS
_DAY_MONTH_YEAR = re.compile(r"(?:(?P<day>\d{1,2})\s+)?(?P<month>[A-Za-z]{3,9})\.?,?\s+(?P<year>[12]\d{3})(?!\d)")
_MONTH_DAY_YEAR = re.compile(r"(?P<month>[A-Za-z]{3,9})\.?\s+(?P<day>\d{1,2}),?\s+(?P<year>[12]\d{3})(?!\d)")
_YEAR_MONTH_DAY = re.compile(r"(?P<year>[12]\d{3})\s+(?P<month>[A-Za-z]{3,9})(?:\s+(?P<day>\d{1,2}))?(?!\d)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def year(value: object, field: str) -> int | None:
    """Read a year from a number, a date, or text that contains one; None if it contains none (`n.d.`)."""
    if value is None:
        return None
    if isinstance(value, str):
        found = _YEAR.search(value)
        return int(found.group()) if found else None
    if isinstance(value, datetime.date):
        return value.year
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong_type(field, value, "a year")
    return int(value) if 1000 <= value < 3000 else None  # NaN compares false


def date(value: object) -> str | None:
    """Read a date as precisely as it is stated: `YYYY-MM-DD`, `YYYY-MM` or `YYYY`.

    Read are dates, years as numbers, and text in ISO 8601, `2020/05/01`, `1 May 2020`, `May 1, 2020`, `May 2020`,
    `2020 May 1` and the format of e-mail headers. An impossible day or month lowers the precision.

    Returns:
        None for a value of any other form or type.
    """
    if isinstance(value, datetime.date):
        return value.isoformat()[:10]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(int(value)) if 1000 <= value < 3000 else None  # NaN compares false
    if not isinstance(value, str):
        return None
    if found := _ISO_DATE.match(value.strip()):
        written = _written_out(value)
        return written or iso_date(found[1], found[2], found[3])
    return _written_out(value)


def iso_date(year: str | int, month: str | int | None, day: str | int | None = None) -> str:
    """Join the parts of a date; what is missing or impossible is left out.

    Args:
        year: Four digits.
        month: A number, or an English name or its abbreviation.
        day: A number.
    """
    name = str(month or "").strip().lower()[:3]
    number = _MONTHS.index(name) + 1 if name in _MONTHS else int(name) if name.isdecimal() else 0
    if not 1 <= number <= 12:
        return str(year)
    digits = str(day or "").strip()
    try:
        return datetime.date(int(year), number, int(digits)).isoformat()
    except ValueError:
        return f"{year}-{number:02}"


def published(stated_year: object, stated_date: object) -> tuple[int | None, str | None]:
    """Year and date of publication, from the two fields a source may state them in.

    A year that is not stated is that of the date. A date that is not stated is taken from the year, where that has
    more than a year (`2020-05-01`).

    Raises:
        FieldError: The year has the wrong type.
    """
    found = date(stated_date)
    found_year = year(stated_year, "year")
    if found is None and stated_year is not None:
        more = date(stated_year)
        found = more if more is not None and len(more) > 4 else None
    if found_year is None and found is not None:
        found_year = int(found[:4])
    if found_year is None and isinstance(stated_date, str):
        found_year = year(stated_date, "date")
    return found_year, found


def _written_out(value: str) -> str | None:
    """A date with the name of a month."""
    for pattern in (_DAY_MONTH_YEAR, _MONTH_DAY_YEAR, _YEAR_MONTH_DAY):
        for found in pattern.finditer(value):
            if found["month"].lower()[:3] in _MONTHS:
                return iso_date(found["year"], found["month"], found["day"])
    return None
