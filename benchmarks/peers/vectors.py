"""Vector search in process, at equal recall.

Every way to set up a peer is built once; then its effort is raised until ten in a thousand, or twenty, are missed; the
fastest that reaches a target is timed in turns with ours, so that what disturbs the machine disturbs both.
"""

import shutil
import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.conversation import Conversation, PeerFailed
from benchmarks.peers.environments import OURS
from benchmarks.peers.inputs import Vectors
from benchmarks.peers.recall import recall_at_10

TARGETS = (0.98, 0.99)
CLIENTS = (1, 8)
_ROUNDS = 3
_ROUND_S = 1.5
_SWEEP_S = 3.0
_LIMIT_S = 900.0
_PLENTY = 0.995  # beyond the last target there is nothing to learn
_NOTHING = 0.0005
_FIGURES = ("per_s", "p50_ms", "p99_ms", "processor_ms")


@dataclass(frozen=True, slots=True)
class Case:
    """What is timed: a setting and its effort, None its own; and the recall it reaches."""

    setting: str
    effort: int | None
    recall: float


def measure(peer: str, folder: Path, vectors: Vectors) -> dict[str, Any]:
    """All about one peer; `error` instead of what could not be measured."""
    settings = {name: _set_up(peer, name, folder, vectors) for name in _settings(peer, folder)}
    cases = chosen({name: setting["sweep"] for name, setting in settings.items() if "sweep" in setting})
    result: dict[str, Any] = {"vectors": len(vectors.rows), "settings": settings, "cases": {}}
    if not cases:
        said = [setting["error"] for setting in settings.values() if "error" in setting]
        return {**result, "error": "; ".join(dict.fromkeys(said)) or "nothing to measure"}
    ours = {} if peer == OURS else _our_cases(folder, vectors)
    try:
        result["cases"] = _timed(peer, folder, vectors, cases, ours)
    except PeerFailed as failure:
        result["error"] = str(failure)
    return result


def chosen(sweeps: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Case]:
    """What to time: the default, and for each target the fastest setting, with the least effort that reaches it.

    Args:
        sweeps: For each setting its measured points, with `effort`, `recall` and `processor_ms`; the first of each is
            at its own effort.

    Returns:
        `default`, and each target that is reached, as text.
    """
    cases = {}
    if "default" in sweeps:
        cases["default"] = Case("default", None, sweeps["default"][0]["recall"])
    for target in TARGETS:
        enough = [(name, point) for name, sweep in sweeps.items() if (point := _least(sweep, target)) is not None]
        if enough:
            name, point = min(enough, key=lambda each: each[1]["processor_ms"])
            cases[str(target)] = Case(name, point["effort"], point["recall"])
    return cases


def _least(sweep: Sequence[Mapping[str, Any]], target: float) -> Mapping[str, Any] | None:
    """The point of least effort that reaches the recall; its own effort, first of all, only where no other does."""
    return next((point for point in (*sweep[1:], sweep[0]) if point["recall"] >= target), None)


def _settings(peer: str, folder: Path) -> list[str]:
    with Conversation(peer, folder, 60.0) as adapter:
        names: list[str] = adapter.ask("settings")["indexes"]
    return names


def _set_up(peer: str, setting: str, folder: Path, vectors: Vectors) -> dict[str, Any]:
    """Build, open again, and see what each effort finds."""
    done: dict[str, Any] = {}
    try:
        done |= _build(peer, setting, folder, vectors)
        with Conversation(peer, folder, _LIMIT_S) as adapter:
            opened = _open(adapter, peer, setting, folder, vectors)
            done["private_bytes"] = opened["private_bytes"]
            done["sweep"] = _sweep(adapter, opened["efforts"], vectors)
    except PeerFailed as failure:
        done["error"] = str(failure)
    return done


def _build(peer: str, setting: str, folder: Path, vectors: Vectors) -> dict[str, Any]:
    built = _built(peer, setting, folder)
    shutil.rmtree(built, ignore_errors=True)
    with Conversation(peer, folder, _LIMIT_S) as adapter:
        done: dict[str, Any] = adapter.ask("build", setting=setting, vectors=str(vectors.path), folder=str(built))
    return done


def _open(adapter: Conversation, peer: str, setting: str, folder: Path, vectors: Vectors) -> dict[str, Any]:
    built = str(_built(peer, setting, folder))
    opened: dict[str, Any] = adapter.ask("open", setting=setting, folder=built, queries=str(vectors.queries_path))
    return opened


