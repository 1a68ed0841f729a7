"""Queries into hits: the one engine behind the library, the command line and the service."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from embeddings.encoders.encoder_info import Encoded
from embeddings.errors import EmptyQuery, InvalidOption
from embeddings.indexes.base import NO_ROW
from embeddings.queries import (
    NO_FILTERS,
    Hit,
    HitField,
    Mode,
    QueryText,
    Results,
    Scale,
    SearchOptions,
    StoredPage,
)
from embeddings.ranking import pipeline
from embeddings.ranking.calibration import Curve
from embeddings.ranking.candidates import Candidates, QueryKind, RankingQuery
from embeddings.search import ranking_queries
from embeddings.search.arrange import DIVERSITY_POOL, arrange, nothing_else_passes
from embeddings.search.highlights import highlight
from embeddings.search.ranking_queries import check_readable
from embeddings.snapshots.snapshot import Snapshot

EncodeQueries = Callable[[Sequence[str]], Encoded]

Find = Callable[[int], Candidates]
"""Depth → at least so many candidates, ranked, or all there are."""


class Searcher:
    """Answers queries about one snapshot. Safe from many threads; keeps nothing of a query."""

    def __init__(self, snapshot: Snapshot, encode_queries: EncodeQueries) -> None:
        """Search this snapshot.

        Args:
            snapshot: Open.
            encode_queries: The query side of the encoder that built it (see `encoder_check.check_encoder`).
        """
        self.snapshot = snapshot
        self._encode = encode_queries

    def search(self, text: str, options: SearchOptions, encoded: Encoded | None = None) -> Results:
        """Find the papers nearest to a text.

        Args:
            text: A few words, a sentence, an abstract.
            options: How many hits, which, and in what order.
            encoded: What `encode_queries` returns for the text, if it was called before.

        Raises:
            EmptyQuery: The text has nothing to search for.
            PaperNotFound: An id in the filters is unknown.
            InvalidOption: `min_probability` is given, and the ranking is not calibrated.
        """
        check_readable(text)
        encoded = self._encode([text]) if encoded is None else encoded
        query, about = ranking_queries.of_text(text, encoded, options, self.snapshot)
        return replace(self._answer(self._find_by_text(query, options.mode), query, [text], options), query=about)

    def related(self, reference: str, options: SearchOptions) -> Results:
        """Find the papers nearest to a paper, itself left out.

        Without filters, diversity and stages to leave out, what the build stored is read: no model, no search.

        Raises:
            PaperNotFound: There is no such paper.
            AmbiguousPaperId: Several papers have the reference.
            InvalidOption: `min_probability` is given, and the ranking is not calibrated.
        """
        row, paper_id = self.snapshot.papers_db.find(reference)
        results = self._stored(row, options)
        if results is None:
            query = ranking_queries.of_paper(row, options, self.snapshot)
            results = self._answer(lambda depth: pipeline.search(query, depth, self.snapshot), query, (), options)
        return replace(results, paper=paper_id)

    def stored(self, reference: str, options: SearchOptions) -> Results | None:
        """Answer as `related` does where that takes neither model nor search; None where it would.

        A few reads of mapped files and two statements: the cost does not depend on the number of papers.

        Raises:
            PaperNotFound: There is no such paper.
            AmbiguousPaperId: Several papers have the reference.
        """
        if options.why:
            return None
        row, paper_id = self.snapshot.papers_db.find(reference)
        results = self._stored(row, options)
        return None if results is None else replace(results, paper=paper_id)

    def stored_page(self, reference: str, top_k: int, offset: int) -> StoredPage | None:
        """Answer as `stored` does with these and no other options, in a fifth of the time.

        Returns:
            None where the stored hits end within the page or right after it.

        Raises:
            PaperNotFound: There is no such paper.
            AmbiguousPaperId: Several papers have the reference.
        """
        snapshot = self.snapshot
        row, paper_id = snapshot.papers_db.find(reference)
        end = offset + top_k
        rows = snapshot.neighbour_rows[row, offset : end + 1].tolist()
        if len(rows) <= top_k or rows.pop() == NO_ROW:  # the stored hits are padded at the end
            return None
        scores = snapshot.neighbour_scores[row]
        probabilities: list[float] | list[None] = [None] * top_k
        found = None
        if (curve := self._curve(Scale.PAPER)) is not None:
            probabilities = curve.probability(scores[offset:end]).tolist()
            found = bool(scores[0] >= curve.found)
        return StoredPage(
            paper_id,
            _within(scores[offset:end], 0.0),
            _within(snapshot.neighbour_similarities[row, offset:end], -1.0),
            probabilities,
            snapshot.stored_fields.read(rows),
            len(snapshot) - 1,
            found,
        )

    def related_to(
        self,
        *,
        positive: Sequence[str] = (),
        negative: Sequence[str] = (),
        texts: Sequence[str] = (),
        negative_texts: Sequence[str] = (),
        options: SearchOptions,
    ) -> Results:
        """Find papers similar to some examples and unlike others; the example papers are left out.

        The examples are combined by Rocchio's formula, vectors and terms alike, and ranked as a paper is. A single
        positive paper is answered as by `related`.

        Args:
            positive: Papers to be similar to, in any form `PapersDb.find` takes.
            negative: Papers to be unlike.
            texts: Texts to be similar to.
            negative_texts: Texts to be unlike.
            options: How many hits, which, and in what order.

        Raises:
            EmptyQuery: There is no positive example.
            PaperNotFound: A paper is unknown.
            InvalidOption: A paper is both wanted and unwanted, or the examples cancel out.
        """
        if len(positive) == 1 and not (negative or texts or negative_texts):
            return self.related(positive[0], options)
        snapshot = self.snapshot
        liked = [snapshot.papers_db.row(reference) for reference in dict.fromkeys(positive)]
        disliked = [snapshot.papers_db.row(reference) for reference in dict.fromkeys(negative)]
        if both := set(liked) & set(disliked):
            paper_id = snapshot.papers_db.summaries([min(both)])[0].id
            raise InvalidOption(f"paper {paper_id} is both a positive and a negative example; leave it out of one")
        if not liked and not texts:
            raise EmptyQuery("there is no positive example; give at least one positive paper or a text")
        read = [self._read(text, options) for text in texts]
        wanted = [ranking_queries.of_paper(row, options, snapshot) for row in liked] + [query for query, _ in read]
        unwanted = [ranking_queries.of_paper(row, options, snapshot) for row in disliked]
        unwanted += [self._read(text, options)[0] for text in negative_texts]
        query = ranking_queries.of_examples(wanted, unwanted, options, snapshot)
        asked = [*texts, *(snapshot.papers_db.abstracts(liked) if options.why else ())]
        results = self._answer(lambda depth: pipeline.search(query, depth, snapshot), query, asked, options)
        return replace(results, query=read[0][1]) if len(read) == 1 else results

    def _read(self, text: str, options: SearchOptions) -> tuple[RankingQuery, QueryText]:
        check_readable(text)
        return ranking_queries.of_text(text, self._encode([text]), options, self.snapshot)

    def _find_by_text(self, query: RankingQuery, mode: Mode) -> Find:
        if mode is Mode.DENSE:
            return lambda depth: replace(pipeline.dense(query, depth, self.snapshot), scale=Scale.DENSE)
        if mode is Mode.LEXICAL:
            return lambda depth: pipeline.lexical(query, depth, self.snapshot)
        return lambda depth: pipeline.search(query, depth, self.snapshot)

    def _answer(self, find: Find, query: RankingQuery, asked: Sequence[str], options: SearchOptions) -> Results:
        total = self.snapshot.masks.count(options.filters, query.exclude)
        needed = options.offset + options.top_k + 1  # one more tells whether anything follows
        depth = needed * 2 if options.group_duplicates else needed
        if options.diversity:
            depth = max(depth, DIVERSITY_POOL)
        while True:
            ranked = find(depth)
            arranged = self._arrange(ranked, options, tuple(query.exclude))
            if len(arranged) >= needed or ranked.complete or self._nothing_else(ranked, options):
                return self._results(arranged, asked or self._query_abstracts(query, options), total, options)
            depth *= 2

    def _stored(self, row: int, options: SearchOptions) -> Results | None:
        """The page out of the stored neighbours; None where they do not suffice."""
        in_full = pipeline.runs_in_full(QueryKind.PAPER, options.without)
        if options.diversity or options.filters != NO_FILTERS or not in_full:
            return None
        snapshot = self.snapshot
        rows = snapshot.neighbour_rows[row].astype(np.int64)
        count = len(rows) if NO_ROW not in rows else int(np.count_nonzero(rows != NO_ROW))  # padded at the end
        ranked = Candidates(
            rows[:count],
            snapshot.neighbour_similarities[row, :count],
            snapshot.neighbour_scores[row, :count],
            complete=count == len(snapshot) - 1,
            scale=Scale.PAPER,
        )
        if options.explain:
            query = ranking_queries.of_paper(row, options, snapshot)
            near = pipeline.search(query, count, snapshot)
            ranked = replace(ranked, stages=_aligned(near, ranked.rows))
        needed = options.offset + options.top_k + 1
        arranged = self._arrange(ranked, options, (row,))
        if len(arranged) < needed and not ranked.complete and not self._nothing_else(ranked, options):
            return None
        asked = snapshot.papers_db.abstracts([row]) if options.why else []
        return self._results(arranged, asked, len(snapshot) - 1, options)

    def _arrange(self, ranked: Candidates, options: SearchOptions, query_rows: Sequence[int]) -> Candidates:
        needed = options.offset + options.top_k + 1
        return arrange(
            ranked,
            options,
            self.snapshot,
            needed=needed,
            query_rows=query_rows,
            curve_of=lambda candidates: self._curve_for(candidates, options),
        )

    def _nothing_else(self, ranked: Candidates, options: SearchOptions) -> bool:
        return nothing_else_passes(ranked, options, lambda candidates: self._curve_for(candidates, options))

    def _results(self, arranged: Candidates, asked: Sequence[str], total: int, options: SearchOptions) -> Results:
        page = arranged[options.offset : options.offset + options.top_k]
        rows = page.rows.tolist()
        probabilities: list[float] | list[None] = [None] * len(page)
        found = None
        if (curve := self._curve(arranged.scale)) is not None:
            probabilities = curve.probability(page.calibrated_on).tolist()
            found = len(arranged) > 0 and bool(arranged.calibrated_on.max() >= curve.found)
        numbers = (_within(page.score, 0.0), _within(page.similarity, -1.0), probabilities, _stages(page))
        hits = tuple(map(Hit, self.snapshot.papers_db.summaries(rows), *numbers))
        hits = self._with_details(hits, rows, asked, options)
        exhausted = len(arranged) <= options.offset + options.top_k
        return Results(hits, total, exhausted, found=found, scale=arranged.scale)

    def _with_details(
        self, hits: tuple[Hit, ...], rows: Sequence[int], asked: Sequence[str], options: SearchOptions
    ) -> tuple[Hit, ...]:
        """Add what is read or computed on request only."""
        if options.why or HitField.ABSTRACT in options.fields:
            abstracts = self.snapshot.papers_db.abstracts(rows)
            if options.why:
                hits = highlight(asked, hits, abstracts, self._encode)
            if HitField.ABSTRACT in options.fields:
                hits = tuple(replace(hit, abstract=text) for hit, text in zip(hits, abstracts, strict=True))
        if HitField.EXTRA in options.fields:
            extras = self.snapshot.papers_db.extras(rows)
            hits = tuple(replace(hit, extra=extra) for hit, extra in zip(hits, extras, strict=True))
        return hits

    def _query_abstracts(self, query: RankingQuery, options: SearchOptions) -> list[str]:
        return self.snapshot.papers_db.abstracts(list(query.exclude)) if options.why else []

    def _curve(self, scale: Scale | None) -> Curve | None:
        calibration = self.snapshot.manifest.calibration
        return None if calibration is None or scale is None else calibration.curve(scale)

    def _curve_for(self, ranked: Candidates, options: SearchOptions) -> Curve:
        """The calibration of these candidates.

        Raises:
            InvalidOption: There is none.
        """
        if (curve := self._curve(ranked.scale)) is not None:
            return curve
        if ranked.scale is not None:
            raise InvalidOption(
                f"min_probability is {options.min_probability}, but snapshot {self.snapshot.id} is not calibrated for "
                "such queries; use min_score, or calibrate its model: related-papers calibrate"
            )
        raise InvalidOption(
            f"min_probability is {options.min_probability}, but only dense and complete hybrid rankings are "
            "calibrated; leave out mode=lexical and without, or use min_score"
        )


def _within(values: NDArray[np.float32], lowest: float) -> list[float]:
    """Values as numbers, at least `lowest` and at most 1, which rounding may exceed."""
    numbers: list[float] = values.tolist()
    if numbers and (max(numbers) > 1.0 or min(numbers) < lowest):
        return [min(1.0, max(lowest, number)) for number in numbers]
    return numbers


def _stages(page: Candidates) -> list[dict[str, float | None]]:
    """The scores of every stage, a mapping for each candidate."""
    named = {pipeline.DENSE: page.similarity, **page.stages}
    columns = {
        str(name): [None if value != value else value for value in values.tolist()]  # NaN is unlike itself
        for name, values in named.items()
    }
    return [{name: values[i] for name, values in columns.items()} for i in range(len(page))]


def _aligned(ranked: Candidates, rows: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
    """The scores of every stage for these rows; NaN for rows that are not among the candidates."""
    order = np.argsort(ranked.rows)
    places = np.minimum(np.searchsorted(ranked.rows, rows, sorter=order), max(len(ranked) - 1, 0))
    known = ranked.rows[order[places]] == rows
    return {name: np.where(known, values[order[places]], np.float32(np.nan)) for name, values in ranked.stages.items()}
