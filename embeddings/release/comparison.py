"""What the gate found between two snapshots, and what it lets pass. Pure values."""

from collections.abc import Iterator
from dataclasses import dataclass

_LEAST_QUESTIONS = 10  # a language with fewer decides nothing alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What a new snapshot may do without `force`.

    Attributes:
        least_overlap: Mean overlap@10 with the served one, over all questions and over each language with 10 or more.
        least_recall: Index recall@10 of the new one.
        most_gone: Share of the served papers that the new one lacks.
        most_lost: Fall of hit@1 on questions with a known answer.
    """

    least_overlap: float = 0.5
    least_recall: float = 0.95
    most_gone: float = 0.1
    most_lost: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Two snapshots over some questions. Each value is None where there is nothing to say.

    Attributes:
        questions: Asked of the new snapshot.
        compared: Asked of both.
        overlap: Mean overlap@10.
        least_overlap: The worst of them.
        rank_biased_overlap: Mean, down to rank 10.
        known_items: Questions with a known answer that both snapshots hold.
        hit_before: hit@1 of the served snapshot on these.
        hit_after: hit@1 of the new one.
        index_recall: Index recall@10 of the new one, on these questions.
    """

    questions: int
    compared: int
    overlap: float | None
    least_overlap: float | None
    rank_biased_overlap: float | None
    known_items: int
    hit_before: float | None
    hit_after: float | None
    index_recall: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One question that is answered otherwise now.

    Attributes:
        question: The text, or what the paper is called.
        language: It is asked in.
        overlap: Overlap@10.
        rank_biased_overlap: Down to rank 10.
    """

    question: str
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
        asked: `saved` questions, or a `sample` of papers.
        papers: How many there were and are, came and went.
        overall: Over all questions.
        by_language: Over the questions of each language.
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
    overall: Compared
    by_language: dict[str, Compared]
    worst: tuple[Changed, ...]
    thresholds: Thresholds
    notes: tuple[str, ...]
    failures: tuple[str, ...]


def failures(
    overall: Compared, by_language: dict[str, Compared], papers: dict[str, int], thresholds: Thresholds
) -> Iterator[str]:
    """Say which thresholds are not kept.

    Args:
        overall: Over all questions.
        by_language: Over those of each language.
        papers: See `Comparison`.
        thresholds: What is allowed.
    """
    languages = {f"{code} ": found for code, found in by_language.items() if found.compared >= _LEAST_QUESTIONS}
    for whose, found in {"": overall, **(languages if len(by_language) > 1 else {})}.items():
        if found.overlap is not None and found.overlap < thresholds.least_overlap:
            yield (
                f"mean overlap@10 of {found.compared} {whose}questions is {found.overlap:.2f}, "
                f"--least-overlap {thresholds.least_overlap:.2f}"
            )
    if overall.index_recall is not None and overall.index_recall < thresholds.least_recall:
        yield f"index recall@10 is {overall.index_recall:.3f}, --least-recall {thresholds.least_recall:.3f}"
    if overall.hit_before is not None and overall.hit_after is not None:
        lost = overall.hit_before - overall.hit_after
        if lost > thresholds.most_lost + 1e-9:
            yield (
                f"hit@1 of {overall.known_items} known items fell from {overall.hit_before:.2f} to "
                f"{overall.hit_after:.2f}, --most-lost {thresholds.most_lost:.2f}"
            )
    went, before = papers["went"], papers["before"]
    if went / before > thresholds.most_gone:
        yield f"{went} of {before} papers are gone ({went / before:.0%}), --most-gone {thresholds.most_gone:.2f}"
