"""Values as sources spell them, turned into what a record holds; a value of the wrong type is a `FieldError`."""

import contextlib
import datetime
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping

from embeddings.errors import CorpusError
from embeddings.papers import Record, Source

# Our fields, and what others call them; compared as `column_key` folds them. The first name that fits wins.
ALIASES: dict[str, tuple[str, ...]] = {
    "abstract": ("abstract", "summary", "abstracttext", "abstract_text"),
    "title": ("title", "display_name", "article_title"),
    "year": ("year", "publication_year", "pub_year", "date", "publication_date", "published"),
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
_WHITE_SPACE = re.compile(r"\s+")
_NOT_WORD = re.compile(r"\W+")


class FieldError(ValueError):
    """A field holds something it cannot hold; the message names the field."""


def column_key(name: str) -> str:
    """Fold a column's name for comparison: `Source title` and `source_title` are one."""
    return _NOT_WORD.sub("_", name.strip().lower())


def check_columns(columns: Mapping[str, str]) -> None:
    """Refuse a mapping of fields we do not have.

    Raises:
        CorpusError: Naming the fields there are.
    """
    for field in columns:
        if field not in ALIASES:
            raise CorpusError(f"--column {field}={columns[field]}: {field} is no field; ours are {', '.join(ALIASES)}")


def own_record(source: Source, row: Mapping[str, object]) -> Record:
    """Build a record from a row that has our field names.

    Raises:
        FieldError: A field has the wrong type.
    """
    get = row.get
    external_ids = ids(get("externalIds"), "externalIds")
    for field, key in _TOP_LEVEL_IDS.items():
        if field in row and (value := external_id(key, row[field], field)) is not None:
            external_ids[key] = value
    return Record(
        source=source,
        abstract=text(get("abstract"), "abstract"),
        title=text(get("title"), "title"),
        language=language(get("language"), "language"),
        year=year(get("year"), "year"),
        categories=words(get("categories"), "categories"),
        authors=names(get("authors"), "authors"),
        venue=text(get("venue"), "venue"),
        url=text(get("url"), "url"),
        external_ids=external_ids,
    )


def text(value: object, field: str) -> str | None:
    """Text without surrounding white space; None for nothing or only white space."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise _wrong(field, value, "text")
    return value.strip() or None


def folded(value: object, field: str) -> str | None:
    """Text on one line, as titles are: sources break them to fit a page."""
    found = text(value, field)
    return _WHITE_SPACE.sub(" ", found) if found else None


def year(value: object, field: str) -> int | None:
    """A year from a number, a date, or text that holds one; None where there is none (`n.d.`)."""
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


def language(value: object, field: str) -> str | None:
    """The ISO 639-1 code of `en`, `EN`, `en-US`; None for what is no such code (`English`)."""
    code = (text(value, field) or "").lower().replace("_", "-").partition("-")[0]
    return code if len(code) == 2 and code.isascii() and code.isalpha() else None


def words(value: object, field: str) -> tuple[str, ...]:
    """Subject classes from a list, or from text split at `;`, else at `,`, else at white space."""
    if isinstance(value, str):
        separator = ";" if ";" in value else "," if "," in value else None
        return _kept(value.split(separator))
    return _listed(value, field, text)


def names(value: object, field: str) -> tuple[str, ...]:
    """Names from a list of text or of `{"name": …}`, or from text split at `;`."""
    if isinstance(value, str):
        return _kept(value.split(";"))
    return _listed(value, field, _name)


def inverted(name: str) -> str:
    """A name as it is spoken: `Lovelace, Ada` is `Ada Lovelace`; white space is folded, outer braces are dropped."""
    last, _, first = _WHITE_SPACE.sub(" ", name).strip().partition(", ")
    if first:
        return f"{first} {last}"
    return last[1:-1] if last.startswith("{") and last.endswith("}") and "}" not in last[:-1] else last


def ids(value: object, field: str) -> dict[str, str]:
    """Ids of other systems under their usual keys, from an object or its JSON text; absent ones are left out."""
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
    """One id without the address or prefix it is often given with: `https://doi.org/10.1/x` is `10.1/x`."""
    if isinstance(value, float) and (value.is_integer() or math.isnan(value)):  # integers of a column with gaps
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