def _sweep(adapter: Conversation, efforts: Sequence[int], vectors: Vectors) -> list[dict[str, Any]]:
    """Its own effort first, then more and more of it until there is nothing to gain."""
    points = [_point(adapter, None, vectors)]
    for effort in efforts:
        points.append(_point(adapter, effort, vectors))
        if points[-1]["recall"] >= _PLENTY or _flat(points[1:]):
            break
    return points


def _flat(points: Sequence[dict[str, Any]]) -> bool:
    """Whether the last three efforts found the same."""
    recalls = [point["recall"] for point in points[-3:]]
    return len(recalls) == 3 and max(recalls) - min(recalls) < _NOTHING


def _point(adapter: Conversation, effort: int | None, vectors: Vectors) -> dict[str, Any]:
    asked = adapter.ask("ask", queries=str(vectors.queries_path), effort=effort, clients=1, limit_s=_SWEEP_S)
    try:
        recall = recall_at_10(vectors.rows, vectors.queries, asked["rows"], vectors.tenth)
    except ValueError as error:
        raise PeerFailed(str(error)) from error
    timing = {key: round(asked[key], 3) for key in ("per_s", "processor_ms", "answered")}
    return {"effort": effort, "recall": round(recall, 4), **timing}


def _our_cases(folder: Path, vectors: Vectors) -> dict[str, Case]:
    """Of what is built already, which `ours` being measured renews."""
    sweeps = {}
    for setting in _settings(OURS, folder):
        if not _built(OURS, setting, folder).is_dir():
            _build(OURS, setting, folder, vectors)
        with Conversation(OURS, folder, _LIMIT_S) as ours:
            sweeps[setting] = _sweep(ours, _open(ours, OURS, setting, folder, vectors)["efforts"], vectors)
    return chosen(sweeps)


def _timed(
    peer: str, folder: Path, vectors: Vectors, cases: Mapping[str, Case], ours: Mapping[str, Case]
) -> dict[str, Any]:
    """In turns: the peer, then ours, for each case and number of clients."""
    asked: dict[tuple[str, int], dict[str, list[dict[str, Any]]]] = {}
    with ExitStack() as running:
        adapters = {
            (who, setting): running.enter_context(Conversation(who, folder, _LIMIT_S))
            for who, setting in dict.fromkeys(
                [*((peer, case.setting) for case in cases.values()), *((OURS, case.setting) for case in ours.values())]
            )
        }
        for (who, setting), adapter in adapters.items():
            _open(adapter, who, setting, folder, vectors)
        for _ in range(_ROUNDS):
            for name, case in cases.items():
                for clients in CLIENTS:
                    turns = asked.setdefault((name, clients), {})
                    for who, what in ((peer, case), *(((OURS, ours[name]),) if name in ours else ())):
                        answer = adapters[who, what.setting].ask(
                            "ask",
                            queries=str(vectors.queries_path),
                            effort=what.effort,
                            clients=clients,
                            limit_s=_ROUND_S,
                        )
                        turns.setdefault(who, []).append(answer)
    return {
        name: {
            "setting": case.setting,
            "effort": case.effort,
            "recall": case.recall,
            **({"ours": asdict(ours[name])} if name in ours else {}),
            "clients": {str(clients): summary(asked[name, clients], peer) for clients in CLIENTS},
        }
        for name, case in cases.items()
    }


def summary(turns: Mapping[str, Sequence[Mapping[str, Any]]], peer: str) -> dict[str, Any]:
    """Medians over the rounds, and of the rounds' ratios.

    Args:
        turns: Who → its rounds, of each some of `_FIGURES`; those of the peer, and maybe of ours.
        peer: Who is not ours.

    Returns:
        The peer's figures, ours as `ours`, `times_ours`: its speed as a multiple of ours; and `work_of_ours`: its
        processor time as a multiple of ours.
    """
    found: dict[str, Any] = _medians(turns[peer])
    if peer != OURS and OURS in turns:
        found["ours"] = _medians(turns[OURS])
        rounds = list(zip(turns[peer], turns[OURS], strict=True))
        for name, key in (("times_ours", "per_s"), ("work_of_ours", "processor_ms")):
            found[name] = round(statistics.median(theirs[key] / ours[key] for theirs, ours in rounds), 3)
    return found


def _medians(rounds: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    return {key: round(statistics.median(each[key] for each in rounds), 3) for key in _FIGURES if key in rounds[0]}


def _built(peer: str, setting: str, folder: Path) -> Path:
    return folder / "vectors" / peer / setting.replace(" ", "-")
