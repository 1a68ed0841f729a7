"""The line of a request is the one that any logger would write."""

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.options import LogFormat, LogLevel
from service.telemetry import logs

FIELDS = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["GET", "HEAD", "other"]),
        "path": st.sampled_from(["/search", "/papers/{paper_id}/related", "(none)"]),
        "status": st.sampled_from([200, 304, 404, None]),
        "duration_ms": st.floats(0, 10_000).map(lambda value: round(value, 2)),
        "snapshot": st.sampled_from(["3d402493259b", None]),
    }
)
REQUEST_IDS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20)


@pytest.fixture(autouse=True, scope="module")
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in ("service", "embeddings", "uvicorn")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    logging.captureWarnings(False)


@pytest.mark.parametrize("log_format", LogFormat)
@given(fields=FIELDS, request_id=REQUEST_IDS)
def test_the_access_line_is_the_usual_one(log_format: LogFormat, fields: dict[str, object], request_id: str) -> None:
    stream = io.StringIO()
    logs.configure(log_format, LogLevel.INFO, stream)
    within = logs.request_id.set(request_id)
    try:
        logs.AccessLog()(fields)
        logs.logger("service.access").info("request", **fields)
    finally:
        logs.request_id.reset(within)
    mine, usual = stream.getvalue().splitlines()
    if log_format is LogFormat.JSON:
        one, other = json.loads(mine), json.loads(usual)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", one.pop("timestamp")) and other.pop("timestamp")
        assert one == other
    else:
        assert mine.partition(" ")[2] == usual.partition(" ")[2]
        assert len(mine.partition(" ")[0]) == len(usual.partition(" ")[0])


@pytest.mark.parametrize("level", [LogLevel.WARNING, LogLevel.ERROR])
def test_access_lines_are_left_out_above_info(level: LogLevel) -> None:
    stream = io.StringIO()
    logs.configure(LogFormat.TEXT, level, stream)
    logs.AccessLog()({"method": "GET"})
    assert stream.getvalue() == ""


def test_other_handlers_get_the_line_too() -> None:
    logs.configure(LogFormat.TEXT, LogLevel.INFO, io.StringIO())
    more = io.StringIO()
    logging.getLogger().addHandler(logging.StreamHandler(more))
    logs.AccessLog()({"method": "GET"})
    assert "GET" in more.getvalue()
