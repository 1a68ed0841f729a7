"""How near does the service come to a web framework that answers constants, and to the encoder's own ceiling?

Starts the real service over a corpus of generated papers and over `seeds/`, beside a bare FastAPI route that answers
ten constant hits and a raw ASGI application, all under the same server options. One client asks them in turns, from a
process of its own; server and client are pinned to a processor each where the system lets one. Ratios are of the
medians of the rounds, taken within one run. Processor time a request is given too: it says more where others use the
machine. Last, two workers are asked beside one, nobody pinned.

    python -m benchmarks.service_load [--rounds 5] [--papers 3000]
"""

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

from benchmarks.machine import require_committed, write_result
from benchmarks.scale import make_model
from embeddings import threads
from embeddings.build.job import BuildOptions, build
from embeddings.encoders import loading
from embeddings.encoders.encoder_info import EMBEDDED_MODEL
from embeddings.snapshots.folder import ENCODERS, FolderSource
from embeddings.snapshots.snapshot import open_current

_SEEDS = Path(__file__).parent.parent / "seeds"
_TICK_US = 1e6 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0.0
_PATIENCE_S = 180
_TEXTS = 256
_CLIENTS = 8
_TEXT_CLIENTS = 32
_WORKERS = 2


@dataclass(frozen=True, slots=True)
class Served:
    """A server under test.

    Attributes:
        process: Its process; of several workers, their parent.
        port: Where it listens.
    """

    process: "subprocess.Popen[bytes]"
    port: int

    def processor_us(self) -> float:
        """Processor time it and its workers have taken, in microseconds; 0 where the system does not say."""
        own = self.process.pid
        children = Path(f"/proc/{own}/task/{own}/children")
        if not children.is_file():
            return 0.0
        return sum(_processor_us(pid) for pid in (own, *map(int, children.read_text().split())))


