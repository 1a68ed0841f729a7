"""Chooses the kind of index by number of vectors and memory budget. Pure."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from embeddings.errors import BuildError, InvalidOption

# Default index recall@10 that searches are tuned to
INDEX_RECALL = 0.98

# Up to this many vectors exact search takes milliseconds on one core, so no recall is given up
LARGEST_EXACT = 20_000

LEAST_TRAINING_ROWS_A_LIST = 39  # with fewer, FAISS warns that its clusters are badly trained

_ID_BYTES = 8
_LIST_BYTES = 64  # size, offset and the like, in addition to the centroid
_FILE_BYTES = 16_384
_LEVELS = 16  # of a 4-bit code
_BLOCK = 32  # codes of a fast-scan block
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


@dataclass(frozen=True, slots=True)
class IndexKind:
    """A kind of index.

    Attributes:
        factory: FAISS factory string with placeholders for the inverted lists and the number of codes.
        code_bytes: Dimension → bytes of a vector's code.
        together: Components that share a 4-bit code, compared by fast scan; 0 where each component has its own bits.
    """

    factory: str
    code_bytes: Callable[[int], int]
    together: int = 0

    def possible(self, dimension: int) -> bool:
        """Whether this kind can index vectors of this dimension."""
        return not self.together or dimension % self.together == 0

    def size(self, count: int, dimension: int) -> int:
        """Upper bound of the bytes of an index of `count` vectors, on disk and memory-mapped."""
        code = self.code_bytes(dimension)
        if "{lists}" not in self.factory:
            return count * code + _FILE_BYTES
        filling = (_BLOCK - 1) * (code + _ID_BYTES) if self.together else 0
        each = 4 * dimension + _LIST_BYTES + filling
        levels = 4 * dimension * _LEVELS if self.together else 0
        return count * (code + _ID_BYTES) + lists(count) * each + levels + _FILE_BYTES

    def named(self, count: int, dimension: int) -> str:
        """The factory string for `count` vectors."""
        return self.factory.format(lists=f"IVF{lists(count)}", codes=dimension // (self.together or 1))


EXACT = IndexKind("Flat", lambda dimension: 4 * dimension)

# Best first. Product quantisation of the residuals, 4 bits for each two or four components, compared 32 codes at a time
# in registers (PQ fast scan: André, Kermarrec and Le Scouarnec 2015); for dimensions that these do not divide, RaBitQ
# (Gao and Long 2024; Gao et al. 2025). Candidates are compared again exactly, with the vectors that are memory-mapped
# from the snapshot. Code sizes are those of FAISS; measurements that led to these kinds: docs/decisions/0012.
INDEX_KINDS = (
    IndexKind("{lists},PQ{codes}x4fsr", lambda dimension: math.ceil(dimension / 4), together=2),
    IndexKind("{lists},RaBitQ2", lambda dimension: 2 * math.ceil(dimension / 8) + 20),
    IndexKind("{lists},PQ{codes}x4fsr", lambda dimension: math.ceil(dimension / 8), together=4),
    IndexKind("{lists},RaBitQ", lambda dimension: math.ceil(dimension / 8) + 8),
)


def lists(count: int) -> int:
    """Number of inverted lists: the power of two nearest to sqrt(n), as far as n vectors suffice to train them.

    Codes are compared so fast that with more and shorter lists, finding the lists costs more than is saved.
    """
    wanted = round(math.log2(math.sqrt(count)))
    trainable = math.floor(math.log2(max(1, count // LEAST_TRAINING_ROWS_A_LIST)))
    return int(2 ** min(wanted, trainable))


def choose(count: int, dimension: int, memory_budget: int | None = None) -> str:
    """Choose the factory string: exact search while that is fast, else the first kind that fits the memory budget.

    Args:
        count: Vectors, at least 1.
        dimension: Of the vectors.
        memory_budget: Most bytes of the index; None sets no limit.

    Raises:
        BuildError: Even the smallest kind does not fit.
    """
    kinds = [
        kind for kind in ((EXACT, *INDEX_KINDS) if count <= LARGEST_EXACT else INDEX_KINDS) if kind.possible(dimension)
    ]
    for kind in kinds:
        if memory_budget is None or kind.size(count, dimension) <= memory_budget:
            return kind.named(count, dimension)
    least = min(kinds, key=lambda kind: kind.size(count, dimension))
    raise BuildError(
        f"no index of {count:,} vectors of {dimension} fits into {memory_budget:,} bytes: the smallest, "
        f"{least.named(count, dimension)}, takes {least.size(count, dimension):,}; raise --memory-budget to "
        f"{math.ceil(least.size(count, dimension) / 10**6)}MB or more"
    )


def bytes_of(text: str) -> int:
    """Parse an amount of memory: `3GB`, `500 MB`, `1.5GiB`, `4096`. GB is 10^9 bytes, GiB 2^30.

    Raises:
        InvalidOption: The text is not an amount of memory.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    unit = _UNITS.get(found[2].upper()) if found else None
    if found is None or unit is None:
        raise InvalidOption(f"{text!r} is not an amount of memory; write 3GB, 500MB or 2GiB")
    return int(float(found[1]) * unit)
