"""Filters into the rows they admit, so that search looks only among those."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from embeddings.queries import Filters
from embeddings.snapshots.papers_db import PapersDb

# One mask is a bit a paper: 64 of them take 8 MB over a million papers
_MASKS_KEPT = 64


class FilterMasks:
    """Answers which rows pass which filters; remembers the answers for single values, which repeat."""

    def __init__(self, store: PapersDb) -> None:
        """Answer for the papers of this store."""
        self._store = store
        self._packed = lru_cache(maxsize=_MASKS_KEPT)(self._pack)

    def mask(self, filters: Filters) -> NDArray[np.bool_] | None:
        """Tell which rows pass, shape (papers,); None if all do.

        Raises:
            PaperNotFound: An id in the filters is unknown.
            AmbiguousPaperId: An id in the filters fits several papers.
        """
        passed: NDArray[np.bool_] | None = None
        for part in self._parts(filters):
            passed = part if passed is None else passed & part
        return passed

    def _parts(self, filters: Filters) -> Iterator[NDArray[np.bool_]]:
        for condition, values in (
            ("papers WHERE language = ?", filters.languages),
            ("categories WHERE category = ?", filters.categories),
            ("sources WHERE file = ?", filters.sources),
        ):
            if values:
                yield np.logical_or.reduce([self._where(condition, value) for value in values])
        if filters.year_from is not None:
            yield self._where("papers WHERE year >= ?", filters.year_from)
        if filters.year_to is not None:
            yield self._where("papers WHERE year <= ?", filters.year_to)
        if filters.ids:
            yield self._of(filters.ids)
        if filters.exclude_ids:
            yield ~self._of(filters.exclude_ids)

    def _of(self, references: tuple[str, ...]) -> NDArray[np.bool_]:
        mask = np.zeros(len(self._store), dtype=np.bool_)
        mask[[self._store.row(reference) for reference in references]] = True
        return mask

    def _where(self, condition: str, value: str | int) -> NDArray[np.bool_]:
        return np.unpackbits(self._packed(condition, value), count=len(self._store)).view(np.bool_)

    def _pack(self, condition: str, value: str | int) -> NDArray[np.uint8]:
        mask = np.zeros(len(self._store), dtype=np.bool_)
        mask[self._store.rows_where(condition, (value,))] = True
        return np.packbits(mask)
