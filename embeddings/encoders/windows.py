"""Cuts a long text into windows that a model reads whole. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

# How far back from an even cut a word boundary is looked for; a longer "word" is cut in the middle
_LOOK_BACK = 32


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of one text.

    Attributes:
        windows: Pieces of the text in order, at least one.
        lengths: Tokens of each.
        tokens_seen: Their sum.
        tokens_total: Tokens of the whole text; more than `tokens_seen` only if `max_tokens` cut it.
    """

    windows: tuple[str, ...]
    lengths: tuple[int, ...]
    tokens_seen: int
    tokens_total: int


def split(text: str, spans: Sequence[tuple[int, int]], budget: int, max_tokens: int | None = None) -> Windows:
    """Cut a text into as few windows as fit, of nearly equal length, at word boundaries where there are any.

    Args:
        text: Any text.
        spans: Begin and end of each of its tokens, in characters.
        budget: Most tokens in a window, at least 1.
        max_tokens: Leave out what follows this many tokens; None leaves out nothing.
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
    """The last token at or before `stop` that begins a word, so that cutting does not change how words are split."""
    for token in range(stop, max(start, stop - _LOOK_BACK), -1):
        before = spans[token][0]
        if before == 0 or not (text[before - 1].isalnum() and text[before].isalnum()) or not text[before].isascii():
            return token
    return stop
