"""Text as it is embedded: mark-up turned into what a reader sees. The only module that knows pylatexenc."""

import functools
import html
import logging
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import NamedTuple

_WHITE_SPACE = re.compile(r"\s+")
# Control characters, zero-width and direction marks, soft hyphens, lone surrogates.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff]"
)

# A closed list, so that `p < 0.05`, `<0.5 or >` and `<man, walking, dog>` stay.
_TAG = re.compile(
    r"</?(?:(?P<block>(?:jats:)?(?:p|title|sec|list-item)|br|hr|div|li|ul|ol|h[1-6]|td|tr|table)|(?:jats|mml|m):[a-z-]+"
    r"|i|b|u|a|em|strong|italic|bold|sub|sup|sc|small|big|tt|code|span|font|math|m[ino]|mrow|msu[bp]|inline-formula|xref"
    r"|tex-math|named-content|ext-link)(?:\s+[\w:-]+\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'))*\s*/?>",
    re.IGNORECASE,
)
_CLOSING_TAG = re.compile(r"</([A-Za-z])>")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]\w{1,30});")

_LATEX_SIGNS = "\\${}~"
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_ABBREVIATIONS = {
    "eg": "e.g.",
    "ie": "i.e.",
    "etal": "et al.",
    "wrt": "w.r.t.",
    "cf": "cf.",
    "etc": "etc.",
    "vs": "vs.",
    "aka": "a.k.a.",
    "iid": "i.i.d.",
    "viz": "viz.",
}
# Machine translation puts a space after the backslash and before the brace: `\ textbf {C} hinese`, `{\ it MCTest}`.
_TORN_MACRO = re.compile(r"\\ ([A-Za-z]{2,}) ?(?=[{}\s_^，,)）]|$)")
_QUOTED = re.compile(r"(?<![A-Za-z])\\([\"'])([^\"'\\{}]{2,80})\\\1(?![A-Za-z{])")
_APOSTROPHE = re.compile(r"(?<=[A-Za-z])\\'(?=(?:[stdm]|ll|re|ve)\b|[^A-Za-z{\\])")
_TIE = re.compile(r"(?<![\s/=<>\\])(?<![0-9](?=~[0-9]))~(?=[\w\\(\[$])")
_DEGREE = re.compile(r"\^\s*(?:\\circ(?![A-Za-z])|\{\s*\\circ\s*\})")

_TOKEN = re.compile(
    r"""
      (?P<path>(?<![A-Za-z])[A-Za-z]:\\[^\s{}$]*)                       # C:\Users\name
    | \$\$?(?P<math>(?:[^$\\]|\\.)+)\$\$?
    | (?P<silent>\s*\\(?:(?:[cC]ite[a-zA-Z]*|(?:[cC]|auto|name|eq|page)?ref|label|vspace|hspace|bibliography(?:style)?
        |includegraphics)\*?(?:\s?\[[^][]*\])*\s?\{[^{}]*\}))
    | \\(?:begin|end|(?:text|page)?color|href|hyperlink|hyperref|fontsize)\s?(?:\[[^][]*\])?(?P<setting>\{[^{}]*\})
    | \\(?:url|path|nolinkurl)\s?\{(?P<url>[^{}]*)\}
    | \\(?P<name>[A-Za-z]+)\*?
    | \\(?P<accent>["'`^~=.])(?P<on>\s?\{\\?[A-Za-z]?\}|[A-Za-z]|\\[ij]\b)?
    | \\(?P<escaped>.)
    | (?P<literal>[%#&$~\\])
    """,
    re.VERBOSE | re.DOTALL,
)
_PIECE = re.compile(r"\\[A-Za-z]+\*?|\\.|[{}]|\$\$?|[^\\{}$]+", re.DOTALL)
_WHOLE_WORDS = re.compile(r"\s*\S*(\s.*\s)\S*", re.DOTALL)  # not the first: it may be a macro's argument (`\c c`)
_DOLLAR = re.compile(r"(?<!\\)\$")
_FORMULA = re.compile(r"\$\$[^$]{1,2000}\$\$|\$((?:[^$\\]|\\.){1,300})\$(?=(\d?))", re.DOTALL)
_OPERATOR_IN_MATH = re.compile(r"[\\^_=<>+/]")
_WORDS_IN_MONEY = re.compile(r"^[\d.,]+\s*[A-Za-z]{2,}\s")
_SPECIAL = re.compile(r"[%#&$~\\{}]")
_PRINTED = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}"}
# Macros that only say how to set what follows. pylatexenc does not know them all, and makes of the mathematical
# ones letters that are strangers to an encoder: `𝐱`, `𝒪`, `ℝ` for `x`, `O`, `R`.
_SETTINGS = frozenset(
    "em it bf sc tt rm sf sl cal bfseries itshape scshape ttfamily normalfont left right big Big bigg Bigg bigl bigr "
    "limits nolimits displaystyle textstyle scriptsize footnotesize small large newline linebreak noindent par "
    "centering xspace protect onedot bm boldsymbol pmb mathds operatorname textnormal mbox hbox ensuremath item "
    "emph text textbf textit texttt textsc textrm textsf textsl underline "
    "mathbb mathbbm mathcal mathscr mathfrak mathbf mathit mathsf mathtt mathrm footnote".split()
)
_ACCENT_LETTERS = frozenset("bcdHkrtuv")  # `\c{c}`, `\H{o}`: a macro only before a letter or a group
_WORD = re.compile(r"[^\W_]+")
_SIGNS = re.compile(r"\\([A-Za-z]+|.)|[{}]", re.DOTALL)
_COMMAND = re.compile(r"\\(?:[\"'`^~=.]|[bcdHkrtuv](?![A-Za-z]))\s?\{?\\?[A-Za-z]?\}?|\\[A-Za-z]+\*?|\\.", re.DOTALL)


