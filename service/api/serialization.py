"""Serialise papers into the shapes of `responses`. Pure."""

from typing import Any

from embeddings.papers import Paper
from embeddings.snapshots import stored_fields
from service.api.responses import ListedPaper


def paper(snapshot: str, found: Paper) -> dict[str, Any]:
    """Serialise a paper: the stored fields that hits show, then the others of `PaperAnswer`."""
    answer = {"snapshot": snapshot, **stored_fields.fields(found), "abstract": found.abstract}
    if found.extra:
        answer["extra"] = dict(found.extra)
    return {
        **answer,
        "sources": [{"file": source.file, "line": source.line} for source in found.sources],
        "tokens_seen": found.tokens_seen,
        "tokens_total": found.tokens_total,
    }


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
