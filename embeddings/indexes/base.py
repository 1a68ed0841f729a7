"""The protocols of indexes. `faiss/` and `bm25/` implement them; ranking knows nothing else of an index."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from embeddings.queries import NO_FILTERS, Filters

NO_ROW = -1
"""Stands for a row where an index found fewer than were asked for."""


Masks = Callable[[Filters, Collection[int]], NDArray[np.bool_] | None]
"""For engines that want a bit for each row: filters and excluded rows → admitted rows, shape (n,); None admits all."""


def admit_all(filters: Filters, exclude: Collection[int]) -> NDArray[np.bool_] | None:
    """The masks of an index without papers, as a build has it while it ranks neighbours.

    Raises:
        ValueError: There is something to filter by.
    """
    if filters != NO_FILTERS or exclude:
        raise ValueError("this index has no papers to filter by")
    return None


class Neighbours(NamedTuple):
    """The nearest rows of each query.

    Attributes:
        similarity: Shape (m, k): exact cosines, best first; -inf beside `NO_ROW`.
        rows: Shape (m, k): ties in ascending order; `NO_ROW` where fewer were found.
    """

    similarity: NDArray[np.float32]
    rows: NDArray[np.int64]


class VectorIndex(Protocol):
    """Finds the papers with the highest cosine to a query. Safe from many threads; searching changes nothing.

    A row is a paper's position in the snapshot. An implementation may keep papers elsewhere, under that number.
    `tests/indexes/test_vector_index_contract.py` holds the tests that every implementation passes.
    """

    @property
    def dimension(self) -> int:
        """Length of its vectors."""
        ...

    def __len__(self) -> int: ...

    def nearest(
        self,
        queries: NDArray[np.float32],
        top_k: int,
        *,
        filters: Filters = NO_FILTERS,
        exclude: Collection[int] = (),
        threads: int = 1,
    ) -> Neighbours:
        """Find the admitted rows most similar to each query.

        The cosine of a row does not depend on `top_k` or on the other rows: a larger `top_k` extends the answer.

        Args:
            queries: Shape (m, dimension), unit rows.
            top_k: At least 1.
            filters: Which papers may be answers.
            exclude: Rows that may not be answers.
            threads: Processors to use.

        Returns:
            Shape (m, min(top_k, n)). All of them are found where so many rows are admitted.

        Raises:
            PaperNotFound: An id in the filters is unknown.
            ValueError: The queries do not have the index's dimension.
        """
        ...

    def vectors(self, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
        """Read embeddings, shape (len(rows), dimension)."""
        ...

    def close(self) -> None:
        """Release what the index holds; nothing may be asked of it afterwards."""
        ...


class TermVector(NamedTuple):
    """Weights of terms, of length 1 or empty.

    Attributes:
        terms: Shape (t,): positions of terms in the index, ascending.
        weights: Shape (t,), above 0.
    """

    terms: NDArray[np.int32]
    weights: NDArray[np.float32]


class LexicalIndex(Protocol):
    """Scores papers by the terms they share with a query. Safe from many threads."""

    def __len__(self) -> int: ...

    def best(
        self, terms: Sequence[str], top_k: int, *, filters: Filters = NO_FILTERS, exclude: Collection[int] = ()
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Find the admitted rows with the highest BM25 above 0; rows and scores, both of shape (m,), best first."""
        ...

    def scores_of(self, terms: Sequence[str], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """BM25 of these rows, shape (len(rows),), at least 0."""
        ...

    def max_score(self, terms: Sequence[str]) -> float:
        """An upper bound of BM25 for these terms; 0 without terms."""
        ...

    def term_vector(self, row: int) -> TermVector:
        """The weighted terms of a paper."""
        ...

    def text_vector(self, terms: Sequence[str]) -> TermVector:
        """The weighted terms of a text, as if it were a paper; terms that no paper has are left out."""
        ...

    def cosines(self, vector: TermVector, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Cosine of a term vector with those of papers, shape (len(rows),), in [0, 1]."""
        ...
