"""What people call a paper in a list: its title, the system it presents, or its key clause. Pure."""

import re
from collections.abc import Iterator

from embeddings.texts.cleaning import clean
from embeddings.texts.sentences import sentences

_LONGEST = 100
_SHORTEST_CLAUSE = 25
_LONGEST_BY_LANGUAGE = {"zh": 50}

# Background, not the paper's own system, even in `we present a convolutional neural network (CNN)`.
_GENERAL = frozenset(
    "AI AR ADMM ANN API ASR AUC BERT BLEU CAD CCA CLIP CNN CPU CRF CS CT CV DCNN DL DNN EEG EER EHR EM FCN FL "
    "FPGA GAN GCN GMM GNN GP GPT GPU HMM HPC IE IOT IR KB KD KG KL LDA LLM LM LP LSTM MAP MCMC MDP MIL ML MLP MRF "
    "MRI MT NER NLG NLI NLP NMF NMT NN OCR OOD PCA PDE PET POMDP QA RGB RL RNN ROI SAT SGD SLAM SMT SNN SOTA SVM "
    "TTS UAV VAE VLM VQA VR ZSL".split()
)
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
_SAYS_LITTLE = ("focus", "show", "demonstrate", "evaluate", "perform", "use", "appl", "report", "compare")
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

_OWN_ZH = re.compile(
    r"(?P<who>本文|我们(?!的)|本研究|本论文|本工作|该论文|这项(?:工作|研究)|作者)[^。；;，,]{0,10}?"
    r"(?:(?P<strong>提出|介绍|引入|设计|开发|构建|建立|创建|发布|描述|推出)|(?P<weak>研究|探讨|探索|分析|证明|展示|考虑|解决|调查|评估|讨论|表明|使用))"
    r"出?了?(?!的|集|者)"
)
_NAMING_ZH = re.compile(
    r"(?:名为|称为|称作|命名为|叫做|即)[“\"《]?(?P<phrase>[A-Za-z][A-Za-z0-9+-]*(?: [A-Z][A-Za-z0-9+-]*)*)"
)
_IN_BRACKETS_ZH = re.compile(r"(?P<long>[^,，。；;:：()（）]{2,40}?)\s?[(（](?P<name>[A-Za-z][A-Za-z0-9+-]*)[)）]")
_DIRECT_ZH = re.compile(
    r"\s?(?P<name>[A-Za-z][A-Za-z0-9+-]*)\s?[,，:：]\s?(?:这是|它是|是|即)?(?:一种|一个|一套)?(?P<what>[^。；;]+)"
)
_FILLER_ZH = re.compile(r"^(?:(?:一种|一个|一套|一系列|新颖|新型|全新|有效|高效|简单|通用|新)(?:的|而)?)+")


def label(abstract: str, language: str, title: str | None = None, *, cleaned: bool = False) -> str:
    """Say in one line which paper this is, in its own words.

    The title where there is one. Else the name the abstract gives to its own system, with what the name stands for;
    else the clause that says what was done (`we propose …`); else the first sentence.

    Args:
        abstract: As received or cleaned.
        language: ISO 639-1 code; names and clauses are recognised in English and Chinese.
        title: As received.
        cleaned: Whether both texts went through `clean` before, so that it is not done again.

    Returns:
        The whole title, or at most 100 characters (50 in Chinese) cut between words and closed with `…`. Except for
        the case of the first letter every word stands in the abstract. Empty only if there is nothing visible.
    """
    if title and (whole := title if cleaned else clean(title)):
        return whole
    parts = sentences(abstract if cleaned else clean(abstract), language)
    if not parts:
        return ""
    chinese = language == "zh"
    found = _name_zh(parts) or _clause_zh(parts) if chinese else _name(parts) or _clause(parts)
    return _trimmed(found or parts[0], _LONGEST_BY_LANGUAGE.get(language, _LONGEST))


def _name(parts: list[str]) -> str | None:
    """Find the system presented, of several the one that is mentioned most; one that is said to be a name first."""
    text = " ".join(parts)
    best: tuple[bool, int, str] | None = None
    for said, name, what in _names(parts):
        if name.rstrip("s").upper() in _GENERAL or name.isdigit():
            continue
        mentions = len(re.findall(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text))
        if best is None or (said, mentions) > best[:2]:
            best = said, mentions, f"{name}: {what}" if what else name
    return best[2] if best else None


