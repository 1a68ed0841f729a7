"""Every way to be refused has one shape, and says what to do."""

import asyncio
import inspect
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

import embeddings.errors
import service.errors
from embeddings.errors import RelatedPapersError
from service.api import examples
from service.api.problems import INTERNAL, PROBLEMS, kind_of
from service.settings import Settings
from tests.service.running import Running, assert_problem, running
from tests.service.test_admission import run

JSON = {"content-type": "application/json"}


def exceptions() -> list[type[RelatedPapersError]]:
    return [
        each
        for module in (embeddings.errors, service.errors)
        for _, each in inspect.getmembers(module, inspect.isclass)
        if issubclass(each, RelatedPapersError) and each.__module__ == module.__name__
    ]


@pytest.mark.parametrize("exception", exceptions())
def test_every_exception_has_its_row(exception: type[RelatedPapersError]) -> None:
    branches = [each for each in exception.__mro__ if each in PROBLEMS and each is not RelatedPapersError]
    assert branches or exception is RelatedPapersError
    assert kind_of(exception("said")) is PROBLEMS[(*branches, RelatedPapersError)[0]]


def test_every_exception_the_caller_can_mend_says_how(client: httpx.Client) -> None:
    for exception in exceptions():
        if issubclass(exception, embeddings.errors.QueryError):
            assert kind_of(exception("")).status in (404, 422)


def test_kinds_of_problems_are_told_apart_by_type() -> None:
    kinds = set(PROBLEMS.values())
    assert len({kind.slug for kind in kinds}) == len(kinds)


@pytest.mark.parametrize(
    ("path", "status", "slug", "said"),
    [
        ("/search", 422, "invalid-request", "query/q"),
        ("/search?q=", 422, "empty-query", "give a few words"),
        ("/search?q=%20%20", 422, "empty-query", "give a few words"),
        ("/search?q=a&top_k=0", 422, "invalid-request", "greater than or equal to 1"),
        ("/search?q=a&top_k=101", 422, "invalid-option", "at most 100"),
        ("/search?q=a&offset=10001", 422, "invalid-option", "at most 10000"),
        ("/search?q=a&top_k=21&why=true", 422, "invalid-option", "with why at most 20"),
        ("/search?q=a&top_k=ten", 422, "invalid-request", "query/top_k"),
        ("/search?q=a&top_k=1e30", 422, "invalid-request", "query/top_k"),
        (f"/search?q=a&offset={10**30}", 422, "invalid-request", "query/offset"),
        ("/search?q=a&topk=5", 422, "invalid-request", "did you mean top_k?"),
        ("/search?q=a&zzzzz=5", 422, "invalid-request", "the known ones are"),
        ("/search?q=a&min_score=2", 422, "invalid-request", "query/min_score"),
        ("/search?q=a&min_score=nan", 422, "invalid-request", "query/min_score"),
        ("/search?q=a&diversity=-1", 422, "invalid-request", "query/diversity"),
        ("/search?q=a&fields=vector", 422, "invalid-request", "'abstract'"),
        ("/search?q=a&year_from=2020&year_to=2010", 422, "invalid-option", "swap them"),
        (f"/search?q=a&year_from={10**30}", 422, "invalid-request", "query/year_from"),
        ("/search?q=a&id=12345678", 404, "paper-not-found", "12345678"),
        ("/search?q=" + "a" * 20_001, 422, "invalid-option", "20000"),
        ("/papers/unknown", 404, "paper-not-found", "unknown"),
        ("/papers/DOI:10.1000/none", 404, "paper-not-found", "10.1000/none"),
        ("/papers/DOI:10.1000/none/related", 404, "paper-not-found", "10.1000/none"),
        ("/papers/%00%ff/related", 404, "paper-not-found", "40-digit id"),
        (f"/papers/{examples.PAPER}?fields=abstract", 422, "invalid-request", "none is taken here"),
        (f"/papers/{examples.PAPER}/related?q=a", 422, "invalid-request", "unknown name"),
        ("/papers?limit=101", 422, "invalid-option", "at most 100"),
        ("/papers?ofset=1", 422, "invalid-request", "did you mean offset?"),
        ("/nothing", 404, "no-such-route", "/docs"),
        ("/search/", 404, "no-such-route", "without a slash"),
    ],
)
def test_bad_questions_are_refused(client: httpx.Client, path: str, status: int, slug: str, said: str) -> None:
    assert said in assert_problem(client.get(path), status, slug)["detail"]


