"""Log lines with names and values, as text or JSON; uvicorn's and the libraries' in the same form.

The only module that knows structlog.
"""

import json
import logging
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from service.options import LogFormat, LogLevel

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Of the request that is being answered; every line written meanwhile has it."""

_ACCESS = "service.access"
_EVENT = "request"
# structlog quotes what has any of these
_PLAIN = re.compile(r"""[^ \t=\r\n"']*""")


def _with_request_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    current = request_id.get()
    if current is not None:
        event["request_id"] = current
    return event


def _without_colour_copy(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event.pop("color_message", None)  # uvicorn sends each message twice
    return event


_SHARED: tuple[Processor, ...] = (
    _with_request_id,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger whose methods take an event and named values: `log.info("published", snapshot=…)`."""
    wrapped: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger(name),
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return wrapped


class _Lines(logging.StreamHandler[TextIO]):
    """The one handler of the process, which can also write a line that is not made of a log record."""

    def __init__(self, stream: TextIO, access_line: Callable[[dict[str, Any]], str], *, quick: bool) -> None:
        super().__init__(stream)
        self._access_line = access_line
        self.quick = quick

    def write(self, fields: dict[str, Any]) -> None:
        """Write the line of a request."""
        line = self._access_line(fields) + self.terminator
        with self.lock or nullcontext():
            self.stream.write(line)
            self.stream.flush()


class AccessLog:
    """Writes a line for each request: the one that `logger` would write, in a tenth of the time.

    Its fields are always the same, and so need no chain of processors; nor does the line need a log record.
    """

    def __init__(self) -> None:
        """Write to wherever `configure` sends lines; if it was not called, as any logger does."""
        self._logger = logging.getLogger(_ACCESS)
        self._usual = logger(_ACCESS)

    def __call__(self, fields: Mapping[str, Any]) -> None:
        """Write the line.

        Args:
            fields: `method`, `path`, `status`, `duration_ms`, `snapshot`.
        """
        if not self._logger.isEnabledFor(logging.INFO):
            return
        handlers = logging.getLogger().handlers
        if len(handlers) == 1 and isinstance(handler := handlers[0], _Lines) and handler.quick:
            try:
                handler.write({**fields, "request_id": request_id.get()})
            except (OSError, ValueError):
                pass  # the stream is gone; the usual way says so as it does for every line
            else:
                return
        self._usual.info(_EVENT, **fields)


def _access_json(fields: dict[str, Any]) -> str:
    more = {"event": _EVENT, "level": "info", "logger": _ACCESS, "timestamp": _now()}
    return json.dumps({**fields, **more}, ensure_ascii=False)


def _access_text(fields: dict[str, Any]) -> str:
    # The names in their order, as structlog has them; of what the client sent, its id is the only value written
    return (
        f"{_now()} [info     ] {_EVENT} [{_ACCESS}] duration_ms={fields['duration_ms']} method={fields['method']} "
        f"path={fields['path']} request_id={_quoted(fields['request_id'])} snapshot={fields['snapshot']} "
        f"status={fields['status']}"
    )


def _quoted(value: object) -> str:
    text = str(value)
    return text if not isinstance(value, str) or _PLAIN.fullmatch(text) else repr(text)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def configure(log_format: LogFormat, level: LogLevel, stream: TextIO | None = None) -> None:
    """Send every log line of the process to one stream, in one form. Called by whoever starts the process.

    Args:
        log_format: Text, coloured on a terminal, or JSON, one object a line.
        level: For our own lines and uvicorn's; of other libraries only warnings are written.
        stream: Standard error if not given.
    """
    target = sys.stderr if stream is None else stream
    render: list[Processor]
    if log_format is LogFormat.JSON:
        render = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    else:
        # The plain formatter: others print the values of local variables, which may hold what people asked
        render = [
            structlog.dev.ConsoleRenderer(
                colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
            )
        ]
    # Colours are for people, who do not read thousands of lines a second
    handler = _Lines(target, _access_text if log_format is LogFormat.TEXT else _access_json, quick=not target.isatty())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_SHARED, structlog.stdlib.ExtraAdder(), _without_colour_copy],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("service", "embeddings", "uvicorn"):
        logging.getLogger(name).setLevel(level.upper())
    logging.captureWarnings(True)
