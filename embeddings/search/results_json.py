"""Results as JSON, the same bytes over HTTP and on the command line. The only module that imports orjson."""

from collections.abc import Mapping
from typing import Any

import orjson

from embeddings.queries import Highlight, Hit, HitField, QueryText, Results, SearchOptions, StoredPage
from embeddings.snapshots import stored_fields

_ALWAYS = frozenset({"id", "score", "similarity", "probability"})


def to_json(answer: Mapping[str, Any]) -> bytes:
    """Write an answer as compact JSON in UTF-8; NaN becomes null."""
    return orjson.dumps(answer)


def answer(snapshot: str, results: Results, options: SearchOptions) -> dict[str, Any]:
    """The answer to a query, with the names of the API.

    Args:
        snapshot: Id of the snapshot that answered.
        results: Of the query.
        options: Of the query: which fields each hit shows.
    """
    shown: dict[str, Any] = {"snapshot": snapshot}
    if results.paper is not None:
        shown["paper"] = results.paper
    shown["hits"] = [_hit(hit, options) for hit in results.hits]
    shown["total"] = results.total
    shown["exhausted"] = results.exhausted
    shown["found"] = results.found
    if results.query is not None:
        shown["query"] = _query(results.query)
    return shown


def stored_page(snapshot: str, page: StoredPage) -> bytes:
    """The JSON of `answer` for a page of stored neighbours, put together from the stored JSON of each hit."""
    columns = (page.scores, page.similarities, page.probabilities)
    numbers = (orjson.dumps(each)[1:-1].split(b",") for each in columns)
    parts = [b'{"snapshot":"%b","paper":"%b","hits":[' % (snapshot.encode(), page.paper.encode())]
    for fields, score, similarity, probability in zip(page.fields, *numbers, strict=True):
        after_id = stored_fields.ID_END
        scores = b',"score":%b,"similarity":%b,"probability":%b' % (score, similarity, probability)
        parts += (fields[:after_id], scores, fields[after_id:], b",")
    parts[-1] = b'],"total":%d,"exhausted":false,"found":%b}' % (page.total, orjson.dumps(page.found))
    return b"".join(parts)


def _hit(hit: Hit, options: SearchOptions) -> dict[str, Any]:
    shown = stored_fields.hit_fields(hit.paper, hit.score, hit.similarity, hit.probability)
    if options.fields:
        shown = stored_fields.select(shown, _ALWAYS | set(options.fields))
    if HitField.ABSTRACT in options.fields:
        shown["abstract"] = hit.abstract
    if HitField.EXTRA in options.fields:
        shown["extra"] = hit.extra
    if hit.highlight is not None:
        shown["why"] = _highlight(hit.highlight)
    if options.explain:
        shown["stages"] = dict(hit.stages)
    return shown


def _highlight(found: Highlight) -> dict[str, Any]:
    return {
        "query_sentence": found.query_sentence,
        "hit_sentence": found.hit_sentence,
        "similarity": found.similarity,
    }


def _query(query: QueryText) -> dict[str, Any]:
    return {"tokens_seen": query.tokens_seen, "tokens_total": query.tokens_total, "language": query.language}
