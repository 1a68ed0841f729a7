r"""Asks addresses over HTTP as fast as they are answered, from a process of its own, and says how long each took.

Connections are kept alive and each has one request under way. A plain client on sockets: it must cost less than what it
measures.

    echo '{"port": 8000, "clients": 8, "requests": ["GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n"], "count": 1000}' \
        | python -m benchmarks.load_client
"""

import json
import os
import re
import selectors
import socket
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from time import perf_counter
from typing import Any

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_WAIT_S = 30.0


@dataclass(slots=True)
class Connection:
    """One client and the answer it waits for."""

    socket: socket.socket
    sent_at: float = 0.0
    received: bytearray = field(default_factory=bytearray)
    wanted: int | None = None

    def ask(self, request: bytes) -> None:
        """Send a request; there is room for it, as nothing else is under way."""
        self.received.clear()
        self.wanted = None
        self.sent_at = perf_counter()
        self.socket.sendall(request)

    def whole(self) -> bool:
        """Read what has come; whether the answer is whole."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise SystemExit("the server closed a connection")
        self.received += data
        if self.wanted is None:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return False
            length = _LENGTH.search(self.received, 0, end)
            self.wanted = end + 4 + (int(length[1]) if length else 0)
        return len(self.received) >= self.wanted


def drive(port: int, clients: int, requests: Sequence[bytes], count: int) -> dict[str, Any]:
    """Send `count` requests, those given in turn, and time them.

    Returns:
        Requests a second, p50 and p99 in milliseconds, answers by status, and bytes of all answers.
    """
    upcoming: Iterator[bytes] = islice(cycle(requests), count)
    selector = selectors.DefaultSelector()
    took: list[float] = []
    statuses: Counter[str] = Counter()
    size = 0
    for _ in range(clients):
        opened = socket.create_connection(("127.0.0.1", port), _WAIT_S)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(opened, selectors.EVENT_READ, Connection(opened))
    began = perf_counter()
    for key in list(selector.get_map().values()):
        if (first := next(upcoming, None)) is not None:
            key.data.ask(first)
    while len(took) < count:
        ready = selector.select(_WAIT_S)
        if not ready:
            raise SystemExit(f"no answer for {_WAIT_S} s")
        for key, _ in ready:
            connection: Connection = key.data
            if not connection.whole():
                continue
            took.append(perf_counter() - connection.sent_at)
            statuses[connection.received[9:12].decode()] += 1
            size += len(connection.received)
            if (request := next(upcoming, None)) is not None:
                connection.ask(request)
    seconds = perf_counter() - began
    for key in list(selector.get_map().values()):
        key.data.socket.close()
    took.sort()
    return {
        "requests_s": round(count / seconds),
        "p50_ms": round(1000 * took[len(took) // 2], 3),
        "p99_ms": round(1000 * took[min(len(took) - 1, len(took) * 99 // 100)], 3),
        "statuses": dict(statuses),
        "bytes": size,
    }


def main() -> None:
    """Read what to do from standard input, a JSON object a line, and answer each with one."""
    for line in sys.stdin:
        asked = json.loads(line)
        if asked.get("processor") is not None and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {asked["processor"]})
        requests = [request.encode("latin-1") for request in asked["requests"]]
        answer = drive(asked["port"], asked["clients"], requests, asked["count"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
