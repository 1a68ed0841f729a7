"""Masks of rows that are left out, for indexes without papers."""

from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from embeddings.queries import Filters


def excluding(count: int) -> Callable[[Filters, Collection[int]], NDArray[np.bool_] | None]:
    """Admit all of `count` rows but those that are excluded."""

    def mask(_filters: Filters, exclude: Collection[int]) -> NDArray[np.bool_] | None:
        if not exclude:
            return None
        admitted = np.ones(count, dtype=np.bool_)
        admitted[list(exclude)] = False
        return admitted

    return mask
