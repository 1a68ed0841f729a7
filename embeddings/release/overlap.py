"""Overlap and rank-biased overlap of two rankings. Pure."""

from collections.abc import Sequence

PERSISTENCE = 0.9
"""Probability that a reader continues to the next hit; 0.9 means 10 hits on average (Webber et al. 2010)."""


def overlap(first: Sequence[str], second: Sequence[str]) -> float:
    """Fraction of hits that two rankings share, in [0, 1]: |A ∩ B| / max(|A|, |B|). Two empty rankings give 1."""
    longer = max(len(first), len(second))
    return len(set(first) & set(second)) / longer if longer else 1.0


def rank_biased_overlap(first: Sequence[str], second: Sequence[str], p: float = PERSISTENCE) -> float:
    """Rank-biased overlap, extrapolated, in [0, 1]: 1 for equal rankings, 0 for rankings without a common hit.

    Webber, Moffat and Zobel 2010, A similarity measure for indefinite rankings, ACM TOIS 28(4), equation 32: the sum
    of the overlaps at every depth d, weighted by p^d, assuming that the agreement at the end continues.

    Args:
        first: Hits, best first, without duplicates.
        second: Hits, best first, without duplicates.
        p: Persistence, in (0, 1). A higher value gives more weight to lower ranks.
    """
    short, long = sorted((first, second), key=len)
    if not short:
        return float(not long)
    short_length, long_length = len(short), len(long)
    common = _common_counts(short, long)
    total = sum(common[d] / d * p**d for d in range(1, long_length + 1))
    total += sum(
        common[short_length] * (d - short_length) / (short_length * d) * p**d
        for d in range(short_length + 1, long_length + 1)
    )
    extrapolated = (common[long_length] - common[short_length]) / long_length + common[short_length] / short_length
    return min(1.0, (1 - p) / p * total + extrapolated * p**long_length)


def _common_counts(short: Sequence[str], long: Sequence[str]) -> list[int]:
    """Number of common hits at each depth, from 0 to the length of the longer ranking."""
    seen_short: set[str] = set()
    seen_long: set[str] = set()
    counts = [0]
    for d, hit in enumerate(long):
        seen_long.add(hit)
        seen_short.update(short[d : d + 1])
        counts.append(len(seen_short & seen_long))
    return counts