def _names(parts: list[str]) -> Iterator[tuple[bool, str, str]]:
    """Candidates in order: whether the text says it is a name, the name, what it is."""
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
            long = _long_form(short["name"], rest[: short.start()])
            if _is_name(short["name"]) and _stands_alone(long, rest[: short.start()]):
                yield False, short["name"], long
        for apposed in _APPOSED.finditer(rest):
            name, before = apposed["name"], rest[: apposed.start()]
            if not before:  # `we introduce Bort, an optimizer for …`
                yield True, name, _described(rest[apposed.end() :])
            elif not _is_name(name):
                continue
            elif rest[apposed.start()] == "," or _is_spelled_by(name, before):
                yield False, name, _described(before)


def _is_spelled_by(name: str, before: str) -> bool:
    """Whether the capitals before a name are its letters: `Chinese cOrpus foR Gender bIas … CORGI-PM`."""
    letters = "".join(filter(str.isalnum, name.upper()))
    return "".join(filter(str.isupper, before)).endswith(letters)


def _stands_alone(long: str, before: str) -> bool:
    """Whether the long form is what is proposed, not what it is made for or with."""
    return bool(long) and not _PREPOSITION.search(before[: -len(long)].rpartition(",")[2])


def _clause(parts: list[str]) -> str | None:
    """Take what `in this paper` says first, else what is proposed, else what is studied."""
    best: tuple[int, str] | None = None
    for part in parts:
        for own in _OWN.finditer(part):
            if len(part) - own.end() < _SHORTEST_CLAUSE:
                continue
            strong = own if own["strong"] else _AND_STRONG.search(part, own.end())
            rank = -2 if (own["weak"] or "").startswith(_SAYS_LITTLE) else 0
            rank += 2 * bool(own["marked"] or own["who"].lower() != "we") + bool(strong)
            if best is None or rank > best[0]:
                best = rank, _described(part[strong.end() :]) if strong else part[own.start("weak") :]
    return _capitalised(_NEXT_SENTENCE.split(best[1])[0].removeprefix("to ")) if best else None


def _name_zh(parts: list[str]) -> str | None:
    text = "".join(parts)
    best: tuple[int, str] | None = None
    for part in parts:
        own = _OWN_ZH.search(part)
        if own is None or not own["strong"]:
            continue
        rest = part[own.end() :]
        if direct := _DIRECT_ZH.match(rest):
            name, what = direct["name"], direct["what"]
        elif short := _IN_BRACKETS_ZH.match(rest):
            name, what = short["name"], _FILLER_ZH.sub("", short["long"])
        elif said := _NAMING_ZH.search(rest):
            name, what = (
                said["phrase"],
                _FILLER_ZH.sub("", rest[: said.start()].rstrip('“"') + rest[said.end() :].lstrip('”"')),
            )
        else:
            continue
        mentions = text.count(name)
        if _is_name(name) and name.upper() not in _GENERAL and (best is None or mentions > best[0]):
            best = mentions, f"{name}: {what.strip('的,，。 ')}"
    return best[1] if best else None


def _clause_zh(parts: list[str]) -> str | None:
    clauses = [(bool(own["strong"]), part[own.start() :]) for part in parts if (own := _OWN_ZH.search(part))]
    return max(clauses, key=lambda clause: clause[0])[1].rstrip("。；;") if clauses else None


def _is_name(word: str) -> bool:
    """Whether it is written as systems are: `GHOST`, `RevCol`, `GPT3`; not `Bayesian`."""
    return sum(char.isupper() or char.isdigit() for char in word) >= 2 or not word.isalpha()


def _long_form(short: str, before: str) -> str:
    """Find what a short form stands for, in the words right before it (Schwartz and Hearst, 2003); or nothing."""
    at = len(before)
    letters = [char for char in short.lower().removesuffix("s") if char.isalnum()]
    for i, letter in reversed(list(enumerate(letters))):
        at = before.lower().rfind(letter, 0, at)
        while i == 0 and at > 0 and before[at - 1].isalnum():  # the first letter begins a word
            at = before.lower().rfind(letter, 0, at)
        if at < 0:
            return ""
    long = before[at:].strip()
    return long if len(long) > len(short) and len(long.split()) <= 2 * len(letters) + 2 else ""


def _described(text: str) -> str:
    return _FILLER.sub("", _TAIL.sub("", text.strip(" ,:.–-")))


def _capitalised(text: str) -> str:
    first = text.split(" ", 1)[0]
    return text[:1].upper() + text[1:] if first.islower() else text


def _trimmed(text: str, longest: int) -> str:
    text = text.rstrip(" .,;:。；，") or text
    if len(text) <= longest:
        return text
    cut = text[: longest - 1]
    if text[longest - 1].isascii() and text[longest - 1].isalnum() and " " in cut:
        cut = cut[: cut.rindex(" ")]
    return cut.rstrip(" ,;:，、(-–") + "…"
