"""Converts LaTeX in abstracts to plain text, keeping dollar signs, braces and backslashes that are not LaTeX."""

import re
import unicodedata
from collections.abc import Iterator

from embeddings.texts.latex_reader import reader
from embeddings.texts.whitespace import fold

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
# Machine translation inserts spaces after the backslash and before the brace: `\ textbf {C} hinese`, `{\ it MCTest}`.
_SPACED_MACRO = re.compile(r"\\ ([A-Za-z]{2,}) ?(?=[{}\s_^，,)）]|$)")
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
_INNER_WORDS = re.compile(
    r"\s*\S*(\s.*\s)\S*", re.DOTALL
)  # without the first word, which may be a macro's argument (`\c c`)
_DOLLAR = re.compile(r"(?<!\\)\$")
_FORMULA = re.compile(r"\$\$[^$]{1,2000}\$\$|\$((?:[^$\\]|\\.){1,300})\$(?=(\d?))", re.DOTALL)
_MATH_OPERATOR = re.compile(r"[\\^_=<>+/]")
_AMOUNT_AND_WORD = re.compile(r"^[\d.,]+\s*[A-Za-z]{2,}\s")
_SPECIAL = re.compile(r"[%#&$~\\{}]")
_ESCAPES = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}"}
# Macros that only format what follows. pylatexenc does not define all of them, and converts the mathematical ones to
# letters outside an encoder's vocabulary: `𝐱`, `𝒪`, `ℝ` for `x`, `O`, `R`.
_FORMATTING = frozenset(
    "em it bf sc tt rm sf sl cal bfseries itshape scshape ttfamily normalfont left right big Big bigg Bigg bigl bigr "
    "limits nolimits displaystyle textstyle scriptsize footnotesize small large newline linebreak noindent par "
    "centering xspace protect onedot bm boldsymbol pmb mathds operatorname textnormal mbox hbox ensuremath item "
    "emph text textbf textit texttt textsc textrm textsf textsl underline "
    "mathbb mathbbm mathcal mathscr mathfrak mathbf mathit mathsf mathtt mathrm footnote".split()
)
_ACCENT_LETTERS = frozenset("bcdHkrtuv")  # `\c{c}`, `\H{o}`: macros only before a letter or a group
_WORD = re.compile(r"[^\W_]+")
_SIGNS = re.compile(r"\\([A-Za-z]+|.)|[{}]", re.DOTALL)
_COMMAND = re.compile(r"\\(?:[\"'`^~=.]|[bcdHkrtuv](?![A-Za-z]))\s?\{?\\?[A-Za-z]?\}?|\\[A-Za-z]+\*?|\\.", re.DOTALL)


def plain_text(text: str) -> str:
    """Convert LaTeX to plain text with pylatexenc. If it fails or loses words, remove only the LaTeX signs."""
    source = _remove_unmatched_braces(_SPACED_MACRO.sub(r"\\\1", text))
    source = _QUOTED.sub(r"\1\2\1", source)
    source = _TIE.sub(" ", _APOSTROPHE.sub("'", source))
    source = _DEGREE.sub("°", source)
    try:
        latex = _TOKEN.sub(_to_valid_latex, _escape_currency(source))
        readable = fold("".join(reader().read(part) if is_latex else part for part, is_latex in _split_latex(latex)))
    except Exception:  # pylatexenc raises IndexError, RecursionError and its own errors on malformed input
        readable = ""
    words = _TOKEN.sub(_words_of, source)
    found = unicodedata.normalize("NFD", readable)  # `\tilde{O}` is one composed letter in NFC
    if all(word in found for word in _WORD.findall(unicodedata.normalize("NFD", _COMMAND.sub(" ", words)))):
        return readable
    return fold(_SIGNS.sub(r"\1", words))


def _remove_unmatched_braces(text: str) -> str:
    """Remove unmatched braces: `(GHOST})`."""
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


