"""What the gate found between two snapshots, and what it lets pass. Pure values."""

from collections.abc import Iterator
from dataclasses import dataclass

_LEAST_QUESTIONS = 10  # a language with fewer decides nothing alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What a new snapshot may do without `force`.

    Attributes:
        min_overlap: Mean overlap@10 with the served one, over all queries and over each language with 10 or more.
        min_index_recall: Index recall@10 of the new one.
        max_missing_fraction: Share of the served papers that the new one lacks.
        max_hit_loss: Fall of hit@1 on queries with a known answer.
    """

    min_overlap: float = 0.5
    min_index_recall: float = 0.95
    max_missing_fraction: float = 0.1
    max_hit_loss: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupComparison:
    """Two snapshots over some queries. Each value is None where there is nothing to say.

    Attributes:
        queries: Asked of the new snapshot.
        compared: Asked of both.
        overlap: Mean overlap@10.
        min_overlap: The worst of them.
        rank_biased_overlap: Mean, down to rank 10.
        known_items: Queries with a known answer that both snapshots hold.
        hit_before: hit@1 of the served snapshot on these.
        hit_after: hit@1 of the new one.
        index_recall: Index recall@10 of the new one, on these queries.
    """

    queries: int
    compared: int
    overlap: float | None
    min_overlap: float | None
    rank_biased_overlap: float | None
    known_items: int
    hit_before: float | None
    hit_after: float | None
    index_recall: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedQuery:
    """One query that is answered otherwise now.

    Attributes:
        query: The text, or what the paper is called.
        language: It is asked in.
        overlap: Overlap@10.
        rank_biased_overlap: Down to rank 10.
    """

    query: str
    language: str
    overlap: float
    rank_biased_overlap: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What the gate found.

    Attributes:
        before: The snapshot that is served.
        after: The one to be served.
        compared_at: ISO 8601, UTC.
        asked: `saved` queries, or a `sample` of papers.
        papers: How many there were and are, came and went.
        overall: Over all queries.
        by_language: Over the queries of each language.
        worst: Those whose answers changed most, the worst first.
        thresholds: What was allowed.
        notes: What could not be compared.
        failures: Which thresholds it failed, in words; empty when it passed.
    """

    before: str
    after: str
    compared_at: str
    asked: str
    papers: dict[str, int]
    overall: GroupComparison
    by_language: dict[str, GroupComparison]
    worst: tuple[ChangedQuery, ...]
    thresholds: Thresholds
    notes: tuple[str, ...]
    failures: tuple[str, ...]


def failures(
    overall: GroupComparison, by_language: dict[str, GroupComparison], papers: dict[str, int], thresholds: Thresholds
) -> Iterator[str]:
    """Say which thresholds are not kept.

    Args:
        overall: Over all queries.
        by_language: Over those of each language.
        papers: See `Comparison`.
        thresholds: What is allowed.
    """
    languages = {f"{code} ": found for code, found in by_language.items() if found.compared >= _LEAST_QUESTIONS}
    for whose, found in {"": overall, **(languages if len(by_language) > 1 else {})}.items():
        if found.overlap is not None and found.overlap < thresholds.min_overlap:
            yield (
                f"mean overlap@10 of {found.compared} {whose}queries is {found.overlap:.2f}, "
                f"--min-overlap {thresholds.min_overlap:.2f}"
            )
    if overall.index_recall is not None and overall.index_recall < thresholds.min_index_recall:
        yield f"index recall@10 is {overall.index_recall:.3f}, --min-index-recall {thresholds.min_index_recall:.3f}"
    if overall.hit_before is not None and overall.hit_after is not None:
        lost = overall.hit_before - overall.hit_after
        if lost > thresholds.max_hit_loss + 1e-9:
            yield (
                f"hit@1 of {overall.known_items} known items fell from {overall.hit_before:.2f} to "
                f"{overall.hit_after:.2f}, --max-hit-loss {thresholds.max_hit_loss:.2f}"
            )
    went, before = papers["went"], papers["before"]
    if went / before > thresholds.max_missing_fraction:
        yield (
            f"{went} of {before} papers are gone ({went / before:.0%}), "
            f"--max-missing-fraction {thresholds.max_missing_fraction:.2f}"
        )