def clean(text: str) -> str:
    """Turn LaTeX, HTML and JATS mark-up into readable text on one line.

    Characters stay as they are (no compatibility folding); control and zero-width characters go. A dollar sign,
    percent sign or backslash that is not LaTeX stays. Never raises.

    Returns:
        Text without runs of white space; empty only if `text` has nothing visible.
    """
    plain = _folded(text)
    readable = _without_tags(plain) if "<" in plain or "&" in plain else plain
    if any(sign in readable for sign in _LATEX_SIGNS):
        readable = _without_latex(readable)
    return readable or plain


def _folded(text: str) -> str:
    if not text.isprintable():  # far faster than the pattern, and almost always enough
        text = _INVISIBLE.sub("", text)
    return " ".join(text.split())


def _without_tags(text: str) -> str:
    for _ in range(2):  # `&amp;lt;` is escaped twice, and `&lt;i&gt;` is a tag
        closed = set(_CLOSING_TAG.findall(text))
        text = _TAG.sub(functools.partial(_as_tag, closed), text)
        text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    return _folded(_TAG.sub(functools.partial(_as_tag, set(_CLOSING_TAG.findall(text))), text))


def _as_tag(closed: set[str], tag: re.Match[str]) -> str:
    if tag[0][2:] == ">" and tag[0][1] not in closed:
        return tag[0]  # `a<b>c` compares
    return " " if tag["block"] else ""


def _without_latex(text: str) -> str:
    """Let pylatexenc read it; take only the signs away where pylatexenc fails or loses words."""
    source = _balanced(_TORN_MACRO.sub(r"\\\1", text))
    source = _QUOTED.sub(r"\1\2\1", source)
    source = _TIE.sub(" ", _APOSTROPHE.sub("'", source))
    source = _DEGREE.sub("°", source)
    try:
        latex = _TOKEN.sub(_as_latex, _without_money(source))
        readable = _folded("".join(_reader().read(part) if is_latex else part for part, is_latex in _islands(latex)))
    except Exception:  # pylatexenc raises IndexError, RecursionError and its own errors on malformed input
        readable = ""
    words = _TOKEN.sub(_as_words, source)
    found = unicodedata.normalize("NFD", readable)  # `\tilde{O}` has become one letter
    if all(word in found for word in _WORD.findall(unicodedata.normalize("NFD", _COMMAND.sub(" ", words)))):
        return readable
    return _folded(_SIGNS.sub(r"\1", words))


def _balanced(text: str) -> str:
    """Drop braces that have no partner: `(GHOST})`."""
    unmatched: list[int] = []
    opened: list[int] = []
    for brace in _BRACE.finditer(text):
        if brace[0] == "{":
            opened.append(brace.start())
        elif brace[0] == "}":
            if opened:
                opened.pop()
            else:
                unmatched.append(brace.start())
    dropped = {*unmatched, *opened}
    return "".join(char for i, char in enumerate(text) if i not in dropped) if dropped else text


def _islands(latex: str) -> Iterator[tuple[str, bool]]:
    """Cut into parts with and without LaTeX, in order: pylatexenc goes character by character, ten times slower."""
    depth = start = 0
    in_math = False
    for piece in _PIECE.finditer(latex):
        sign = piece[0]
        if sign in {"{", "}"}:
            depth += 1 if sign == "{" else -1
        elif sign in {"$", "$$", r"\(", r"\)", r"\[", r"\]"}:
            in_math = not in_math
        elif depth == 0 and not in_math and (words := _WHOLE_WORDS.fullmatch(sign)):
            yield latex[start : piece.start() + words.start(1)], True
            yield words[1], False
            start = piece.start() + words.end(1)
    yield latex[start:], True


def _without_money(text: str) -> str:
    """Escape the dollar signs that enclose no formula."""
    parts = []
    done = 0
    while dollar := _DOLLAR.search(text, done):
        formula = _FORMULA.match(text, dollar.start())
        if formula and (formula[1] is None or _is_math(formula[1], before_digit=bool(formula[2]))):
            parts.append(text[done : formula.end()])
            done = formula.end()
        else:
            parts.append(text[done : dollar.start()] + r"\$")
            done = dollar.end()
    return "".join(parts) + text[done:]


