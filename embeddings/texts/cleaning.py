"""Cleans abstracts before encoding: LaTeX, HTML and JATS mark-up to plain text."""

import functools
import html
import re

from embeddings.texts.latex import plain_text
from embeddings.texts.whitespace import fold

# A closed list of tags, so that `p < 0.05`, `<0.5 or >` and `<man, walking, dog>` are kept.
_TAG = re.compile(
    r"</?(?:(?P<block>(?:jats:)?(?:p|title|sec|list-item)|br|hr|div|li|ul|ol|h[1-6]|td|tr|table)|(?:jats|mml|m):[a-z-]+"
    r"|i|b|u|a|em|strong|italic|bold|sub|sup|sc|small|big|tt|code|span|font|math|m[ino]|mrow|msu[bp]|inline-formula|xref"
    r"|tex-math|named-content|ext-link)(?:\s+[\w:-]+\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'))*\s*/?>",
    re.IGNORECASE,
)
_CLOSING_TAG = re.compile(r"</([A-Za-z])>")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]\w{1,30});")
_LATEX_SIGNS = "\\${}~"


def clean(text: str) -> str:
    """Convert LaTeX, HTML and JATS mark-up to plain text on one line.

    Characters are kept (no compatibility folding), except control and zero-width characters. Dollar signs, percent
    signs and backslashes that are not LaTeX are kept. Never raises.

    Returns:
        Text with single spaces; empty only if `text` has no visible character.
    """
    plain = fold(text)
    readable = _remove_tags(plain) if "<" in plain or "&" in plain else plain
    if any(sign in readable for sign in _LATEX_SIGNS):
        readable = plain_text(readable)
    return readable or plain


def _remove_tags(text: str) -> str:
    """Remove tags, and decode entities."""
    for _ in range(2):  # `&amp;lt;` is escaped twice, and `&lt;i&gt;` is an escaped tag
        closed = set(_CLOSING_TAG.findall(text))
        text = _TAG.sub(functools.partial(_tag_replacement, closed), text)
        text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    return fold(_TAG.sub(functools.partial(_tag_replacement, set(_CLOSING_TAG.findall(text))), text))


def _tag_replacement(closed: set[str], tag: re.Match[str]) -> str:
    """Replace a block tag by a space and an inline tag by nothing; keep a one-letter tag that is not in `closed`."""
    if tag[0][2:] == ">" and tag[0][1] not in closed:
        return tag[0]  # `a<b>c` is a comparison, not a tag
    return " " if tag["block"] else ""
