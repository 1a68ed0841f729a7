"""A server as a process, and a client that keeps its connection open: what every HTTP measurement goes through."""

import atexit
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_PATIENCE_S = 120.0


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def beside_python(name: str) -> str:
    """Path of a command that was installed into this environment."""
    return str(Path(sys.executable).parent / name)


class Server:
    """A process that is started with the object and ends with this process at the latest."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start it; what it says goes to standard error."""
        self._process = subprocess.Popen(command, env={**os.environ, **(environment or {})}, stdout=2)
        atexit.register(self.stop)

    def wait(self, port: int, path: str) -> None:
        """Until it answers 200 there.

        Raises:
            RuntimeError: It ended, or did not answer in two minutes.
        """
        until = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise RuntimeError(f"the server ended with exit code {self._process.returncode}")
            try:
                Client(port).get(path)
                return
            except (OSError, RuntimeError):
                time.sleep(0.02)
        raise RuntimeError("the server did not answer in time")

    def stop(self) -> None:
        """End it, and wait until it has."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Client:
    """JSON over HTTP to a port of this machine, one open connection for each thread."""

    def __init__(self, port: int) -> None:
        """Connect when first asked."""
        self._port = port
        self._own = threading.local()

    def get(self, path: str) -> Any:
        """The JSON there.

        Raises:
            RuntimeError: The status is not 200.
        """
        return self._ask("GET", path, None)

    def post(self, path: str, body: Any) -> Any:
        """The JSON that answers a JSON body.

        Raises:
            RuntimeError: The status is not 200.
        """
        return self._ask("POST", path, json.dumps(body))

    def _ask(self, method: str, path: str, body: str | None) -> Any:
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        headers = {} if body is None else {"Content-Type": "application/json"}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"{method} {path} answered {answer.status}: {content[:200]!r}")
        return json.loads(content)
