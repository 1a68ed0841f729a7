"""Filters into masks of the rows they admit, for indexes that want one bit for each row."""

from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embeddings.queries import NO_FILTERS, Filters

# One mask takes a bit for each paper: 64 of them take 8 MB for a million papers
_MASKS_CACHED = 64
# Of whole filters: both indexes and the count of a query ask for the same one. A byte a paper
_WHOLE_MASKS_CACHED = 4


class FilterablePapers(Protocol):
    """What masks are computed from: `PapersDb`."""

    def __len__(self) -> int: ...

    def row(self, reference: str) -> int:
        """Row of a paper; raises `PaperNotFound` or `AmbiguousPaperId`."""
        ...

    def rows_where(self, condition: str, values: tuple[object, ...]) -> NDArray[np.int64]:
        """Rows that a condition of SQL selects."""
        ...


class FilterMasks:
    """Computes masks, and caches those of single values, which repeat. Safe from many threads."""

    def __init__(self, papers: FilterablePapers) -> None:
        """Compute masks over these papers."""
        self._papers = papers
        self._packed = lru_cache(maxsize=_MASKS_CACHED)(self._pack)
        self._whole = lru_cache(maxsize=_WHOLE_MASKS_CACHED)(self._compute)

    def mask(self, filters: Filters, exclude: Collection[int] = ()) -> NDArray[np.bool_] | None:
        """Compute which rows are admitted.

        Args:
            filters: Which papers are admitted.
            exclude: Rows that are not.

        Returns:
            Shape (papers,), not to be changed; None if all are admitted.

        Raises:
            PaperNotFound: An id in the filters is unknown.
            AmbiguousPaperId: An id in the filters fits several papers.
        """
        return self._whole(filters, tuple(exclude))

    def _compute(self, filters: Filters, exclude: tuple[int, ...]) -> NDArray[np.bool_] | None:
        admitted: NDArray[np.bool_] | None = None
        for part in self._parts(filters):
            admitted = part if admitted is None else admitted & part
        if exclude:
            admitted = np.ones(len(self._papers), dtype=np.bool_) if admitted is None else admitted.copy()
            admitted[list(exclude)] = False
        if admitted is not None:
            admitted.flags.writeable = False  # several callers share it
        return admitted

    def count(self, filters: Filters, exclude: Collection[int] = ()) -> int:
        """How many rows are admitted; arguments and errors as of `mask`."""
        if filters == NO_FILTERS:
            return len(self._papers) - len(set(exclude))
        admitted = self.mask(filters, exclude)
        return len(self._papers) if admitted is None else int(np.count_nonzero(admitted))

    def _parts(self, filters: Filters) -> Iterator[NDArray[np.bool_]]:
        for condition, values in (
            ("papers WHERE language = ?", filters.language),
            ("categories WHERE category = ?", filters.category),
            ("sources WHERE file = ?", filters.source),
        ):
            if values:
                yield np.logical_or.reduce([self._where(condition, value) for value in values])
        if filters.year_from is not None:
            yield self._where("papers WHERE year >= ?", filters.year_from)
        if filters.year_to is not None:
            yield self._where("papers WHERE year <= ?", filters.year_to)
        if filters.id:
            yield self._of(filters.id)
        if filters.exclude_id:
            yield ~self._of(filters.exclude_id)

    def _of(self, references: tuple[str, ...]) -> NDArray[np.bool_]:
        mask = np.zeros(len(self._papers), dtype=np.bool_)
        mask[[self._papers.row(reference) for reference in references]] = True
        return mask

    def _where(self, condition: str, value: str | int) -> NDArray[np.bool_]:
        return np.unpackbits(self._packed(condition, value), count=len(self._papers)).view(np.bool_)

    def _pack(self, condition: str, value: str | int) -> NDArray[np.uint8]:
        mask = np.zeros(len(self._papers), dtype=np.bool_)
        mask[self._papers.rows_where(condition, (value,))] = True
        return np.packbits(mask)
