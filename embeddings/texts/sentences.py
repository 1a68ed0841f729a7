"""A text cut into its sentences. The only module that knows sentencex."""

import re

_SHORTEST = {"zh": 5, "ja": 5}  # characters; shorter fragments belong to a neighbour
_SHORTEST_ELSEWHERE = 15
# sentencex keeps `e.g.`, `et al.`, `Fig. 3`, but cuts after these.
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[])(?:Eqs?|Secs?|Figs?|Tabs?|Refs?|Ch|Thm|Alg|App|Nos?|Vol|pp?|approx|resp|vs|al|et|cf|ca|incl|w\.r\.t"
    r"|i\.i\.d|e\.g|i\.e|etc)\.$"
)
_SEMICOLON = re.compile(r"(?<=；)|(?<=[\u4e00-\u9fff）)];)")  # between sentences in Chinese; not in `(α;β)`


def sentences(text: str, language: str) -> list[str]:
    """Cut a text into sentences, in order; every visible character stands in exactly one of them.

    Args:
        text: Best cleaned; any string is allowed.
        language: ISO 639-1 code; an unknown one is read with general rules.

    Returns:
        Sentences without surrounding white space, none empty; fragments too short to be one (`Yes!`) are joined to
        a neighbour.
    """
    import sentencex

    readable = text.encode("utf-8", "replace").decode()  # sentencex takes no lone surrogates
    pieces: list[str] = []
    for piece in sentencex.segment(language, readable):
        pieces += _SEMICOLON.split(piece) if language == "zh" else [piece]
    shortest = _SHORTEST.get(language, _SHORTEST_ELSEWHERE)
    joined: list[str] = []
    for piece in pieces:
        if joined and (len(joined[-1].strip()) < shortest or _goes_on(joined[-1], piece)):
            joined[-1] += piece
        else:
            joined.append(piece)
    if len(joined) > 1 and len(joined[-1].strip()) < shortest:
        last = joined.pop()
        joined[-1] += last
    return [sentence for piece in joined if (sentence := piece.strip())]


def _goes_on(before: str, after: str) -> bool:
    """Whether a full stop ended an abbreviation, not a sentence: `Eq. 4`, `approx. 5 ms`."""
    return bool(_ABBREVIATION.search(before.rstrip())) and not after.lstrip()[:1].isupper()
