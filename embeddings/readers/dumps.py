"""Rows of the public dumps as records: the arXiv snapshot, OpenAlex works, Semantic Scholar datasets and graph API."""

import re
from collections.abc import Mapping

from embeddings.papers import Record, Source
from embeddings.readers.dates import date, published, year
from embeddings.readers.extra import rest
from embeddings.readers.fields import FieldError, external_id, folded, ids, language, names, text, words

_AUTHOR_SEPARATOR = re.compile(r",\s+and\s+|,\s+|\s+and\s+")
_MAX_POSITIONS = 1_000_000

# Fields that the functions below read whole; `primary_location`, `openaccessinfo` and `journal` hold more than we read
_ARXIV = {
    *("id", "doi", "abstract", "title", "versions", "categories", "authors", "authors_parsed", "journal-ref"),
}
_OPENALEX = {
    *("id", "ids", "doi", "abstract", "abstract_inverted_index", "title", "display_name", "language", "topics"),
    *("concepts", "publication_year", "publication_date", "authorships"),
}
_S2 = {
    *("corpusid", "corpusId", "externalids", "externalIds", "abstract", "title", "s2fieldsofstudy", "s2FieldsOfStudy"),
    *("fieldsOfStudy", "url", "year", "publicationdate", "publicationDate", "authors", "venue"),
}


def arxiv(source: Source, row: Mapping[str, object]) -> Record:
    """Read a row of the arXiv metadata snapshot; its date is that of the first version."""
    paper_id = external_id("ArXiv", row.get("id"), "id")
    doi = external_id("DOI", row.get("doi"), "doi")
    first, *_ = [*_items(row.get("versions")), None]
    created, updated = _at(first, "created"), row.get("update_date")
    return Record(
        source=source,
        abstract=text(row.get("abstract"), "abstract"),
        title=folded(row.get("title"), "title"),
        year=year(created, "versions.created") or year(updated, "update_date"),
        date=date(created) or date(updated),
        categories=words(row.get("categories"), "categories"),
        authors=_arxiv_authors(row),
        venue=folded(row.get("journal-ref"), "journal-ref") or "arXiv",
        url=f"https://arxiv.org/abs/{paper_id}" if paper_id else None,
        external_ids=_present(ArXiv=paper_id, DOI=doi),
        extra=rest(row, _ARXIV),
    )


def openalex(source: Source, row: Mapping[str, object]) -> Record:
    """Read an OpenAlex work; the abstract is restored from the inverted index."""
    found = ids(row.get("ids"), "ids")
    for key, field in (("OpenAlex", "id"), ("DOI", "doi")):
        if (value := external_id(key, row.get(field), field)) is not None:
            found[key] = value
    index = row.get("abstract_inverted_index")
    topics = _items(row.get("topics")) or _items(row.get("concepts"))
    location = row.get("primary_location")
    found_year, found_date = published(row.get("publication_year"), row.get("publication_date"))
    return Record(
        source=source,
        abstract=text(row.get("abstract") if index is None else _straightened(index), "abstract"),
        title=folded(row.get("title") or row.get("display_name"), "title"),
        language=language(row.get("language"), "language"),
        year=found_year,
        date=found_date,
        categories=words([_at(topic, "display_name") for topic in topics], "topics"),
        authors=names([_at(each, "author", "display_name") for each in _items(row.get("authorships"))], "authorships"),
        venue=text(_at(location, "source", "display_name"), "primary_location.source.display_name"),
        url=text(_at(location, "landing_page_url") or row.get("id"), "primary_location.landing_page_url"),
        external_ids=found,
        extra=rest(row, _OPENALEX),
    )


def semantic_scholar(source: Source, row: Mapping[str, object]) -> Record:
    """Read a row of the Semantic Scholar datasets `papers` or `abstracts`, or a paper of the graph API.

    A dataset row is half a paper, see `Record.join_key`. A row of `papers` has no abstract and is not rejected for it.
    """
    corpus_id = external_id("CorpusId", row.get("corpusid", row.get("corpusId")), "corpusid")
    found = ids(row.get("externalids", row.get("externalIds")), "externalids")
    found = {**ids(_at(row.get("openaccessinfo"), "externalids"), "openaccessinfo.externalids"), **found}
    if corpus_id is not None:
        found["CorpusId"] = corpus_id
    abstract = text(row.get("abstract"), "abstract")
    is_half = "corpusid" in row and corpus_id is not None and (abstract is not None or "abstract" not in row)
    fields = row.get("s2fieldsofstudy", row.get("s2FieldsOfStudy"))
    paper_id = text(row.get("paperId"), "paperId")
    url = text(row.get("url"), "url")
    if url is None and paper_id is not None:
        url = f"https://www.semanticscholar.org/paper/{paper_id}"
    categories = words([_at(each, "category") for each in _items(fields)] or row.get("fieldsOfStudy"), "fieldsofstudy")
    found_year, found_date = published(row.get("year"), row.get("publicationdate", row.get("publicationDate")))
    return Record(
        source=source,
        abstract=abstract,
        title=folded(row.get("title"), "title"),
        year=found_year,
        date=found_date,
        categories=tuple(dict.fromkeys(categories)),  # two models may name the same field
        authors=names(row.get("authors"), "authors"),
        venue=text(row.get("venue"), "venue") or text(_at(row.get("journal"), "name"), "journal.name"),
        url=url,
        external_ids=found,
        extra=rest(row, _S2),
        join_key=f"CorpusId:{corpus_id}" if is_half else None,
    )


def _arxiv_authors(row: Mapping[str, object]) -> tuple[str, ...]:
    """`authors_parsed` holds [last, first, suffix, …]; plain `authors` is one text."""
    parsed = []
    for each in _items(row.get("authors_parsed")):
        last, first, suffix, *_ = [*(part for part in _items(each) if isinstance(part, str)), "", "", ""]
        parsed.append(" ".join(part for part in (first, last, suffix) if part))
    if parsed:
        return names(parsed, "authors_parsed")
    plain = row.get("authors")
    return names(_AUTHOR_SEPARATOR.split(plain) if isinstance(plain, str) else plain, "authors")


def _straightened(index: object) -> str:
    """Join the words of an inverted index in the order of their positions.

    Raises:
        FieldError: The index is not an object of words and positions, or has more than 1,000,000 positions.
    """
    if not isinstance(index, Mapping):
        raise FieldError("abstract_inverted_index is not an object")
    placed: list[tuple[int, str]] = []
    for word, positions in index.items():
        if not isinstance(positions, list) or not all(isinstance(position, int) for position in positions):
            raise FieldError(f"abstract_inverted_index has no list of positions for {word[:40]!r}")
        placed += [(position, word) for position in positions]
    if len(placed) > _MAX_POSITIONS:
        raise FieldError(f"abstract_inverted_index has {len(placed):,} positions, at most {_MAX_POSITIONS:,} are read")
    placed.sort()
    return " ".join(word for _, word in placed)


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _at(value: object, *path: str) -> object:
    """The value at a path of nested objects; None if a part is missing."""
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def _present(**found: str | None) -> dict[str, str]:
    return {key: value for key, value in found.items() if value is not None}
