"""Splits text into sentences. The only module that imports sentencex."""

import re

_MIN_LENGTH = {"zh": 5, "ja": 5}  # characters; shorter fragments are joined to a neighbour
_DEFAULT_MIN_LENGTH = 15
# Abbreviations after which sentencex splits; it does not split after `e.g.`, `et al.` and `Fig. 3`.
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[])(?:Eqs?|Secs?|Figs?|Tabs?|Refs?|Ch|Thm|Alg|App|Nos?|Vol|pp?|approx|resp|vs|al|et|cf|ca|incl|w\.r\.t"
    r"|i\.i\.d|e\.g|i\.e|etc)\.$"
)
_SEMICOLON = re.compile(r"(?<=；)|(?<=[\u4e00-\u9fff）)];)")  # separates sentences in Chinese, but not in `(α;β)`


def sentences(text: str, language: str) -> list[str]:
    """Split a text into sentences, in order; every visible character is in exactly one of them.

    Args:
        text: Any string; results are best for cleaned text.
        language: ISO 639-1 code; unknown codes use general rules.

    Returns:
        Non-empty sentences without surrounding white space; short fragments (`Yes!`) are joined to a neighbour.
    """
    import sentencex

    readable = text.encode("utf-8", "replace").decode()  # sentencex rejects lone surrogates
    pieces: list[str] = []
    for piece in sentencex.segment(language, readable):
        pieces += _SEMICOLON.split(piece) if language == "zh" else [piece]
    min_length = _MIN_LENGTH.get(language, _DEFAULT_MIN_LENGTH)
    joined: list[str] = []
    for piece in pieces:
        if joined and (len(joined[-1].strip()) < min_length or _continues(joined[-1], piece)):
            joined[-1] += piece
        else:
            joined.append(piece)
    if len(joined) > 1 and len(joined[-1].strip()) < min_length:
        last = joined.pop()
        joined[-1] += last
    return [sentence for piece in joined if (sentence := piece.strip())]


def _continues(before: str, after: str) -> bool:
    """Whether the full stop between two pieces ends an abbreviation and not a sentence: `Eq. 4`, `approx. 5 ms`."""
    return bool(_ABBREVIATION.search(before.rstrip())) and not after.lstrip()[:1].isupper()
