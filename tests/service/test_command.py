"""The service as a process: how it starts, what it writes, how it ends."""

import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from embeddings.snapshots.snapshot import Snapshot
from tests.service.running import PATIENCE_S, wait_until
from tests.service.test_operations import metric


def environment(**more: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RELATED_PAPERS_")}
    return {**clean, **more}


class Process:
    """`python -m service …`, its log lines as they come."""

    def __init__(self, *arguments: str, **variables: str) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "service", "--port", "0", *arguments],
            stderr=subprocess.PIPE,
            text=True,
            env=environment(**variables),
        )
        self.lines: list[str] = []
        self._fresh: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stderr is not None
        with self.popen.stderr:
            for line in self.popen.stderr:
                self.lines.append(line.rstrip("\n"))
                self._fresh.put(line)
        self._fresh.put(None)

    def base_url(self, event: str) -> str:
        """Wait until the process says where it listens."""
        while (line := self._fresh.get(timeout=PATIENCE_S)) is not None:
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            if found and event in line:
                return found[0]
        raise AssertionError("\n".join(self.lines))

    def end(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        self.popen.send_signal(with_signal)
        return self.wait()

    def wait(self) -> int:
        code = self.popen.wait(PATIENCE_S)
        self._reader.join()
        return code


@contextmanager
def started(*arguments: str, **variables: str) -> Iterator[Process]:
    process = Process(*arguments, **variables)
    try:
        yield process
    finally:
        process.popen.kill()
        process.wait()


@pytest.fixture(scope="module")
def json_log(snapshots: Path, snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """What a service wrote that was told to end while it worked; what it answered is checked on the way."""
    variables = {
        "RELATED_PAPERS_LOG_FORMAT": "json",
        "RELATED_PAPERS_MAX_TOP_K": "7",
        "RELATED_PAPERS_SNAPSHOTS": str(tmp_path_factory.mktemp("beaten by the argument")),
    }
    queries = [{"q": paper.abstract * 2, "top_k": 1} for paper in snapshot.papers(0, 20)]
    with started("--snapshots", str(snapshots), **variables) as process:
        base_url = process.base_url("listening")
        with httpx.Client(base_url=base_url, timeout=PATIENCE_S) as client, ThreadPoolExecutor(1) as pool:
            assert client.get("/info").json()["limits"]["max_top_k"] == 7
            client.get("/search", params={"q": "graph"}, headers={"X-Request-ID": "known-id"})
            client.get("/papers/unknown")
            in_flight = pool.submit(
                httpx.post, f"{base_url}/batch/search", json={"queries": queries}, timeout=PATIENCE_S
            )
            wait_until(lambda: metric(client, "related_papers_requests_in_flight") == 2)
            code = process.end()
            answer = in_flight.result()
        assert answer.status_code == 200
        assert [len(result["hits"]) for result in answer.json()["results"]] == [1] * len(queries)
        assert code in (0, -signal.SIGTERM)
        return [json.loads(line) for line in process.lines]


def test_arguments_beat_the_environment_which_beats_defaults(
    json_log: list[dict[str, object]], snapshot: Snapshot
) -> None:
    # That the environment's limit held was asked of the service itself
    assert [line["snapshot"] for line in json_log if line["event"] == "serving"] == [snapshot.id]


def test_a_request_in_flight_is_answered_after_sigterm(json_log: list[dict[str, object]]) -> None:
    events = [line["event"] for line in json_log]
    batch = next(i for i, line in enumerate(json_log) if line.get("path") == "/batch/search")
    assert events.index("Shutting down") < batch < events.index("Application shutdown complete.")


def test_every_log_line_is_json_with_time_level_and_logger(json_log: list[dict[str, object]]) -> None:
    assert all({"event", "level", "logger", "timestamp"} <= set(line) for line in json_log)
    assert {"uvicorn.error", "service.access", "service.engine.reloader"} <= {line["logger"] for line in json_log}


def test_each_request_has_one_access_line(json_log: list[dict[str, object]], snapshot: Snapshot) -> None:
    (line,) = [line for line in json_log if line.get("request_id") == "known-id"]
    assert line["event"] == "request"
    assert (line["method"], line["path"], line["status"]) == ("GET", "/search", 200)
    assert isinstance(line["duration_ms"], float)
    assert line["snapshot"] == snapshot.id
    missing = [line for line in json_log if line.get("status") == 404]
    assert [line["path"] for line in missing] == ["/papers/{paper_id}"]


def test_workers_share_the_port_and_count_together(snapshots: Path) -> None:
    with started("--workers", "2", "--snapshots", str(snapshots)) as process:
        base_url = process.base_url("starting workers")
        wait_until(lambda: _ready(base_url))
        wait_until(lambda: sum("Application startup complete" in line for line in process.lines) == 2)
        for _ in range(10):  # each on a connection of its own: the system spreads them over the workers
            httpx.get(f"{base_url}/search?q=graph", timeout=PATIENCE_S).raise_for_status()
        with httpx.Client(base_url=base_url, timeout=PATIENCE_S) as client:
            assert metric(client, "related_papers_requests_total", method="GET", route="/search", status="200") == 10
            assert client.get("/info").json()["workers"] == 2
        assert process.end() in (0, -signal.SIGTERM)
        # Text, without colours where nobody sees them
        assert not any("\x1b" in line for line in process.lines)


def _ready(base_url: str) -> bool:
    try:
        return httpx.get(f"{base_url}/readyz", timeout=PATIENCE_S).status_code == 200
    except httpx.TransportError:
        return False


def test_workers_that_cannot_start_end_the_service(folder: Path, ids: dict[str, str]) -> None:
    (folder / ids["all"] / "papers.db").unlink()
    with started("--workers", "2", "--snapshots", str(folder)) as process:
        assert process.wait() == 1
        assert any(re.search(r"^error: .*papers\.db is missing", line) for line in process.lines)
        assert not any("Traceback" in line for line in process.lines)


def _taken(_folder: Path, _model: Path) -> tuple[list[str], Callable[[], object]]:
    listener = socket.create_server(("127.0.0.1", 0))
    return ["--port", str(listener.getsockname()[1])], listener.close


def _wrong_model(folder: Path, model: Path) -> tuple[list[str], Callable[[], object]]:
    return ["--snapshots", str(folder), "--model", str(model)], lambda: None


def _wrong_setting(_folder: Path, _model: Path) -> tuple[list[str], Callable[[], object]]:
    return ["--workers", "0"], lambda: None


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (_taken, ["cannot listen on 127.0.0.1 port", "in use", "--port"]),
        (_wrong_model, ["embedded/all-MiniLM-L6-v2", "narrow", "use the same model"]),
        (_wrong_setting, ["RELATED_PAPERS_WORKERS", "--workers", "greater than or equal to 1"]),
    ],
)
def test_what_cannot_start_says_so_in_one_line(
    snapshots: Path,
    other_model: Path,
    prepare: Callable[[Path, Path], tuple[list[str], Callable[[], object]]],
    said: list[str],
) -> None:
    arguments, release = prepare(snapshots, other_model)
    with started(*arguments) as process:
        assert process.wait() == 1
    release()
    (line,) = process.lines
    assert line.startswith("error: ")
    assert all(part in line for part in said), line


def test_a_misspelt_setting_is_not_ignored() -> None:
    with started(RELATED_PAPERS_MAX_TOPK="5") as process:
        assert process.wait() == 1
    (line,) = process.lines
    assert line.startswith("error: ") and "did you mean RELATED_PAPERS_MAX_TOP_K?" in line


def test_the_command_group_helps_without_loading_the_engine() -> None:
    code = "import sys; from service.cli import main\ntry: main(['--help'])\nfinally: print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment())
    helped, _, modules = done.stdout.rpartition("[")
    for command in ("build", "search", "related", "snapshots", "serve"):
        assert re.search(rf"\b{command}\b", helped), command
    for heavy in ("torch", "faiss", "fastapi", "uvicorn", "sentence_transformers"):
        assert f"'{heavy}'" not in modules
