"""Conversion of field values as sources spell them; a value of the wrong type raises `FieldError`."""

import contextlib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping

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
_WHITE_SPACE = re.compile(r"\s+")


class FieldError(ValueError):
    """The value of a field has the wrong type; the message names the field."""


def wrong_type(field: str, value: object, expected: str) -> FieldError:
    """Make the error for a value of the wrong type, for example "year is a list, expected a year"."""
    kinds = {bool: "a boolean", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return FieldError(f"{field} is {kinds.get(type(value), type(value).__name__)}, expected {expected}")


def text(value: object, field: str) -> str | None:
    """Strip white space; None for an empty value."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise wrong_type(field, value, "text")
    return value.strip() or None


def folded(value: object, field: str) -> str | None:
    """Text on one line: some sources break titles over lines."""
    found = text(value, field)
    return _WHITE_SPACE.sub(" ", found) if found else None


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
        raise wrong_type(field, value, "an object")
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
        raise wrong_type(field, value, "a list")
    return tuple(found for each in value if (found := convert(each, field)) is not None)


def _kept(parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(part.strip() for part in parts if part.strip())
