"""The other side of `adapters/worker.py`: commands to an adapter in its own environment, within a time limit."""

import json
import os
import selectors
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.peers.environments import python_of

ROOT = Path(__file__).parent.parent.parent
_LAST_WORDS = 2000


class PeerFailed(Exception):
    """A peer cannot be installed, crashed, took too long, or said no; the message goes into its row."""


class Conversation:
    """A running adapter; ends with the `with` block, together with all that it has started."""

    def __init__(self, peer: str, folder: Path, limit_s: float) -> None:
        """Start the adapter.

        Args:
            peer: Its name, see `environments`.
            folder: Where environments are; also receives what the peer prints.
            limit_s: Seconds that all its answers together may take.
        """
        self._peer = peer
        self._left_s = limit_s
        self._log = folder / f"{peer}.log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [str(python_of(peer, folder)), "-m", f"benchmarks.peers.adapters.{peer}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                env=_environment(),
                start_new_session=True,  # so that its servers end with it
            )

    def __enter__(self) -> "Conversation":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # nothing was left
        self._process.wait()
        self._process.stdout.close()

    def ask(self, do: str, **arguments: Any) -> Any:  # noqa: ANN401  # JSON
        """Have a command of `adapters/worker.py` carried out.

        Raises:
            PeerFailed: It was not.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        began = time.monotonic()
        try:
            self._process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise PeerFailed(self._ended()) from None
        line = self._line(began)
        self._left_s -= time.monotonic() - began
        answer = json.loads(line)
        if "error" in answer:
            raise PeerFailed(answer["error"])
        return answer["answer"]

    def _line(self, began: float) -> bytes:
        """The next line of its output, without waiting longer than is left."""
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        received = b""
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while not received.endswith(b"\n"):
                if not selector.select(max(0.0, self._left_s - (time.monotonic() - began))):
                    raise PeerFailed(f"took more than its {self._left_s:.0f} s")
                part = os.read(descriptor, 1 << 20)
                if not part:
                    raise PeerFailed(self._ended())
                received += part
        return received

    def _ended(self) -> str:
        code = self._process.wait()
        said = self._log.read_text(errors="replace")[-_LAST_WORDS:].strip().splitlines()
        return f"ended with exit code {code}: {said[-1] if said else 'without a word'}"


def _environment() -> dict[str, str]:
    """No hub, no telemetry, and none of our own modules for peers beyond the adapters."""
    return {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "ANONYMIZED_TELEMETRY": "False",
        "DO_NOT_TRACK": "1",
        "PYTHONUNBUFFERED": "1",
    }
