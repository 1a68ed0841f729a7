"""The engine's values into the shapes of `schemas`. Pure."""

from collections.abc import Sequence
from typing import cast

from embeddings.papers import Paper
from embeddings.queries import Hit, QueryText, Results
from embeddings.snapshots import stored_fields
from service.api.requests import Options
from service.api.responses import (
    ExamplesAnswer,
    HitAnswer,
    ListedPaper,
    PaperAnswer,
    QueryAnswer,
    RelatedAnswer,
    SearchAnswer,
)


def searched(snapshot: str, results: Results, asked: Options) -> SearchAnswer:
    """Answer a text."""
    return {
        "snapshot": snapshot,
        "hits": _hits(results.hits, asked),
        "total": results.total,
        "exhausted": results.exhausted,
        "found": results.found,
        "query": _query(results.query or QueryText(0, 0, "und")),
    }


def related(snapshot: str, results: Results, asked: Options) -> RelatedAnswer:
    """Answer a paper."""
    return {
        "snapshot": snapshot,
        "paper": results.paper or "",
        "hits": _hits(results.hits, asked),
        "total": results.total,
        "exhausted": results.exhausted,
        "found": results.found,
    }


def exemplified(snapshot: str, results: Results, asked: Options) -> ExamplesAnswer:
    """Answer examples."""
    answer: ExamplesAnswer = {
        "snapshot": snapshot,
        "hits": _hits(results.hits, asked),
        "total": results.total,
        "exhausted": results.exhausted,
        "found": results.found,
    }
    if results.query is not None:
        answer["query"] = _query(results.query)
    return answer


def paper(snapshot: str, found: Paper) -> PaperAnswer:
    """Show all that is known of a paper."""
    answer: PaperAnswer = {
        "snapshot": snapshot,
        "id": found.id,
        "title": found.title,
        "label": found.label,
        "abstract": found.abstract,
        "language": found.language,
        "externalIds": dict(found.external_ids),
        "sources": [{"file": source.file, "line": source.line} for source in found.sources],
        "duplicates": list(found.duplicates),
        "tokens_seen": found.tokens_seen,
        "tokens_total": found.tokens_total,
    }
    if found.year is not None:
        answer["year"] = found.year
    if found.authors:
        answer["authors"] = list(found.authors)
    if found.venue is not None:
        answer["venue"] = found.venue
    if found.url is not None:
        answer["url"] = found.url
    if found.categories:
        answer["categories"] = list(found.categories)
    return answer


def listed(found: Paper) -> ListedPaper:
    """Show a paper in a listing."""
    answer: ListedPaper = {
        "id": found.id,
        "title": found.title,
        "label": found.label,
        "language": found.language,
        "externalIds": dict(found.external_ids),
    }
    if found.year is not None:
        answer["year"] = found.year
    return answer


def _hits(hits: Sequence[Hit], asked: Options) -> list[HitAnswer]:
    return [_hit(hit, asked) for hit in hits]


def _hit(hit: Hit, asked: Options) -> HitAnswer:
    answer = cast("HitAnswer", stored_fields.hit_fields(hit.paper, hit.score, hit.score, hit.probability))
    if "abstract" in asked.fields:
        answer["abstract"] = hit.paper.abstract
    if hit.why is not None:
        answer["why"] = {
            "query_sentence": hit.why.query_sentence,
            "hit_sentence": hit.why.hit_sentence,
            "score": hit.why.score,
        }
    if asked.explain:
        answer["stages"] = {
            "dense": hit.stages.dense,
            "title": hit.stages.title,
            "lexical": hit.stages.lexical,
            "feedback": hit.stages.feedback,
            "fused": hit.stages.fused,
            "relevance": hit.stages.relevance,
        }
    return answer


def _query(query: QueryText) -> QueryAnswer:
    return {"tokens_seen": query.tokens_seen, "tokens_total": query.tokens_total, "language": query.language}
