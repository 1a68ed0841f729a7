"""What every adapter is made of: it listens on standard input, works, and answers on standard output, in JSON.

An adapter runs in its peer's own environment and imports numpy, its peer and this module, which is why nothing here
imports the project. What is timed is timed here, by the same code for all.
"""

import importlib
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

TOP_K = 10
_MOST_MEMORY = 8 << 30  # bytes of private data; beyond, the peer fails instead of the machine
_WARM_UP = 20


class VectorIndex(Protocol):
    """One way to set up a peer for vector search."""

    @property
    def efforts(self) -> Sequence[int]:
        """What a query may be told to search harder, the least first; empty where a peer has no such choice."""

    def build(self, vectors: NDArray[np.float32], folder: Path) -> None:
        """Index unit rows and leave them in a folder, as durable as the peer can."""

    def open(self, folder: Path) -> None:
        """Make what `build` left ready to be asked."""

    def use(self, effort: int | None) -> None:
        """Search as hard as that from now on; None is the peer's own effort."""

    def nearest(self, query: NDArray[np.float32]) -> Iterable[int]:
        """Find the ten rows nearest to a unit vector. Many threads may call it."""


class TextEncoder(Protocol):
    """One way to embed texts."""

    def open(self) -> None:
        """Load the model."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of texts, shape (n, dim)."""


class TextService(Protocol):
    """A server, and its client."""

    def load(self, papers: Sequence[Mapping[str, str]], folder: Path) -> None:
        """Take papers, `id` and `abstract` each, and leave all that the server needs in a folder."""

    def start(self, folder: Path) -> None:
        """Start the server and wait until the client can ask."""

    def search(self, text: str) -> Sequence[str]:
        """Ids of ten hits. May be called by many threads."""

    def related(self, paper: str) -> Sequence[str]:
        """Ids of the ten papers nearest to one. May be called by many threads."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """What a peer can do, by the name of the setting.

    Attributes:
        indexes: Ways to search vectors.
        encoders: Ways to embed texts.
        services: Ways to serve.
        libraries: Modules that `VectorIndex.open` imports: what they take is not the index's.
    """

    indexes: Mapping[str, Callable[[], VectorIndex]] = field(default_factory=dict)
    encoders: Mapping[str, Callable[[], TextEncoder]] = field(default_factory=dict)
    services: Mapping[str, Callable[[], TextService]] = field(default_factory=dict)
    libraries: Sequence[str] = ()


def run(adapter: Adapter) -> None:
    """Answer commands, one a line, until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not mix with answers
    resource.setrlimit(resource.RLIMIT_DATA, (_MOST_MEMORY, _MOST_MEMORY))
    desk = _Desk(adapter)
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = {"answer": getattr(desk, command.pop("do"))(**command)}
        except Exception as error:  # whatever a peer does becomes its row
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


