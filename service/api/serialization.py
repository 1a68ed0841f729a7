"""The engine's values into the shapes of `schemas`. Pure."""

from embeddings.papers import Paper
from service.api.responses import ListedPaper, PaperAnswer


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