@pytest.mark.parametrize(
    ("path", "body", "status", "slug", "said"),
    [
        ("/search", b"", 422, "invalid-request", "body"),
        ("/search", b"{", 400, "malformed-body", "JSON"),
        ("/search", b"\xff\xfe{", 400, "malformed-body", "JSON"),
        ("/search", b"[" * 100_000, 400, "malformed-body", "JSON"),
        ("/search", b"[]", 422, "invalid-request", "body"),
        ("/search", b'{"q": null}', 422, "invalid-request", "body/q"),
        ("/search", b'{"q": "graph \\ud800"}', 422, "invalid-request", "body/q"),
        ("/search", b'{"q": "a", "\\ud800": 1}', 422, "invalid-request", "unicode"),
        ("/related", b'{"positive": ["\\udfff"]}', 422, "invalid-request", "body/positive/0"),
        ("/search", b'{"q": "a", "min_score": NaN}', 422, "invalid-request", "body/min_score"),
        ("/search", b'{"q": "a", "topK": 3}', 422, "invalid-request", "did you mean top_k?"),
        ("/search", b'{"q": "a", "language": "en"}', 422, "invalid-request", "body/language"),
        ("/related", b"{}", 422, "empty-query", "at least one"),
        ("/related", b'{"negative": ["%s"]}', 422, "empty-query", "at least one"),
        ("/related", b'{"positive": ["%s"], "negative": ["%s"]}', 422, "invalid-option", "both"),
        ("/related", b'{"positive": ["12345678"]}', 404, "paper-not-found", "12345678"),
        ("/related", b'{"text": ""}', 422, "empty-query", "give a few words"),
        ("/batch/search", b'{"queries": []}', 422, "invalid-request", "body/queries"),
        ("/batch/search", b'{"queries": [%s 1]}' % (b"1," * 100), 422, "invalid-option", "at most 100"),
        ("/batch/related", b'{"query": []}', 422, "invalid-request", "did you mean queries?"),
    ],
)
def test_bad_bodies_are_refused(
    client: httpx.Client, path: str, body: bytes, status: int, slug: str, said: str
) -> None:
    response = client.post(path, content=body.replace(b"%s", examples.PAPER.encode()), headers=JSON)
    assert said in assert_problem(response, status, slug)["detail"]


def test_what_was_sent_is_not_sent_back(client: httpx.Client) -> None:
    problem = assert_problem(client.post("/search", json={"q": "a", "top_k": "secret"}), 422, "invalid-request")
    assert "secret" not in str(problem)
    assert problem["errors"] == [
        {
            "location": "body/top_k",
            "detail": "Input should be a valid integer, unable to parse string as an integer",
            "type": "int_parsing",
        }
    ]


def test_a_method_that_is_not_taken_names_those_that_are(client: httpx.Client) -> None:
    response = client.delete("/search")
    assert "GET, POST" in assert_problem(response, 405, "method-not-allowed")["detail"]
    assert response.headers["allow"] == "GET, POST"


@pytest.fixture(scope="module")
def narrow(snapshots: Path) -> Iterator[Running]:
    """A service with room for one request and 1000 bytes, and a route with a bug."""

    def add_bug(app: FastAPI) -> None:
        app.add_api_route("/bug", bug)

    async def bug() -> int:
        raise ZeroDivisionError("the password is 1234")

    settings = Settings(snapshots=snapshots, search_threads=1, max_waiting=0, max_body_bytes=1000)
    with running(settings, add_bug) as started:
        yield started


def test_a_body_that_is_announced_too_long_is_refused(narrow: Running) -> None:
    response = narrow.client.post("/search", json={"q": "a" * 1000})
    assert "1000 bytes" in assert_problem(response, 413, "body-too-large")["detail"]


def test_a_body_that_grows_too_long_is_refused(narrow: Running) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"q": "'
        for _ in range(30):
            yield b"a" * 100
        yield b'"}'

    assert_problem(narrow.client.post("/search", content=chunks(), headers=JSON), 413, "body-too-large")


def test_a_body_in_pieces_is_read(narrow: Running) -> None:
    response = narrow.client.post("/search", content=iter([b'{"q": ', b'"graph"', b"}"]), headers=JSON)
    assert response.status_code == 200


def test_a_bug_answers_500_without_its_cause_and_logs_it(narrow: Running, caplog: pytest.LogCaptureFixture) -> None:
    response = narrow.client.get("/bug")
    problem = assert_problem(response, 500, INTERNAL.slug)
    assert "1234" not in response.text and "ZeroDivision" not in response.text
    logged = [record for record in caplog.records if record.levelno == logging.ERROR and record.exc_info]
    assert len(logged) == 1
    assert problem["request_id"] in str(logged[0].msg)
    assert narrow.client.get("/search", params={"q": "graph"}).status_code == 200


def test_a_full_service_refuses_at_once_and_still_lives(narrow: Running) -> None:
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        release.wait()

    holder = threading.Thread(target=lambda: asyncio.run(run(narrow.parts.workers, hold)))
    holder.start()
    held.wait()
    try:
        assert_problem(narrow.client.get("/search", params={"q": "graph"}), 503, "overloaded")
        assert_problem(narrow.client.get(f"/papers/{examples.PAPER}/related"), 503, "overloaded")
        assert narrow.client.get("/livez").status_code == 200
        assert narrow.client.get("/readyz").status_code == 200
    finally:
        release.set()
        holder.join()
    assert narrow.client.get("/search", params={"q": "graph"}).status_code == 200