class _Desk:
    """Carries out commands; each method is one."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self._index: VectorIndex | None = None
        self._encoder: TextEncoder | None = None
        self._service: TextService | None = None

    def settings(self) -> dict[str, list[str]]:
        """Names of all settings."""
        return {
            "indexes": list(self._adapter.indexes),
            "encoders": list(self._adapter.encoders),
            "services": list(self._adapter.services),
        }

    def build(self, setting: str, vectors: str, folder: str) -> dict[str, float]:
        """Index vectors; what it took."""
        rows = np.ascontiguousarray(np.load(vectors))
        index = self._adapter.indexes[setting]()
        target = Path(folder)
        target.mkdir(parents=True)
        began = time.perf_counter()
        index.build(rows, target)
        taken = time.perf_counter() - began
        return {"build_s": taken, "disk_bytes": _disk_bytes(target)}

    def open(self, setting: str, folder: str, queries: str) -> dict[str, Any]:
        """Open what was built and ask a few questions; private memory that it takes beyond its libraries."""
        for name in self._adapter.libraries:
            importlib.import_module(name)
        before = private_bytes()
        index = self._adapter.indexes[setting]()
        index.open(Path(folder))
        index.use(None)
        for query in np.load(queries)[:_WARM_UP]:
            list(index.nearest(query))
        self._index = index
        return {"private_bytes": private_bytes() - before, "efforts": list(index.efforts)}

    def ask(self, queries: str, effort: int | None, clients: int, limit_s: float) -> dict[str, Any]:
        """Ask for the nearest rows of each query, in order, until all are answered or time is up."""
        index = self._index
        if index is None:
            raise RuntimeError("open first")
        asked = np.load(queries)
        index.use(effort)
        list(index.nearest(asked[0]))
        # Rows are made numbers after the clock has stopped
        raw, timing = _timed(lambda i: index.nearest(asked[i]), len(asked), clients, limit_s)
        return {"rows": [[int(row) for row in found] for found in raw], **timing}

    def open_encoder(self, setting: str, texts: Sequence[str]) -> dict[str, float]:
        """Load a model, and warm up."""
        encoder = self._adapter.encoders[setting]()
        began = time.perf_counter()
        encoder.open()
        encoder.encode(list(texts))
        self._encoder = encoder
        return {"open_s": time.perf_counter() - began}

    def encode(self, texts: Sequence[str], vectors: str) -> dict[str, float]:
        """Embed texts into a file; what it took."""
        if self._encoder is None:
            raise RuntimeError("open_encoder first")
        began, worked = time.perf_counter(), processor_s()
        found = self._encoder.encode(texts)
        taken, worked = time.perf_counter() - began, processor_s() - worked
        np.save(vectors, np.asarray(found, dtype=np.float32))
        return {"per_s": len(texts) / taken, "processor_ms": 1000 * worked / len(texts)}

    def load(self, papers: str, folder: str) -> dict[str, float]:
        """Take papers from JSON lines, by the first of the services; what it took."""
        lines = Path(papers).read_text(encoding="utf-8").splitlines()
        target = Path(folder)
        target.mkdir(parents=True)
        began = time.perf_counter()
        next(iter(self._adapter.services.values()))().load([json.loads(line) for line in lines], target)
        return {"load_s": time.perf_counter() - began}

    def start(self, setting: str, folder: str, question: str) -> dict[str, Any]:
        """Start a server; seconds until the first question was answered."""
        self._service = self._adapter.services[setting]()
        began = time.perf_counter()
        self._service.start(Path(folder))
        hits = list(self._service.search(question))
        return {"first_answer_s": time.perf_counter() - began, "hits": hits}

    def serve(self, kind: str, questions: Sequence[str], clients: int, limit_s: float) -> dict[str, Any]:
        """Ask a server, `search` or `related`, until all is answered or time is up."""
        method: Callable[[str], Sequence[str]] = getattr(self._service, kind)
        raw, timing = _timed(lambda i: method(questions[i]), len(questions), clients, limit_s)
        return {"hits": [list(found) for found in raw], **timing}


def private_bytes() -> int:
    """Memory of this process that no file backs (`RssAnon`), in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def processor_s() -> float:
    """Processor time of this process and of those it has started, in seconds; of the latter in hundredths."""
    used, parents = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        process = int(path.parent.name)
        parents[process], used[process] = int(fields[1]), int(fields[11]) + int(fields[12])
    found, family = time.process_time(), {os.getpid()}
    while family := {process for process, parent in parents.items() if parent in family}:
        found += sum(used[process] for process in family) / os.sysconf("SC_CLK_TCK")
    return found


def _timed(
    ask: Callable[[int], Iterable[Any]], count: int, clients: int, limit_s: float
) -> tuple[list[Iterable[Any]], dict[str, Any]]:
    """Answers to questions 0, 1, … as far as time allows, from so many threads; how long each took."""
    answers: list[Iterable[Any] | None] = [None] * count
    taken = [0.0] * count
    failures: list[Exception] = []
    turn = iter(range(count))
    began, worked = time.perf_counter(), processor_s()

    def client() -> None:
        while time.perf_counter() - began < limit_s and not failures:
            i = next(turn, None)  # one step of the interpreter, so two threads never get the same
            if i is None:
                return
            start = time.perf_counter()
            try:
                answers[i] = ask(i)
            except Exception as error:
                failures.append(error)
                return
            taken[i] = time.perf_counter() - start

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed, worked = time.perf_counter() - began, processor_s() - worked
    if failures:
        raise failures[0]
    answered = [answer for answer in answers if answer is not None]
    ms = [1000 * each for each in taken[: len(answered)]]
    return answered, {
        "answered": len(answered),
        "per_s": len(answered) / elapsed,
        "processor_ms": 1000 * worked / len(answered),
        "p50_ms": float(np.percentile(ms, 50)),
        "p99_ms": float(np.percentile(ms, 99)),
    }


def _disk_bytes(folder: Path) -> int:
    """Space that files take, holes left out."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