def _processor_us(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_US


class Client:
    """The load client in its process."""

    def __init__(self, processor: int | None) -> None:
        command = [sys.executable, "-m", "benchmarks.load_client"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._processor = processor

    def ask(
        self, served: Served, paths: Sequence[str], clients: int, count: int, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        """Ask a server for these paths in turn."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        asked = {
            "port": served.port,
            "clients": clients,
            "count": count,
            "processor": self._processor,
            "requests": [f"GET {path} HTTP/1.1\r\nHost: loopback\r\n{lines}\r\n" for path in paths],
        }
        assert self._process.stdin is not None and self._process.stdout is not None
        before = served.processor_us()
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return {**answer, "processor_us": round((served.processor_us() - before) / count)}

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of whom, how often."""

    served: Served
    paths: Sequence[str]
    clients: int
    count: int
    headers: Mapping[str, str]
    status: str = "200"


def main() -> None:
    """Measure, and write `results/service_load.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--papers", type=int, default=3000)
    parser.add_argument("--folder", type=Path, help="Where corpora are kept; left out, they are thrown away.")
    asked = parser.parse_args()
    require_committed()
    own, others = _processors()
    with tempfile.TemporaryDirectory() as thrown_away, ExitStack() as ends:
        folder = asked.folder or Path(thrown_away)
        papers = _generated(folder, asked.papers)
        seeds = _built([str(_SEEDS)], folder / "seeds")
        client = Client(others)
        ends.callback(client.close)
        bare = ends.enter_context(_running(["-m", "benchmarks.load_rivals", "fastapi"], own, "/"))
        raw = ends.enter_context(_running(["-m", "benchmarks.load_rivals", "asgi"], own, "/"))
        service = ends.enter_context(_service(papers, own))
        runs = _alternate(client, _of_papers(bare, raw, service, papers), asked.rounds)
        result: dict[str, Any] = {
            "papers": asked.papers,
            "rounds": asked.rounds,
            "pinned": {"servers": own, "client": others},
            "runs": runs,
            "ratios": _ratios(runs),
        }
        with _service(seeds, None) as texts:
            result["text_search"] = _texts(client, texts, seeds, asked.rounds)
        free = Client(None)
        ends.callback(free.close)
        with _service(papers, None) as one, _service(papers, None, _WORKERS) as several:
            result["workers"] = _workers(free, one, several, papers, asked.rounds)
    print(json.dumps(result, indent=2))
    write_result("service_load", result)


def _of_papers(bare: Served, raw: Served, service: Served, snapshots: Path) -> dict[str, Question]:
    related = _related(snapshots)
    with urllib.request.urlopen(f"http://127.0.0.1:{service.port}{related[0]}") as answer:
        name = answer.headers["ETag"]
    asked: dict[str, Question] = {}
    for clients in (1, _CLIENTS):
        many = 1500 if clients == 1 else len(related)
        asked |= {
            f"bare FastAPI route, {clients}": Question(bare, ["/"], clients, many, {}),
            f"bare FastAPI route, written before, {clients}": Question(bare, ["/written"], clients, many, {}),
            f"raw ASGI application, {clients}": Question(raw, ["/"], clients, many, {}),
            f"related, every paper once, {clients}": Question(service, related, clients, many, {}),
            f"related, one paper, {clients}": Question(service, related[:1], clients, many, {}),
        }
    return {
        **asked,
        f"related, not changed, {_CLIENTS}": Question(
            service, related[:1], _CLIENTS, 3000, {"If-None-Match": name}, status="304"
        ),
        f"related, every paper once, gzip, {_CLIENTS}": Question(
            service, related, _CLIENTS, len(related), {"Accept-Encoding": "gzip"}
        ),
    }


def _alternate(client: Client, questions: Mapping[str, Question], rounds: int) -> dict[str, dict[str, float]]:
    """Ask all in turns; medians of the rounds, the first of which warms up: what it took stands beside them."""
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in questions}
    for _ in range(rounds + 1):
        for name, asked in questions.items():
            answer = client.ask(asked.served, asked.paths, asked.clients, asked.count, asked.headers)
            if set(answer["statuses"]) != {asked.status}:
                raise SystemExit(f"{name}: {answer['statuses']}")
            runs[name].append(answer)
    measured = ("requests_s", "p50_ms", "p99_ms", "processor_us")
    return {
        name: {
            **{key: round(median(run[key] for run in each[1:]), 3) for key in measured},
            "first_processor_us": each[0]["processor_us"],
        }
        for name, each in runs.items()
    }


def _ratios(runs: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Requests a second and processor time of each against the bare route's, with as many clients."""
    found = {}
    for name, run in runs.items():
        base = runs[f"bare FastAPI route, {name.rpartition(', ')[2]}"]
        found[name] = {
            "requests_s": round(run["requests_s"] / base["requests_s"], 2),
            "processor": round(run["processor_us"] / base["processor_us"], 2) if base["processor_us"] else 0.0,
        }
    return found


def _texts(client: Client, service: Served, snapshots: Path, rounds: int) -> dict[str, float]:
    """Distinct texts by many clients at once, against the encoder alone, in turns."""
    opened, _ = open_current(FolderSource(snapshots))
    encoder = loading.for_snapshot(opened.manifest, snapshots / ENCODERS, threads=threads.available())
    words = " ".join(paper.abstract for paper in opened.papers(0, 34)).split()
    opened.close()
    chance = random.Random(0)
    served, ceiling = [], []
    for _ in range(rounds):
        texts = [" ".join(chance.sample(words, 10)) for _ in range(_TEXTS)]
        began = time.perf_counter()
        for start in range(0, len(texts), 32):
            encoder.encode_queries(texts[start : start + 32])
        ceiling.append(_TEXTS / (time.perf_counter() - began))
        paths = [f"/search?q={quote(text)}" for text in texts]
        served.append(client.ask(service, paths, _TEXT_CLIENTS, _TEXTS, {})["requests_s"])
    return {
        "clients": _TEXT_CLIENTS,
        "service_s": round(median(served), 1),
        "encoder_s": round(median(ceiling), 1),
        "ratio": round(median(served) / median(ceiling), 3),
    }


def _workers(client: Client, one: Served, several: Served, snapshots: Path, rounds: int) -> dict[str, float]:
    """Papers near every paper by one worker and by several, in turns, nobody pinned.

    Where the client and the workers share few processors, more workers answer no more; that they take no more processor
    time for an answer tells whether they would elsewhere.
    """
    related = _related(snapshots)
    found: dict[str, list[float]] = {"one": [], "several": []}
    taken: dict[str, list[float]] = {"one": [], "several": []}
    for i in range(rounds + 1):
        for name, served in (("one", one), ("several", several)):
            answer = client.ask(served, related, _CLIENTS, len(related), {})
            if set(answer["statuses"]) != {"200"}:
                raise SystemExit(f"{name}: {answer['statuses']}")
            if i:  # the first warms up
                found[name].append(answer["requests_s"])
                taken[name].append(answer["processor_us"])
    ratios = [several / one for one, several in zip(found["one"], found["several"], strict=True)]
    efforts = [several / one for one, several in zip(taken["one"], taken["several"], strict=True) if one]
    return {
        "clients": _CLIENTS,
        "workers": _WORKERS,
        "one_s": round(median(found["one"]), 1),
        "several_s": round(median(found["several"]), 1),
        "ratio": round(median(ratios), 3),
        "processor_ratio": round(median(efforts), 3) if efforts else 0.0,
    }


def _related(snapshots: Path) -> list[str]:
    """The address of what is near each paper, in an order of chance."""
    opened, _ = open_current(FolderSource(snapshots))
    related = [f"/papers/{identity}/related" for identity in opened.papers_db.ids()]
    opened.close()
    random.Random(0).shuffle(related)
    return related


def _processors() -> tuple[int | None, int | None]:
    """One processor for the servers and another for the client, where there are two and one may choose."""
    if not hasattr(os, "sched_setaffinity"):
        return None, None
    there = sorted(os.sched_getaffinity(0))
    return (there[0], there[1]) if len(there) > 1 else (None, None)


def _generated(folder: Path, papers: int) -> Path:
    corpus, model = folder / f"{papers}.jsonl", folder / "model"
    folder.mkdir(parents=True, exist_ok=True)
    if not corpus.is_file():
        make_model(model)
        chance = random.Random(0)
        letters = "abcdefghijklmnopqrstuvwxyz"
        vocabulary = ["".join(chance.choices(letters, k=chance.randint(3, 10))) for _ in range(30_000)]
        weights = [1 / rank for rank in range(1, len(vocabulary) + 1)]
        with corpus.open("w", encoding="utf-8") as file:
            for number in range(papers):
                words = chance.choices(vocabulary, weights, k=150)
                paper = {"title": " ".join(words[:8]), "abstract": f"Paper {number}: {' '.join(words)}."}
                more = {"year": 2000 + number % 25, "external_ids": {"ArXiv": f"2301.{number:05d}"}}
                file.write(json.dumps({**paper, **more}) + "\n")
    return _built([str(corpus)], folder / "papers", str(model))


def _built(sources: list[str], snapshots: Path, model: str | None = None) -> Path:
    if not FolderSource(snapshots).pointer_path.is_file():
        build(sources, BuildOptions(snapshots=snapshots, model=model or EMBEDDED_MODEL))
    return snapshots


def _service(snapshots: Path, processor: int | None, workers: int = 1) -> Any:  # noqa: ANN401 - a context manager
    """The service as anyone starts it, its log thrown away."""
    command = ["-m", "service", "--snapshots", str(snapshots), "--workers", str(workers), "--port"]
    return _running(command, processor, "/readyz")


@contextmanager
def _running(command: list[str], processor: int | None, path: str) -> Iterator[Served]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    pin = None if processor is None else (lambda: os.sched_setaffinity(0, {processor}))
    process = subprocess.Popen([sys.executable, *command, str(port)], stderr=subprocess.DEVNULL, preexec_fn=pin)
    try:
        _wait(f"http://127.0.0.1:{port}{path}", process)
        yield Served(process, port)
    finally:
        process.terminate()
        process.wait()


def _wait(address: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(_PATIENCE_S * 5):
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.2)
    raise SystemExit(f"{address} does not answer")


if __name__ == "__main__":
    main()