def _is_math(content: str, before_digit: bool) -> bool:
    """Whether what stands between two dollar signs is a formula, not `5 million and `."""
    if "\\" in content:
        return True
    if before_digit or _WORDS_IN_MONEY.match(content):
        return not any(char.isalnum() for char in content)  # `0.5$-$1 eV`
    if content == content.strip():
        return True
    return bool(_OPERATOR_IN_MATH.search(content)) or len(content) <= 14  # `$ n $`, from machine translation


def _literal(text: str) -> str:
    """Escape what LaTeX would not print as it stands."""
    return _SPECIAL.sub(lambda sign: _PRINTED.get(sign[0], "\\" + sign[0]), text)


def _as_latex(token: re.Match[str]) -> str:
    """Rewrite one token so that pylatexenc prints it, whatever it was."""
    kind = token.lastgroup
    found = token[0]
    if kind == "math":
        return "$" + _TOKEN.sub(_as_latex, token["math"]) + "$"
    if kind == "silent":
        return ""
    if kind == "setting":
        return " "
    if kind == "url":
        return " " + _literal(token["url"]) + " "
    if kind in {"path", "literal"}:
        return _literal(found)
    if kind == "name":
        return _macro(token)
    if kind in {"accent", "on"}:
        return found if token["on"] else _literal(found[1:])
    if kind == "escaped":
        return _escaped(found[1:])
    return found


def _escaped(char: str) -> str:
    if char in "\\ ,;:>\n":  # a new line or a space of some width
        return " "
    if char in "!-/@":
        return ""
    if char in "%#&$_{}()[]|":
        return "\\" + char
    return char if not char.isascii() else _literal("\\" + char)


def _macro(token: re.Match[str]) -> str:
    name, text, end = token["name"], token.string, token.end()
    if name in _ABBREVIATIONS:
        return _ABBREVIATIONS[name].removesuffix("." if text[end : end + 1] == "." else "\0")
    before, after = text[token.start() - 1 : token.start()], text[end : end + 1]
    if name in _ACCENT_LETTERS and not (after == "{" or after == " "):
        return _literal(token[0])  # `\d+`, `\b[A-Z]`
    if name in _SETTINGS:
        return " " if after.isspace() or name == "footnote" else ""
    if _reader().knows(name):
        # LaTeX swallows the space after a macro; a reader of `\in {R}` wants it
        return token[0] + "{}" if after == " " and not _reader().takes_arguments(name) else token[0]
    if (before.isalnum() or before in "./:\\") and before and after in {"\\", ".", "/"}:
        return _literal(token[0])  # `server\share\file.txt`
    return "" if after == "{" and text[end + 1 : end + 2] != "}" else name


def _as_words(token: re.Match[str]) -> str:
    """What of one token must be found again in the readable text."""
    kind = token.lastgroup
    if kind in {"silent", "setting"}:
        return " "
    if kind == "math":
        return "$" + _TOKEN.sub(_as_words, token["math"]) + "$"
    if kind == "url":
        return " " + token["url"] + " "
    return token[0]


class _Reader(NamedTuple):
    """pylatexenc, set up."""

    read: Callable[[str], str]
    knows: Callable[[str], bool]
    takes_arguments: Callable[[str], bool]


@functools.cache
def _reader() -> _Reader:
    """Build pylatexenc's tables, once and only when there is LaTeX to read."""
    from pylatexenc import latex2text, latexwalker

    logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)  # malformed LaTeX is nothing to report
    tables = latex2text.get_default_latex_context_db()
    tables.add_context_category(
        "ours",
        prepend=True,
        macros=[
            *(latex2text.MacroTextSpec(name, "") for name in ("cite", "ref", "label")),
            latex2text.MacroTextSpec("deg", "°"),
        ],
        specials=[latex2text.SpecialsTextSpec(mark, mark) for mark in ("<<", ">>", "?`", "!`")],
    )
    grammar = latexwalker.get_default_latex_context_db()
    printer = latex2text.LatexNodes2Text(
        latex_context=tables,
        keep_comments=True,
        strict_latex_spaces={"between-macro-and-chars": False, "between-latex-constructs": True},
    )

    def read(latex: str) -> str:
        walker = latexwalker.LatexWalker(latex, latex_context=grammar, tolerant_parsing=True)
        return str(printer.nodelist_to_text(walker.get_latex_nodes()[0]))

    def knows(macro: str) -> bool:
        return any(getattr(table.get_macro_spec(macro), "macroname", "") for table in (tables, grammar))

    def takes_arguments(macro: str) -> bool:
        spec = grammar.get_macro_spec(macro)
        return bool(spec and spec.args_parser.argspec)

    return _Reader(read, knows, takes_arguments)
