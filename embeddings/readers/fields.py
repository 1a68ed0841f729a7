"""Conversion of field values as sources spell them; a value of the wrong type raises `FieldError`."""

import contextlib
import datetime
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping

from embeddings.errors import CorpusError
from embeddings.papers import Record, Source
from embeddings.readers.extra import rest

# Our fields and their usual names in tables, compared by `column_key`. The first name that a table has is used.
ALIASES: dict[str, tuple[str, ...]] = {
    "abstract": ("abstract", "summary", "abstracttext", "abstract_text"),
    "title": ("title", "display_name", "article_title"),
    "year": ("year", "publication_year", "pub_year"),
    "date": ("date", "publication_date", "publicationdate", "published", "pub_date", "pubdate", "published_date"),
    "language": ("language", "lang"),
    "categories": ("categories", "category", "fields", "keywords", "author_keywords", "subjects"),
    "authors": ("authors", "author"),
    "venue": ("venue", "journal", "source_title", "booktitle"),
    "url": ("url", "link"),
    "externalIds": ("externalids", "external_ids"),
    "arxiv": ("arxiv", "arxiv_id", "arxivid"),
    "doi": ("doi",),
    "pmid": ("pmid", "pubmed", "pubmed_id"),
    "id": ("id",),
}
_TOP_LEVEL_IDS = {"id": "Id", "arxiv": "ArXiv", "doi": "DOI", "pmid": "PubMed"}
_ID_KEYS = {
    "arxiv": "ArXiv",
    "doi": "DOI",
    "pmid": "PubMed",
    "pubmed": "PubMed",
    "pmcid": "PubMedCentral",
    "pubmedcentral": "PubMedCentral",
    "mag": "MAG",
    "acl": "ACL",
    "dblp": "DBLP",
    "corpusid": "CorpusId",
    "openalex": "OpenAlex",
    "id": "Id",
}
_PREFIXES = {
    "DOI": re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:)\s*", re.IGNORECASE),
    "ArXiv": re.compile(r"(?:https?://arxiv\.org/(?:abs|pdf)/|arxiv:)\s*", re.IGNORECASE),
    "OpenAlex": re.compile(r"https?://(?:api\.)?openalex\.org/(?:works/)?", re.IGNORECASE),
    "PubMed": re.compile(
        r"https?://(?:www\.)?(?:pubmed\.ncbi\.nlm\.nih\.gov|ncbi\.nlm\.nih\.gov/pubmed)/", re.IGNORECASE
    ),
    "PubMedCentral": re.compile(r"https?://(?:www\.)?ncbi\.nlm\.nih\.gov/pmc/articles/", re.IGNORECASE),
}
_YEAR = re.compile(r"(?<!\d)[12]\d{3}(?!\d)")
_ISO_DATE = re.compile(r"([12]\d{3})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?(?!\d)")  # and `2020/05/01/` of RIS
_DAY_MONTH_YEAR = re.compile(r"(?:(?P<day>\d{1,2})\s+)?(?P<month>[A-Za-z]{3,9})\.?,?\s+(?P<year>[12]\d{3})(?!\d)")
_MONTH_DAY_YEAR = re.compile(r"(?P<month>[A-Za-z]{3,9})\.?\s+(?P<day>\d{1,2}),?\s+(?P<year>[12]\d{3})(?!\d)")
_YEAR_MONTH_DAY = re.compile(r"(?P<year>[12]\d{3})\s+(?P<month>[A-Za-z]{3,9})(?:\s+(?P<day>\d{1,2}))?(?!\d)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WHITE_SPACE = re.compile(r"\s+")
_NOT_WORD = re.compile(r"\W+")


class FieldError(ValueError):
    """The value of a field has the wrong type; the message names the field."""


def column_key(name: str) -> str:
    """Normalise a column name for comparison: `Source title` and `source_title` are equal."""
    return _NOT_WORD.sub("_", name.strip().lower())


def check_columns(columns: Mapping[str, str]) -> None:
    """Check that a mapping uses only known fields.

    Raises:
        CorpusError: It does not; the message lists the known fields.
    """
    for field in columns:
        if field not in ALIASES:
            raise CorpusError(f"--column {field}={columns[field]}: {field} is no field; ours are {', '.join(ALIASES)}")


def own_record(source: Source, row: Mapping[str, object], unknown: Mapping[str, object] | None = None) -> Record:
    """Build a record from a row in our field names.

    Args:
        source: Its position.
        row: Values by our field names.
        unknown: The other fields of the source record, for `Record.extra`; so are values of `row` that state neither
            a language, a year nor a date in a form that we read.

    Raises:
        FieldError: A field has the wrong type.
    """
    get = row.get
    external_ids = ids(get("externalIds"), "externalIds")
    for field, key in _TOP_LEVEL_IDS.items():
        if field in row and (value := external_id(key, row[field], field)) is not None:
            external_ids[key] = value
    found_language = language(get("language"), "language")
    found_year, found_date = published(get("year"), get("date"))
    read = {"language": found_language, "year": found_year, "date": found_date}
    not_read = {field: get(field) for field, value in read.items() if value is None}
    return Record(
        source=source,
        abstract=text(get("abstract"), "abstract"),
        title=text(get("title"), "title"),
        language=found_language,
        year=found_year,
        date=found_date,
        categories=words(get("categories"), "categories"),
        authors=names(get("authors"), "authors"),
        venue=text(get("venue"), "venue"),
        url=text(get("url"), "url"),
        external_ids=external_ids,
        extra=rest({**not_read, **(unknown or {})}, ()),
    )


def text(value: object, field: str) -> str | None:
    """Strip white space; None for an empty value."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise _wrong(field, value, "text")
    return value.strip() or None


def folded(value: object, field: str) -> str | None:
    """Text on one line: some sources break titles over lines."""
    found = text(value, field)
    return _WHITE_SPACE.sub(" ", found) if found else None


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
        raise _wrong(field, value, "a year")
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


def language(value: object, field: str) -> str | None:
    """The ISO 639-1 code of `en`, `EN`, `en-US`; None for anything else (`English`)."""
    code = (text(value, field) or "").lower().replace("_", "-").partition("-")[0]
    return code if len(code) == 2 and code.isascii() and code.isalpha() else None


def words(value: object, field: str) -> tuple[str, ...]:
    """Subject classes from a list, or from text split at `;`, else at `,`, else at white space."""
    if isinstance(value, str):
        separator = ";" if ";" in value else "," if "," in value else None
        return _kept(value.split(separator))
    return _listed(value, field, text)


def names(value: object, field: str) -> tuple[str, ...]:
    """Names from a list of strings or of `{"name": …}`, or from text split at `;`."""
    if isinstance(value, str):
        return _kept(value.split(";"))
    return _listed(value, field, _name)


def inverted(name: str) -> str:
    """Put a name in reading order: `Lovelace, Ada` → `Ada Lovelace`; collapse white space, drop outer braces."""
    last, _, first = _WHITE_SPACE.sub(" ", name).strip().partition(", ")
    if first:
        return f"{first} {last}"
    return last[1:-1] if last.startswith("{") and last.endswith("}") and "}" not in last[:-1] else last


def ids(value: object, field: str) -> dict[str, str]:
    """Ids in other systems under their usual keys, from an object or its JSON text; empty ones are left out."""
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(value)
    if not isinstance(value, Mapping):
        raise _wrong(field, value, "an object")
    found: dict[str, str] = {}
    for given, each in value.items():
        key = _ID_KEYS.get(str(given).lower(), str(given))
        if (kept := external_id(key, each, f"{field}.{given}")) is not None:
            found[key] = kept
    return found


def external_id(key: str, value: object, field: str) -> str | None:
    """One id without the address or prefix it is often written with: `https://doi.org/10.1/x` → `10.1/x`."""
    if isinstance(value, float) and (value.is_integer() or math.isnan(value)):  # an integer column with missing values
        value = None if math.isnan(value) else int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    found = text(value, field)
    prefix = _PREFIXES.get(key)
    return (prefix.sub("", found, count=1) if prefix and prefix.match(found) else found) or None if found else None


def _name(value: object, field: str) -> str | None:
    return text(value.get("name") if isinstance(value, Mapping) else value, field)


def _listed(value: object, field: str, convert: Callable[[object, str], str | None]) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)):
        raise _wrong(field, value, "a list")
    return tuple(found for each in value if (found := convert(each, field)) is not None)


def _kept(parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(part.strip() for part in parts if part.strip())


def _wrong(field: str, value: object, expected: str) -> FieldError:
    kinds = {bool: "a boolean", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return FieldError(f"{field} is {kinds.get(type(value), type(value).__name__)}, expected {expected}")
