"""The whole job over HTTP: words in, ten hits out; a paper's id in, its relatives out."""

import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.peers.conversation import Conversation, PeerFailed
from benchmarks.peers.environments import OURS
from benchmarks.peers.inputs import Papers
from benchmarks.peers.vectors import CLIENTS, summary

_ROUNDS = 3
_ROUND_S = 3.0
_LIMIT_S = 900.0
_ASKED = 1000  # in one round, at most
_KINDS = ("search", "related")


def measure(peer: str, folder: Path, papers: Papers) -> dict[str, Any]:
    """Each setting of a peer as a server, all of the same files; `error` where one failed."""
    with Conversation(peer, folder, 60.0) as adapter:
        settings = adapter.ask("settings")["services"]
    taken = _load(peer, folder, papers)
    if not _loaded(OURS, folder).is_dir():
        _load(OURS, folder, papers)
    found = {}
    for setting in settings:
        try:
            found[setting] = _asked(peer, setting, folder, papers)
        except PeerFailed as failure:
            found[setting] = {"error": str(failure)}
    return {"papers": len(papers.all), "load_s": taken, "settings": found}


def _load(peer: str, folder: Path, papers: Papers) -> float:
    loaded = _loaded(peer, folder)
    shutil.rmtree(loaded, ignore_errors=True)
    with Conversation(peer, folder, _LIMIT_S) as adapter:
        taken: float = adapter.ask("load", papers=str(papers.path), folder=str(loaded))["load_s"]
    return round(taken, 1)


def _asked(peer: str, setting: str, folder: Path, papers: Papers) -> dict[str, Any]:
    """Start, then ask in turns with ours; a text is never asked twice, since ours remembers."""
    who = {peer: setting} if peer == OURS else {peer: setting, OURS: "default"}
    questions = iter(papers.questions(1 + _ROUNDS * len(CLIENTS) * _ASKED))
    turns: dict[tuple[str, int], dict[str, list[dict[str, Any]]]] = {}
    found: list[bool] = []
    with ExitStack() as running:
        adapters = {name: running.enter_context(Conversation(name, folder, _LIMIT_S)) for name in who}
        first, _ = next(questions)
        started = {
            name: adapter.ask("start", setting=who[name], folder=str(_loaded(name, folder)), question=first)
            for name, adapter in adapters.items()
        }
        for kind, clients, asked in _rounds(questions, papers):
            for name, adapter in adapters.items():
                texts = [question for question, _ in asked]
                answer = adapter.ask("serve", kind=kind, questions=texts, clients=clients, limit_s=_ROUND_S)
                turns.setdefault((kind, clients), {}).setdefault(name, []).append(answer)
                if kind == "search" and name == peer:
                    found += [paper in hits for (_, paper), hits in zip(asked, answer["hits"], strict=False)]
    return {
        "first_answer_s": round(started[peer]["first_answer_s"], 1),
        "found_among_ten": round(sum(found) / len(found), 3),
        **{
            kind: {str(clients): summary(turns[kind, clients], peer) for clients in CLIENTS}
            for kind in dict.fromkeys(kind for kind, _ in turns)
        },
    }


def _rounds(
    questions: Iterator[tuple[str, str]], papers: Papers
) -> Iterator[tuple[str, int, Sequence[tuple[str, str]]]]:
    chance = random.Random(1)
    ids = [paper["id"] for paper in papers.all]
    for _ in range(_ROUNDS):
        for clients in CLIENTS:
            for kind in _KINDS:
                if kind == "search":
                    yield kind, clients, [next(questions) for _ in range(_ASKED)]
                else:
                    yield kind, clients, [(paper, paper) for paper in chance.choices(ids, k=_ASKED)]


def _loaded(peer: str, folder: Path) -> Path:
    return folder / "serving" / peer
