"""A snapshot's answers to judged questions, measured: each mode alone, and against a baseline.

The questions go through the `Searcher`, as served.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embeddings.errors import JudgmentError
from embeddings.evaluation import measures
from embeddings.evaluation.measures import RUN_DEPTH
from embeddings.evaluation.qrels import Qrels, Question, Resolved, resolve
from embeddings.evaluation.significance import Difference, Estimate, difference, estimate
from embeddings.queries import Mode, SearchOptions
from embeddings.ranking.stage_names import OPTIONAL, StageName
from embeddings.search.query_encoder import QueryEncoder
from embeddings.search.searcher import Searcher
from embeddings.snapshots.snapshot import Snapshot
from embeddings.texts.language import detect

_TEXTS_AT_ONCE = 64

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Questions of one kind.

    Attributes:
        questions: How many.
        estimates: Measure → mean over them.
    """

    questions: int
    estimates: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeScores:
    """How one mode did.

    Attributes:
        overall: Over all questions.
        groups: Over those of one language, or of one direction (`en → zh`: asked in English, answered in Chinese).
        values: Measure → values, shape (questions,).
        against: Measure → this mode minus the baseline; empty for the baseline itself.
    """

    overall: Group
    groups: Mapping[str, Group]
    values: Mapping[str, NDArray[np.float64]]
    against: Mapping[str, Difference]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationReport:
    """What a snapshot scored on one set of judged questions.

    Attributes:
        snapshot: Its id.
        name: Of the judgments.
        questions: Ids of those asked, in order.
        judged: How many papers were judged.
        missing: Of those, how many the snapshot lacks; they count as never found.
        left_out: Questions that could not be asked.
        baseline: What the other modes are compared with; None with one mode.
        modes: In the order asked for.
    """

    snapshot: str
    name: str
    questions: tuple[str, ...]
    judged: int
    missing: int
    left_out: int
    baseline: Mode | None
    modes: Mapping[Mode, ModeScores]


def evaluate(
    snapshot: Snapshot,
    encoder: QueryEncoder,
    judgments: Qrels,
    modes: Sequence[Mode],
    *,
    baseline: Mode | None = None,
    known_items: bool = False,
    progress: Progress = lambda stage, done, total: None,
) -> EvaluationReport:
    """Ask all questions in all modes.

    Args:
        snapshot: Open.
        encoder: Of this snapshot.
        judgments: See `judgments`.
        modes: At least one. Papers are asked about by meaning (`dense`), or as served in every other mode; without a
            text, `lexical` is therefore not measured.
        baseline: Measured as well if it is not one of the modes; the last of several if not given.
        known_items: Whether each question has one right answer: then hit@1 and MRR are measured, by direction.
        progress: Told how far it is.

    Raises:
        JudgmentError: The snapshot holds none of the judged papers.
        MissingExtra: trec_eval is not installed.
    """
    searcher = Searcher(snapshot, encoder)
    resolved = resolve(judgments, snapshot.papers_db)
    asked = tuple(question for question in resolved.questions if question.id in resolved.grades)
    if not asked:
        raise JudgmentError(
            f"the snapshot can be asked none of the questions of {judgments.name}: their papers are missing"
        )
    by_text = any(question.text for question in asked)
    wanted_modes = dict.fromkeys((*modes, *((baseline,) if baseline else ())))
    modes = tuple(mode for mode in wanted_modes if by_text or mode is not Mode.LEXICAL) or (Mode.HYBRID,)
    baseline = None if len(modes) == 1 else baseline if baseline in modes else modes[-1]
    grades = {question.id: resolved.grades[question.id] for question in asked}
    wanted = measures.KNOWN_ITEM_MEASURES if known_items else measures.MEASURES
    texts = [question.text for question in asked if question.text is not None]
    for start in range(0, len(texts), _TEXTS_AT_ONCE):  # together they are read more quickly than one by one
        encoder(texts[start : start + _TEXTS_AT_ONCE])
        progress("reading questions", min(start + _TEXTS_AT_ONCE, len(texts)), len(texts))
    values = {}
    for mode in modes:
        runs = {}
        for done, question in enumerate(asked):
            progress(f"asking ({mode})", done, len(asked))
            runs[question.id] = ask(searcher, question, mode, RUN_DEPTH)
        progress(f"asking ({mode})", len(asked), len(asked))
        measured = measures.by_question(grades, runs)
        values[mode] = {name: measured[name] for name in wanted}
    kinds = np.array([_kind(searcher, question, resolved, known_items=known_items) for question in asked])
    return EvaluationReport(
        snapshot=snapshot.id,
        name=judgments.name,
        questions=tuple(grades),
        judged=resolved.judged,
        missing=len(resolved.missing),
        left_out=len(resolved.left_out),
        baseline=baseline,
        modes={
            mode: _scores(found, kinds, None if baseline in (None, mode) else values[baseline])
            for mode, found in values.items()
        },
    )


def ask(searcher: Searcher, question: Question, mode: Mode, depth: int) -> list[str]:
    """Ids of the best papers for one question, best first."""
    dense_by_paper = question.paper is not None and mode is Mode.DENSE
    without: tuple[StageName, ...] = OPTIONAL if dense_by_paper else ()
    options = SearchOptions(top_k=depth, mode=mode, without=without, filters=question.filters)
    if question.paper is not None:
        results = searcher.related(question.paper, options)
    else:
        results = searcher.search(question.text or "", options)
    return [hit.paper.id for hit in results.hits]


def language(searcher: Searcher, question: Question) -> str:
    """What a question is asked in."""
    if question.paper is not None:
        return searcher.snapshot.paper(question.paper).language
    return question.language or detect(question.text or "")


def _kind(searcher: Searcher, question: Question, resolved: Resolved, *, known_items: bool) -> str:
    asked = language(searcher, question)
    if not known_items:
        return asked
    (answer,) = resolved.grades[question.id]
    return f"{asked} → {searcher.snapshot.paper(answer).language}"


def _scores(
    values: Mapping[str, NDArray[np.float64]],
    kinds: NDArray[np.str_],
    baseline: Mapping[str, NDArray[np.float64]] | None,
) -> ModeScores:
    return ModeScores(
        overall=_group(values),
        groups={
            str(kind): _group({name: found[kinds == kind] for name, found in values.items()})
            for kind in sorted(set(kinds.tolist()))
        },
        values=values,
        against={} if baseline is None else {name: difference(values[name], baseline[name]) for name in values},
    )


def _group(values: Mapping[str, NDArray[np.float64]]) -> Group:
    return Group(
        questions=len(next(iter(values.values()))), estimates={name: estimate(found) for name, found in values.items()}
    )
