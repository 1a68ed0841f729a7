"""Splits a long text into windows that fit a model. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

# Tokens to look back from an even split for a word boundary; a longer "word" is split in the middle
_LOOK_BACK = 32


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of one text.

    Attributes:
        windows: Pieces of the text in order, at least one.
        lengths: Tokens of each.
        tokens_seen: Their sum.
        tokens_total: Tokens of the whole text; more than `tokens_seen` only if `max_tokens` truncated it.
    """

    windows: tuple[str, ...]
    lengths: tuple[int, ...]
    tokens_seen: int
    tokens_total: int


def split(text: str, spans: Sequence[tuple[int, int]], budget: int, max_tokens: int | None = None) -> Windows:
    """Split a text into the fewest windows that fit, of nearly equal length, at word boundaries where possible.

    Args:
        text: Any text.
        spans: Start and end of each token, in characters.
        budget: Most tokens in a window, at least 1.
        max_tokens: Truncate the text after this many tokens; None does not truncate.
    """
    total = len(spans)
    seen = total if max_tokens is None else min(total, max_tokens)
    if seen == total and total <= budget:
        return Windows((text,), (total,), total, total)
    windows: list[str] = []
    lengths: list[int] = []
    start = 0
    while start < seen:
        left = -(-(seen - start) // budget)
        stop = start + -(-(seen - start) // left)
        if stop < seen:
            stop = _boundary(text, spans, start, stop)
        windows.append(text[spans[start][0] : spans[stop - 1][1]])
        lengths.append(stop - start)
        start = stop
    return Windows(tuple(windows), tuple(lengths), seen, total)


def _boundary(text: str, spans: Sequence[tuple[int, int]], start: int, stop: int) -> int:
    """The last token at or before `stop` that begins a word, so that words are tokenised as in the whole text."""
    for token in range(stop, max(start, stop - _LOOK_BACK), -1):
        before = spans[token][0]
        if before == 0 or not (text[before - 1].isalnum() and text[before].isalnum()) or not text[before].isascii():
            return token
    return stop