def _split_latex(latex: str) -> Iterator[tuple[str, bool]]:
    """Split into parts with LaTeX (true) and without, in order: pylatexenc is ten times slower on plain text."""
    depth = start = 0
    in_math = False
    for piece in _PIECE.finditer(latex):
        sign = piece[0]
        if sign in {"{", "}"}:
            depth += 1 if sign == "{" else -1
        elif sign in {"$", "$$", r"\(", r"\)", r"\[", r"\]"}:
            in_math = not in_math
        elif depth == 0 and not in_math and (words := _INNER_WORDS.fullmatch(sign)):
            yield latex[start : piece.start() + words.start(1)], True
            yield words[1], False
            start = piece.start() + words.end(1)
    yield latex[start:], True


def _escape_currency(text: str) -> str:
    """Escape the dollar signs that do not delimit a formula."""
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
    """Whether the content between two dollar signs is a formula, unlike `5 million and `."""
    if "\\" in content:
        return True
    if before_digit or _AMOUNT_AND_WORD.match(content):
        return not any(char.isalnum() for char in content)  # `0.5$-$1 eV`
    if content == content.strip():
        return True
    return bool(_MATH_OPERATOR.search(content)) or len(content) <= 14  # `$ n $`, as machine translation writes it


def _escape(text: str) -> str:
    """Escape the special characters of LaTeX, so that they are printed."""
    return _SPECIAL.sub(lambda sign: _ESCAPES.get(sign[0], "\\" + sign[0]), text)


def _to_valid_latex(token: re.Match[str]) -> str:
    """Rewrite one token as LaTeX that pylatexenc converts to the intended text."""
    kind = token.lastgroup
    found = token[0]
    if kind == "math":
        return "$" + _TOKEN.sub(_to_valid_latex, token["math"]) + "$"
    if kind == "silent":
        return ""
    if kind == "setting":
        return " "
    if kind == "url":
        return " " + _escape(token["url"]) + " "
    if kind in {"path", "literal"}:
        return _escape(found)
    if kind == "name":
        return _macro(token)
    if kind in {"accent", "on"}:
        return found if token["on"] else _escape(found[1:])
    if kind == "escaped":
        return _escaped(found[1:])
    return found


def _escaped(char: str) -> str:
    """LaTeX for a backslash followed by a character that is not a letter."""
    if char in "\\ ,;:>\n":  # line break or space
        return " "
    if char in "!-/@":
        return ""
    if char in "%#&$_{}()[]|":
        return "\\" + char
    return char if not char.isascii() else _escape("\\" + char)


def _macro(token: re.Match[str]) -> str:
    """LaTeX for a macro: kept if pylatexenc defines it, else its abbreviation, its name, or nothing."""
    name, text, end = token["name"], token.string, token.end()
    if name in _ABBREVIATIONS:
        return _ABBREVIATIONS[name].removesuffix("." if text[end : end + 1] == "." else "\0")
    before, after = text[token.start() - 1 : token.start()], text[end : end + 1]
    if name in _ACCENT_LETTERS and not (after == "{" or after == " "):
        return _escape(token[0])  # `\d+`, `\b[A-Z]`
    if name in _FORMATTING:
        return " " if after.isspace() or name == "footnote" else ""
    if reader().knows(name):
        # LaTeX drops the space after a macro; `{}` keeps that of `\in {R}`
        return token[0] + "{}" if after == " " and not reader().takes_arguments(name) else token[0]
    if (before.isalnum() or before in "./:\\") and before and after in {"\\", ".", "/"}:
        return _escape(token[0])  # `server\share\file.txt`
    return "" if after == "{" and text[end + 1 : end + 2] != "}" else name


def _words_of(token: re.Match[str]) -> str:
    """The part of one token whose words must be in the converted text."""
    kind = token.lastgroup
    if kind in {"silent", "setting"}:
        return " "
    if kind == "math":
        return "$" + _TOKEN.sub(_words_of, token["math"]) + "$"
    if kind == "url":
        return " " + token["url"] + " "
    return token[0]
