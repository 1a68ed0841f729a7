"""Texts, papers and examples into the queries of the ranking pipeline."""

from collections.abc import Sequence

import numpy as np

from embeddings.encoders.encoder_info import Encoded
from embeddings.errors import EmptyQuery, InvalidOption
from embeddings.queries import QueryText, SearchOptions
from embeddings.ranking.candidates import QueryKind, RankingQuery
from embeddings.ranking.rocchio import combine, combine_terms
from embeddings.snapshots.snapshot import Snapshot
from embeddings.texts.language import UNDETERMINED, detect
from embeddings.texts.terms import terms


def check_readable(text: str) -> None:
    """Check that there is something to search for.

    Raises:
        EmptyQuery: There is not.
    """
    if not any(character.isalnum() for character in text):
        raise EmptyQuery("the query has no word to search for; give a few words, a sentence or an abstract")


def of_text(text: str, encoded: Encoded, options: SearchOptions, snapshot: Snapshot) -> tuple[RankingQuery, QueryText]:
    """A query by text, and what was read of it.

    Args:
        text: Has something to search for.
        encoded: Of this text alone.
        options: For filters and stages.
        snapshot: To be searched.
    """
    about = QueryText(int(encoded.tokens_seen[0]), int(encoded.tokens_total[0]), detect(text))
    found = tuple(terms(text))
    query = RankingQuery(
        kind=QueryKind.TEXT,
        vector=encoded.embeddings[0],
        terms=found,
        max_lexical=snapshot.lexical.max_score(found),
        language=about.language,
        filters=options.filters,
        without=options.without,
    )
    return query, about


def of_paper(row: int, options: SearchOptions, snapshot: Snapshot) -> RankingQuery:
    """A query by one paper of the corpus."""
    return RankingQuery(
        kind=QueryKind.PAPER,
        vector=snapshot.vectors([row])[0],
        term_vector=snapshot.lexical.term_vector(row),
        language=_language(snapshot, row),
        filters=options.filters,
        exclude=(row,),
        without=options.without,
    )


def of_examples(
    positive: Sequence[RankingQuery], negative: Sequence[RankingQuery], options: SearchOptions, snapshot: Snapshot
) -> RankingQuery:
    """A query by several examples: their vectors and terms combined by Rocchio's formula.

    Args:
        positive: Queries by a text or a paper each, at least one.
        negative: Likewise; may be none.
        options: For filters and stages.
        snapshot: To be searched.

    Raises:
        InvalidOption: The examples cancel out.
    """
    empty = np.empty((0, snapshot.index.dimension), dtype=np.float32)
    try:
        vector = combine(
            np.stack([each.vector for each in positive]),
            np.stack([each.vector for each in negative]) if negative else empty,
        )
    except ValueError as error:
        raise InvalidOption(f"{error}; leave a negative example out") from error
    languages = {each.language for each in positive}

    sides = [
        [snapshot.lexical.text_vector(each.terms) if each.term_vector is None else each.term_vector for each in side]
        for side in (positive, negative)
    ]
    return RankingQuery(
        kind=QueryKind.PAPER,
        vector=vector,
        term_vector=combine_terms(*sides),
        language=languages.pop() if len(languages) == 1 else UNDETERMINED,
        filters=options.filters,
        exclude=tuple(row for each in (*positive, *negative) for row in each.exclude),
        without=options.without,
    )


def _language(snapshot: Snapshot, row: int) -> str:
    return bytes(snapshot.languages[row]).decode()
