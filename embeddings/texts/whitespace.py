"""Folds white space and removes invisible characters. Pure."""

import re

# Control characters, zero-width and direction marks, soft hyphens, lone surrogates.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff]"
)


def fold(text: str) -> str:
    """Put a text on one line: single spaces between words, and no control or zero-width characters."""
    if not text.isprintable():  # much faster than the pattern, and false for few texts
        text = _INVISIBLE.sub("", text)
    return " ".join(text.split())
