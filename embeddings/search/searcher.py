"""Questions into hits: leave out, filter, order, cut. The one engine behind command line and service."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from embeddings.encoders.encoder_info import Encoded
from embeddings.errors import EmptyQuery, InvalidOption
from embeddings.indexes.faiss.faiss_index import NO_HIT
from embeddings.queries import Filters, Hit, Mode, Page, QueryText, Results, Scale, SearchOptions, Stage, Stages
from embeddings.ranking.calibration import Curve
from embeddings.ranking.feedback import combine
from embeddings.ranking.filters import FilterMasks
from embeddings.ranking.mmr import diversify
from embeddings.ranking.retrieval import Ranked, Retriever
from embeddings.search.highlights import explain
from embeddings.snapshots.snapshot import Snapshot
from embeddings.texts.language import detect
from embeddings.texts.terms import terms

EncodeQueries = Callable[[Sequence[str]], Encoded]

# The best so many are ordered for diversity, the others follow: the same for every page, so that pages join, and
# bounded, because each choice looks at all of them
_DIVERSITY_POOL = 200

_ALL = Filters()

Find = Callable[[NDArray[np.bool_] | None, int], Ranked]
"""Admitted rows and depth → candidates."""


class Searcher:
    """Answers questions about one snapshot. Safe from many threads; holds nothing of a question."""

    def __init__(self, snapshot: Snapshot, encode_queries: EncodeQueries) -> None:
        """Search this snapshot.

        Args:
            snapshot: Open.
            encode_queries: The query side of the encoder that built it (see `compatibility.check_encoder`).
        """
        self.snapshot = snapshot
        self._encode = encode_queries
        self._eligibility = FilterMasks(snapshot.papers_db)
        self._retriever = Retriever(snapshot)

    def search(self, text: str, options: SearchOptions, encoded: Encoded | None = None) -> Results:
        """Find the papers nearest to a text, by meaning and by words (`SearchOptions.mode`).

        Args:
            text: A few words, a sentence, an abstract.
            options: How many hits, which, and in what order.
            encoded: What `encode_queries` makes of the text, if that was done before.

        Raises:
            EmptyQuery: The text has nothing to search for.
            PaperNotFound: An id in the filters is unknown.
        """
        query, about = self._read(text, encoded)
        retriever, words = self._retriever, [] if options.mode is Mode.DENSE else terms(text)
        find: dict[Mode, Find] = {
            Mode.DENSE: lambda admitted, depth: replace(retriever.dense(query, admitted, depth), scale=Scale.DENSE),
            Mode.LEXICAL: lambda admitted, depth: retriever.lexical(query, words, admitted, depth),
            Mode.HYBRID: lambda admitted, depth: retriever.hybrid(
                query, words, admitted, depth, options.without, about.language
            ),
        }
        return self._answer(find[options.mode], [text], (), options, about)

    def related(self, reference: str, options: SearchOptions) -> Results:
        """Find the papers nearest to a paper, by meaning and by words, itself left out.

        Without filters, diversity and stages to leave out, what the build computed is read: no model, no search.

        Raises:
            PaperNotFound: There is no such paper.
            AmbiguousPaperId: Several papers fit the reference.
        """
        row, identity = self.snapshot.papers_db.find(reference)
        asked = [self.snapshot.papers_db.summaries([row])[0].abstract] if options.why else []
        hits = self._stored_neighbours(row, options)
        if hits is not None:
            return self._results(hits, asked, len(self.snapshot) - 1, options, None, identity)

        def find(admitted: NDArray[np.bool_] | None, depth: int) -> Ranked:
            return self._retriever.related(row, admitted, depth, options.without)

        return replace(self._answer(find, asked, (row,), options, None), paper=identity)

    def stored(self, reference: str, options: SearchOptions) -> Results | None:
        """Answer as `related` does where that takes neither model nor search; None where it would.

        A few reads of mapped files and two statements: what it takes does not depend on the number of papers.

        Raises:
            PaperNotFound: There is no such paper.
            AmbiguousPaperId: Several papers fit the reference.
        """
        if options.why:
            return None
        row, identity = self.snapshot.papers_db.find(reference)
        hits = self._stored_neighbours(row, options)
        if hits is None:
            return None
        return self._results(hits, (), len(self.snapshot) - 1, options, None, identity)

    def page(self, reference: str, top_k: int, offset: int) -> Page | None:
        """Answer as `stored` does with these and else no options, in a fifth of the time; None at the end of the hits.

        Raises:
            PaperNotFound: There is no such paper.
            AmbiguousPaperId: Several papers fit the reference.
        """
        snapshot = self.snapshot
        row, identity = snapshot.papers_db.find(reference)
        end = offset + top_k
        rows = snapshot.neighbour_rows[row, offset : end + 1].tolist()
        if len(rows) <= top_k or rows.pop() == NO_HIT:  # what was not found stands at the end
            return None
        probabilities: list[float] | list[None] = [None] * top_k
        found = None
        if (curve := self._calibrated(Scale.PAPER)) is not None:
            relevance = snapshot.neighbour_relevance[row]
            probabilities = curve.probability(relevance[offset:end]).tolist()
            found = bool(relevance[0] >= curve.found)
        scores = _cosines(snapshot.neighbour_scores[row, offset:end])
        return Page(identity, scores, probabilities, snapshot.stored_fields.read(rows), len(snapshot) - 1, found)

    def related_to(
        self,
        *,
        positive: Sequence[str] = (),
        negative: Sequence[str] = (),
        texts: Sequence[str] = (),
        negative_texts: Sequence[str] = (),
        options: SearchOptions,
    ) -> Results:
        """Find papers like some examples and unlike others (see `rocchio`); the example papers are left out.

        Ordered by meaning alone, but for a single paper, which is answered as by `related`.

        Args:
            positive: Papers to be like, in any form `PapersDb.row` takes.
            negative: Papers to be unlike.
            texts: Texts to be like.
            negative_texts: Texts to be unlike.
            options: How many hits, which, and in what order.

        Raises:
            EmptyQuery: There is nothing to be like.
            PaperNotFound: A paper is unknown.
            InvalidOption: A paper is both wanted and unwanted, or the examples cancel out.
        """
        if len(positive) == 1 and not (negative or texts or negative_texts):
            return self.related(positive[0], options)
        liked = [self.snapshot.papers_db.row(reference) for reference in dict.fromkeys(positive)]
        disliked = [self.snapshot.papers_db.row(reference) for reference in dict.fromkeys(negative)]
        if both := set(liked) & set(disliked):
            identity = self.snapshot.papers_db.summaries([min(both)])[0].id
            raise InvalidOption(f"paper {identity} is both a positive and a negative example; leave it out of one")
        if not liked and not texts:
            raise EmptyQuery("there is nothing to be like: give at least one positive paper or a text")
        wanted = [self.snapshot.vectors(liked)] if liked else []
        unwanted = [self.snapshot.vectors(disliked)] if disliked else []
        about = None
        for text in texts:
            query, about = self._read(text)
            wanted.append(query[None])
        unwanted.extend(self._read(text)[0][None] for text in negative_texts)
        empty = np.empty((0, self.snapshot.manifest.encoder.dimension), dtype=np.float32)
        try:
            query = combine(np.concatenate(wanted), np.concatenate(unwanted) if unwanted else empty)
        except ValueError as error:
            raise InvalidOption(f"{error}; leave a negative example out") from error
        asked = [*texts]
        if options.why:
            asked.extend(paper.abstract for paper in self.snapshot.papers_db.summaries(liked))
        return self._answer(
            lambda admitted, depth: self._retriever.dense(query, admitted, depth),
            asked,
            (*liked, *disliked),
            options,
            about if len(texts) == 1 else None,
        )

    def _read(self, text: str, encoded: Encoded | None = None) -> tuple[NDArray[np.float32], QueryText]:
        check_readable(text)
        if encoded is None:
            encoded = self._encode([text])
        about = QueryText(int(encoded.tokens_seen[0]), int(encoded.tokens_total[0]), detect(text))
        return encoded.embeddings[0], about

    def _answer(
        self,
        find: Find,
        asked: Sequence[str],
        query_rows: Sequence[int],
        options: SearchOptions,
        about: QueryText | None,
    ) -> Results:
        admitted = self._eligibility.mask(options.filters)
        if query_rows:
            admitted = np.ones(len(self.snapshot), dtype=np.bool_) if admitted is None else admitted.copy()
            admitted[list(query_rows)] = False
        total = len(self.snapshot) if admitted is None else int(admitted.sum())
        needed = options.offset + options.top_k + 1  # one more tells whether anything follows
        depth = needed * 2 if options.group_duplicates else needed
        if options.diversity:
            depth = max(depth, _DIVERSITY_POOL)
        while True:
            ranked = find(admitted, depth)
            hits = self._arrange(ranked, options, needed, query_rows)
            if len(hits) >= needed or ranked.complete or self._all_below(ranked, options):
                return self._results(hits, asked, total, options, about)
            depth *= 2

    def _stored_neighbours(self, row: int, options: SearchOptions) -> Ranked | None:
        """The page out of the precomputed neighbours; None where they do not suffice."""
        if options.diversity or options.filters != _ALL or options.without & {Stage.WORDS, Stage.SMOOTHING}:
            return None
        snapshot = self.snapshot
        rows = snapshot.neighbour_rows[row].astype(np.int64)
        count = len(rows) if NO_HIT not in rows else int(np.count_nonzero(rows != NO_HIT))  # they stand at the end
        rows = rows[:count]
        ranked = Ranked(
            rows,
            snapshot.neighbour_scores[row, :count],
            snapshot.neighbour_relevance[row, :count],
            complete=len(rows) == len(snapshot) - 1,
            parts={"lexical": snapshot.lexical.likeness(row, rows)} if options.explain else {},
            scale=Scale.PAPER,
        )
        needed = options.offset + options.top_k + 1
        hits = self._arrange(ranked, options, needed, (row,))
        return hits if len(hits) >= needed or ranked.complete or self._all_below(ranked, options) else None

    def _arrange(self, ranked: Ranked, options: SearchOptions, needed: int, query_rows: Sequence[int]) -> Ranked:
        """Apply what is asked of the order: least values, one of each group, diversity; at most `needed` rows."""
        if options.min_score is not None:
            ranked = ranked[ranked.scores >= options.min_score]
        if options.min_probability is not None:
            ranked = ranked[self._curve(ranked, options).probability(ranked.relevance) >= options.min_probability]
        if options.group_duplicates:
            ranked = ranked[self._first_of_groups(ranked.rows, query_rows)]
        if options.diversity and len(ranked):
            pool = ranked[:_DIVERSITY_POOL]
            chosen = diversify(pool.relevance, self.snapshot.vectors(pool.rows), len(pool), options.diversity)
            ranked = ranked[np.concatenate([chosen, np.arange(len(pool), len(ranked))])]
        return ranked[:needed]

    def _first_of_groups(self, rows: NDArray[np.int64], query_rows: Sequence[int]) -> NDArray[np.bool_]:
        """Keep the first row of each group; none of a group that a query paper belongs to."""
        groups = self.snapshot.papers_db.groups([*rows.tolist(), *query_rows])
        seen = {groups[row] for row in query_rows if row in groups}
        kept = np.ones(len(rows), dtype=np.bool_)
        for i, row in enumerate(rows.tolist()):
            group = groups.get(row)
            if group is not None:
                kept[i] = group not in seen
                seen.add(group)
        return kept

    def _results(
        self,
        ranked: Ranked,
        asked: Sequence[str],
        total: int,
        options: SearchOptions,
        about: QueryText | None,
        paper: str | None = None,
    ) -> Results:
        page = ranked[options.offset : options.offset + options.top_k]
        papers = self.snapshot.papers_db.summaries(page.rows.tolist())
        scores, stages = _cosines(page.scores), _stages(page)
        probabilities: list[float] | list[None] = [None] * len(page)
        found = None
        if (curve := self._calibrated(ranked.scale)) is not None:
            probabilities = curve.probability(page.relevance).tolist()
            found = len(ranked) > 0 and bool(ranked.relevance.max() >= curve.found)
        hits = tuple(map(Hit, papers, scores, stages, probabilities))
        if options.why:
            hits = explain(asked, hits, self._encode)
        return Results(hits, total, len(ranked) <= options.offset + options.top_k, about, found, ranked.scale, paper)

    def _calibrated(self, scale: Scale | None) -> Curve | None:
        calibration = self.snapshot.manifest.calibration
        return None if calibration is None or scale is None else calibration.curve(scale)

    def _curve(self, ranked: Ranked, options: SearchOptions) -> Curve:
        """What makes probabilities of these relevances.

        Raises:
            InvalidOption: Nothing does.
        """
        if (curve := self._calibrated(ranked.scale)) is not None:
            return curve
        if ranked.scale is not None:
            raise InvalidOption(
                f"min_probability is {options.min_probability}, but snapshot {self.snapshot.id} is not calibrated for "
                "such questions; use min_score, or calibrate its model: related-papers calibrate"
            )
        raise InvalidOption(
            f"min_probability is {options.min_probability}, but probability is known only of answers to a paper and to "
            "a text, by meaning or with all stages; leave out mode=lexical, without and further examples, or use "
            "min_score"
        )

    def _all_below(self, ranked: Ranked, options: SearchOptions) -> bool:
        """Whether whatever else there is falls below the least score or probability."""
        if options.min_score is not None and ranked.bound < options.min_score:
            return True
        if options.min_probability is None or not len(ranked):
            return False
        # What was not looked at is nowhere above what was
        return bool(self._curve(ranked, options).probability(ranked.relevance[-1:])[0] < options.min_probability)


def check_readable(text: str) -> None:
    """Check that there is something to search for.

    Raises:
        EmptyQuery: There is not.
    """
    if not any(character.isalnum() for character in text):
        raise EmptyQuery("the query has no word to search for; give a few words, a sentence or an abstract")


def _cosines(scores: NDArray[np.float32]) -> list[float]:
    """Scores without what rounding put beyond 1."""
    exact: list[float] = scores.tolist()
    if exact and (max(exact) > 1.0 or min(exact) < -1.0):
        return [min(1.0, max(-1.0, score)) for score in exact]
    return exact


def _stages(page: Ranked) -> list[Stages]:
    if not page.parts:
        return list(map(Stages, page.scores.tolist(), page.relevance.tolist()))
    parts = {name: [None if np.isnan(value) else value for value in part.tolist()] for name, part in page.parts.items()}
    return [
        Stages(dense, relevance, **{name: part[i] for name, part in parts.items()})
        for i, (dense, relevance) in enumerate(zip(page.scores.tolist(), page.relevance.tolist(), strict=True))
    ]
