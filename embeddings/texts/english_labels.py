"""Finds the name of the presented system, or the main clause, in the sentences of an English abstract. Pure."""

import re
from collections.abc import Iterator

from embeddings.texts.acronyms import GENERAL_ACRONYMS, is_name, long_form

_MIN_CLAUSE_LENGTH = 25  # characters

_NAME = r"(?:[A-Za-z0-9][\w+*-]*)?[A-Z][\w+*-]*"
_PHRASE = rf"{_NAME}(?:\s+(?:(?:of|for|and|with|in|the|to|by)\s+){{0,2}}{_NAME})*"
_STRONG = (
    r"propos(?:e[sd]?|ing)|present(?:s|ed)?|introduc(?:e[sd]?|ing)|develop(?:s|ed)?|design(?:s|ed)?|devise[sd]?|"
    r"construct(?:s|ed)?|buil[dt]s?|establish(?:es|ed)?|formulate[sd]?|create[sd]?|release[sd]?|puts? forward|"
    r"describe[sd]?|contribute[sd]?"
)
_WEAK = (
    r"stud(?:y|ies|ied)|investigate[sd]?|explore[sd]?|examine[sd]?|analy[sz]e[sd]?|show(?:s|ed|n)?|demonstrate[sd]?|"
    r"prov(?:e[sd]?|ide[sd]?)|address(?:es|ed)?|consider(?:s|ed)?|focus(?:es|ed)? on|evaluate[sd]?|compare[sd]?|"
    r"report(?:s|ed)?|argue[sd]?|perform(?:s|ed)?|appl(?:y|ies|ied)|extend(?:s|ed)?|survey(?:s|ed)?|review(?:s|ed)?|"
    r"discuss(?:es|ed)?|tackle[sd]?|figure out|give[sn]?|derive[sd]?|use[sd]?"
)
_PIECE_OF_WORK = r"(?:\w+ )?(?:paper|work|study|article|thesis|report|letter|survey|tutorial|manuscript)\b"
_OWN = re.compile(
    rf"(?P<marked>\b(?:[Ii]n|[Tt]hrough|[Ww]ith) (?:this|the present|our) {_PIECE_OF_WORK},?[^.,]{{0,30}}?)?"
    rf"(?P<who>\b(?:[Ww]e|I|[Tt]h(?:is|e present) {_PIECE_OF_WORK})\b)"
    r"(?:,? (?:\w+ly|also|first|further|here|then|thus|have|has|now|next|hence|therefore|instead|will|in this \w+),?)*"
    rf" (?:(?P<strong>{_STRONG})|(?P<weak>{_WEAK}))\b (?!our\b|that we\b|(?:up)?on\b)"
)
_UNSPECIFIC_VERBS = ("focus", "show", "demonstrate", "evaluate", "perform", "use", "appl", "report", "compare")
_AND_STRONG = re.compile(rf"\b(?:and|then|by) (?:then )?(?P<strong>{_STRONG})\b (?!our\b)")
_NAMING = re.compile(
    rf"\b(?:named|call(?:ed)?(?: it| this)?|dubbed|termed|coined|namely|referred to|denoted|abbreviated)(?: as| by)?"
    rf"\s+(?:the )?[\"“‘'`]*(?P<phrase>{_PHRASE})"
)
_IN_BRACKETS = re.compile(rf"\s*[(（][\"“'`]*(?P<name>{_NAME})[\"”'`]*[)）]")
_APPOSED = re.compile(rf"(?:^|[\s,:])\s*(?P<name>{_NAME})(?=[,:.]|\s(?:which|that)\b|$)")
_FILLER = re.compile(
    r"^(?:(?:an?|the|which|that|novel|new|simple|effective|efficient|yet|but|and|general|unified|principled|such)\b[\s,]*)+"
)
_TAIL = re.compile(r"(?:[\s,:(–-]|\b(?:which|that|what|we|is|are|an?|the|and|it)\b)+$")
_PREPOSITION = re.compile(r"\b(?:for|of|to|in|on|using|with|based|by|from|that|which|and|via|as|between|into|where)\b")

