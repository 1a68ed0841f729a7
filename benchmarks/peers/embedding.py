"""The same abstracts embedded by the same model, in turns with ours."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.conversation import Conversation, PeerFailed
from benchmarks.peers.environments import OURS
from benchmarks.peers.inputs import Papers
from benchmarks.peers.vectors import summary

_ROUNDS = 2
_LIMIT_S = 900.0
_WARM_UP = 8


def measure(peer: str, folder: Path, papers: Papers) -> dict[str, Any]:
    """Texts a second of each setting of a peer; `error` where it has none."""
    with Conversation(peer, folder, 60.0) as adapter:
        settings = adapter.ask("settings")["encoders"]
    return {"texts": len(papers.texts), "settings": {name: _measured(peer, name, folder, papers) for name in settings}}


def _measured(peer: str, setting: str, folder: Path, papers: Papers) -> dict[str, Any]:
    files = {who: folder / f"embedded-{who}.npy" for who in {peer, OURS}}
    turns: dict[str, list[dict[str, Any]]] = {who: [] for who in files}
    chosen = {OURS: "default", peer: setting}
    try:
        with ExitStack() as running:
            adapters = {who: running.enter_context(Conversation(who, folder, _LIMIT_S)) for who in chosen}
            for who, adapter in adapters.items():
                adapter.ask("open_encoder", setting=chosen[who], texts=papers.texts[:_WARM_UP])
            for _ in range(_ROUNDS):
                for who, adapter in adapters.items():
                    turns[who].append(adapter.ask("encode", texts=papers.texts, vectors=str(files[who])))
    except PeerFailed as failure:
        return {"error": str(failure)}
    found = summary(turns, peer)
    if peer != OURS:
        # Others cut the few texts that are longer than the window
        found["cosine_to_ours_p1"] = round(float(np.percentile(_cosines(files[peer], files[OURS]), 1)), 5)
    return found


def _cosines(one: Path, other: Path) -> np.ndarray[Any, np.dtype[np.float32]]:
    a, b = np.load(one), np.load(other)
    cosines: np.ndarray[Any, np.dtype[np.float32]] = np.sum(a * b, axis=1) / (
        np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    )
    return cosines
