"""The values that the release gate computes: comparison of two snapshots, thresholds, and failed thresholds. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

_MIN_GROUP_QUERIES = 10  # the mean of a language with fewer compared queries is too uncertain to fail a release


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Limits that a new snapshot must meet to be served without `force`.

    Attributes:
        min_overlap: Minimum mean overlap@10 with the served snapshot, in [0, 1], over all queries and over each
            language with at least 10 queries.
        min_index_recall: Minimum index recall@10 of the new snapshot, in [0, 1].
        max_missing_fraction: Maximum fraction of the served papers that the new snapshot lacks, in [0, 1].
        max_hit_loss: Maximum decrease of hit@1 on queries with a known answer, in [0, 1].
    """

    min_overlap: float = 0.5
    min_index_recall: float = 0.95
    max_missing_fraction: float = 0.1
    max_hit_loss: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupComparison:
    """Comparison of two snapshots over one group of queries. A value is None if no query of the group provides it.

    Attributes:
        queries: Number of queries run on the new snapshot.
        compared: Number of queries run on both snapshots.
        overlap: Mean overlap@10, in [0, 1].
        min_overlap: Lowest overlap@10 of a single query.
        rank_biased_overlap: Mean rank-biased overlap to rank 10, in [0, 1].
        known_items: Number of queries whose known answer is in both snapshots.
        hit_before: hit@1 of the served snapshot on the known items.
        hit_after: hit@1 of the new snapshot on the known items.
        index_recall: Index recall@10 of the new snapshot for these queries.
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
    """A query whose hits differ between the two snapshots.

    Attributes:
        query: The text, or the beginning of the paper's id and its label.
        language: ISO 639-1 code of the query.
        overlap: Overlap@10.
        rank_biased_overlap: Rank-biased overlap to rank 10.
    """

    query: str
    language: str
    overlap: float
    rank_biased_overlap: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperCounts:
    """Number of papers in two snapshots.

    Attributes:
        before: In the served snapshot.
        after: In the new snapshot.
        added: Only in the new snapshot.
        removed: Only in the served snapshot.
    """

    before: int
    after: int
    added: int
    removed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Result of comparing a new snapshot with the served one.

    Attributes:
        before: Id of the served snapshot.
        after: Id of the new snapshot.
        compared_at: ISO 8601, UTC.
        query_source: `saved` for the operator's queries, `sample` for queries made from papers in both snapshots.
        papers: Paper counts.
        overall: Over all queries.
        by_language: Language code → comparison over the queries in that language.
        most_changed: Queries with the largest change, largest first.
        thresholds: Limits that were applied.
        notes: What could not be compared, in words.
        failures: Failed thresholds, in words; empty if the snapshot passed.
    """

    before: str
    after: str
    compared_at: str
    query_source: str
    papers: PaperCounts
    overall: GroupComparison
    by_language: dict[str, GroupComparison]
    most_changed: tuple[ChangedQuery, ...]
    thresholds: Thresholds
    notes: tuple[str, ...]
    failures: tuple[str, ...]


def failed_thresholds(
    overall: GroupComparison, by_language: dict[str, GroupComparison], papers: PaperCounts, thresholds: Thresholds
) -> Iterator[str]:
    """Describe each threshold that the new snapshot does not meet.

    Args:
        overall: Over all queries.
        by_language: Language code → comparison over the queries in that language.
        papers: Paper counts; `before` is at least 1.
        thresholds: Limits to apply.

    Yields:
        One sentence for each failed threshold, with the value, the option's name and its limit.
    """
    languages = {f"{code} ": group for code, group in by_language.items() if group.compared >= _MIN_GROUP_QUERIES}
    for prefix, group in {"": overall, **(languages if len(by_language) > 1 else {})}.items():
        if group.overlap is not None and group.overlap < thresholds.min_overlap:
            yield (
                f"mean overlap@10 of {group.compared} {prefix}queries is {group.overlap:.2f}, "
                f"below --min-overlap {thresholds.min_overlap:.2f}"
            )
    if overall.index_recall is not None and overall.index_recall < thresholds.min_index_recall:
        yield (
            f"index recall@10 is {overall.index_recall:.3f}, below --min-index-recall {thresholds.min_index_recall:.3f}"
        )
    if overall.hit_before is not None and overall.hit_after is not None:
        loss = overall.hit_before - overall.hit_after
        if loss > thresholds.max_hit_loss + 1e-9:  # both values are rounded to four digits
            yield (
                f"hit@1 of {overall.known_items} known items fell from {overall.hit_before:.2f} to "
                f"{overall.hit_after:.2f}, more than --max-hit-loss {thresholds.max_hit_loss:.2f}"
            )
    missing = papers.removed / papers.before
    if missing > thresholds.max_missing_fraction:
        yield (
            f"{papers.removed} of {papers.before} papers are missing ({missing:.0%}), "
            f"more than --max-missing-fraction {thresholds.max_missing_fraction:.2f}"
        )
