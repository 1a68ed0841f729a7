"""How alike two rankings are. Pure."""

from collections.abc import Sequence

PERSISTENCE = 0.9
"""A reader who looks at each next hit with this probability sees ten hits on average (Webber et al. 2010)."""


def overlap(first: Sequence[str], second: Sequence[str]) -> float:
    """The share of hits that two answers have in common, in [0, 1]: |A ∩ B| / max(|A|, |B|); 1 for two empty ones."""
    longer = max(len(first), len(second))
    return len(set(first) & set(second)) / longer if longer else 1.0


def rank_biased_overlap(first: Sequence[str], second: Sequence[str], p: float = PERSISTENCE) -> float:
    """Rank-biased overlap, extrapolated, in [0, 1]: 1 for equal rankings, 0 for those without a common hit.

    Webber, Moffat and Zobel 2010, A similarity measure for indefinite rankings, ACM TOIS 28(4), equation 32: the
    overlaps at every depth, weighed by p^d, with what the rankings have in common at their ends going on.

    Args:
        first: Hits, best first, none twice.
        second: Hits, best first, none twice.
        p: How much weight lies further down, in (0, 1).
    """
    short, long = sorted((first, second), key=len)
    if not short:
        return float(not long)
    ends, end = len(short), len(long)
    common = _common(short, long)
    total = sum(common[d] / d * p**d for d in range(1, end + 1))
    total += sum(common[ends] * (d - ends) / (ends * d) * p**d for d in range(ends + 1, end + 1))
    rest = (common[end] - common[ends]) / end + common[ends] / ends
    return min(1.0, (1 - p) / p * total + rest * p**end)


def _common(short: Sequence[str], long: Sequence[str]) -> list[int]:
    """How many hits the two have in common down to each depth, from 0 to the length of the longer."""
    seen_short: set[str] = set()
    seen_long: set[str] = set()
    counts = [0]
    for d, hit in enumerate(long):
        seen_long.add(hit)
        seen_short.update(short[d : d + 1])
        counts.append(len(seen_short & seen_long))
    return counts