_NEXT_SENTENCE = re.compile(r"(?<=[a-z]{3})\. (?=[A-Z])")


def system_name(parts: list[str]) -> str | None:
    """Find the presented system and its description, as `name: description`; None if there is none.

    Explicitly introduced names (`we propose X`, `called X`) are preferred, then the most frequent one.
    """
    text = " ".join(parts)
    best: tuple[bool, int, str] | None = None
    for explicit, name, what in _names(parts):
        if name.rstrip("s").upper() in GENERAL_ACRONYMS or name.isdigit():
            continue
        mentions = len(re.findall(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text))
        if best is None or (explicit, mentions) > best[:2]:
            best = explicit, mentions, f"{name}: {what}" if what else name
    return best[2] if best else None


def main_clause(parts: list[str]) -> str | None:
    """Find the clause on the contribution: after `in this paper`, else what is proposed, else what is studied."""
    best: tuple[int, str] | None = None
    for part in parts:
        for own in _OWN.finditer(part):
            if len(part) - own.end() < _MIN_CLAUSE_LENGTH:
                continue
            strong = own if own["strong"] else _AND_STRONG.search(part, own.end())
            rank = -2 if (own["weak"] or "").startswith(_UNSPECIFIC_VERBS) else 0
            rank += 2 * bool(own["marked"] or own["who"].lower() != "we") + bool(strong)
            if best is None or rank > best[0]:
                best = rank, _described(part[strong.end() :]) if strong else part[own.start("weak") :]
    return _capitalised(_NEXT_SENTENCE.split(best[1])[0].removeprefix("to ")) if best else None


def _names(parts: list[str]) -> Iterator[tuple[bool, str, str]]:
    """Yield candidates in order: whether the text introduces it as a name, the name, and its description."""
    for part in parts:
        own = _OWN.search(part)
        if own is None:
            continue
        verb = own if own["strong"] else _AND_STRONG.search(part, own.end())
        if verb is None:
            continue
        if said := _NAMING.search(part, verb.end()):
            short = _IN_BRACKETS.match(part, said.end())
            what = _described(said["phrase"] if short else part[verb.end() : said.start()])
            if len(what.split()) < 3 and not short:  # `a framework named RELIANT to mitigate …`
                what = f"{what}{part[said.end() :]}".strip()
            yield True, short["name"] if short else said["phrase"], what
        rest = part[verb.end() :]
        for short in _IN_BRACKETS.finditer(rest):
            long = long_form(short["name"], rest[: short.start()])
            if is_name(short["name"]) and _stands_alone(long, rest[: short.start()]):
                yield False, short["name"], long
        for apposed in _APPOSED.finditer(rest):
            name, before = apposed["name"], rest[: apposed.start()]
            if not before:  # `we introduce Bort, an optimizer for …`
                yield True, name, _described(rest[apposed.end() :])
            elif not is_name(name):
                continue
            elif rest[apposed.start()] == "," or _is_spelled_by(name, before):
                yield False, name, _described(before)


def _is_spelled_by(name: str, before: str) -> bool:
    """Whether the capitals before a name spell it: `Chinese cOrpus foR Gender bIas … CORGI-PM`."""
    letters = "".join(filter(str.isalnum, name.upper()))
    return "".join(filter(str.isupper, before)).endswith(letters)


def _stands_alone(long: str, before: str) -> bool:
    """Whether the long form is what is proposed, and not the object of a preposition before it."""
    return bool(long) and not _PREPOSITION.search(before[: -len(long)].rpartition(",")[2])


def _described(text: str) -> str:
    """Remove filler words from both ends of a description."""
    return _FILLER.sub("", _TAIL.sub("", text.strip(" ,:.–-")))


def _capitalised(text: str) -> str:
    """Capitalise the first letter of a lower-case first word."""
    first = text.split(" ", 1)[0]
    return text[:1].upper() + text[1:] if first.islower() else text
