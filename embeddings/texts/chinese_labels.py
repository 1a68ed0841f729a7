"""Finds the name of the presented system, or the main clause, in the sentences of a Chinese abstract. Pure."""

import re

from embeddings.texts.acronyms import GENERAL_ACRONYMS, is_name

_OWN = re.compile(
    r"(?P<who>本文|我们(?!的)|本研究|本论文|本工作|该论文|这项(?:工作|研究)|作者)[^。；;，,]{0,10}?"
    r"(?:(?P<strong>提出|介绍|引入|设计|开发|构建|建立|创建|发布|描述|推出)|(?P<weak>研究|探讨|探索|分析|证明|展示|考虑|解决|调查|评估|讨论|表明|使用))"
    r"出?了?(?!的|集|者)"
)
_NAMING = re.compile(
    r"(?:名为|称为|称作|命名为|叫做|即)[“\"《]?(?P<phrase>[A-Za-z][A-Za-z0-9+-]*(?: [A-Z][A-Za-z0-9+-]*)*)"
)
_IN_BRACKETS = re.compile(r"(?P<long>[^,，。；;:：()（）]{2,40}?)\s?[(（](?P<name>[A-Za-z][A-Za-z0-9+-]*)[)）]")
_DIRECT = re.compile(
    r"\s?(?P<name>[A-Za-z][A-Za-z0-9+-]*)\s?[,，:：]\s?(?:这是|它是|是|即)?(?:一种|一个|一套)?(?P<what>[^。；;]+)"
)
_FILLER = re.compile(r"^(?:(?:一种|一个|一套|一系列|新颖|新型|全新|有效|高效|简单|通用|新)(?:的|而)?)+")


def system_name(parts: list[str]) -> str | None:
    """Find the most frequent name of a presented system and its description, as `name: description`."""
    text = "".join(parts)
    best: tuple[int, str] | None = None
    for part in parts:
        own = _OWN.search(part)
        if own is None or not own["strong"]:
            continue
        rest = part[own.end() :]
        if direct := _DIRECT.match(rest):
            name, what = direct["name"], direct["what"]
        elif short := _IN_BRACKETS.match(rest):
            name, what = short["name"], _FILLER.sub("", short["long"])
        elif said := _NAMING.search(rest):
            name, what = (
                said["phrase"],
                _FILLER.sub("", rest[: said.start()].rstrip('“"') + rest[said.end() :].lstrip('”"')),
            )
        else:
            continue
        mentions = text.count(name)
        if is_name(name) and name.upper() not in GENERAL_ACRONYMS and (best is None or mentions > best[0]):
            best = mentions, f"{name}: {what.strip('的,，。 ')}"
    return best[1] if best else None


def main_clause(parts: list[str]) -> str | None:
    """Find the first clause on what is proposed, else on what is studied."""
    clauses = [(bool(own["strong"]), part[own.start() :]) for part in parts if (own := _OWN.search(part))]
    return max(clauses, key=lambda clause: clause[0])[1].rstrip("。；;") if clauses else None
