"""Our own field names, the usual other names of columns, and the record of a row in our names."""

import re
from collections.abc import Mapping

from embeddings.errors import CorpusError
from embeddings.papers import Record, Source
from embeddings.readers.dates import published
from embeddings.readers.extra import rest
from embeddings.readers.fields import external_id, ids, language, names, text, words

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
_NOT_WORD = re.compile(r"\W+")


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
