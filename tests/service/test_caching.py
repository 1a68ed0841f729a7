"""Answers that caches keep: their names, what is not sent again, what is compressed, and what is answered ahead."""

import gzip
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.snapshots.folder import FolderSource
from embeddings.snapshots.snapshot import Snapshot
from service.api import examples
from service.http.headers import takes_gzip
from service.settings import Settings
from tests.service.running import Running, assert_problem, running, wait_until
from tests.service.test_operations import metric

RELATED = f"/papers/{examples.PAPER}/related"
KEPT = ["/search?q=graph", RELATED, f"{RELATED}?top_k=3", f"/papers/{examples.PAPER}", "/papers?limit=2"]
OFTEN_S = 0.01


@pytest.mark.parametrize("path", KEPT)
def test_what_the_client_has_is_not_sent_again(client: httpx.Client, snapshot: Snapshot, path: str) -> None:
    first = client.get(path)
    name = first.headers["etag"]
    assert name.startswith('W/"') and first.headers["cache-control"] == "no-cache"
    assert first.headers["vary"] == "Accept-Encoding"
    passes = metric(client, "related_papers_encoder_seconds_count")
    for given_name in (name, name.removeprefix("W/"), f'"other", {name}', "*"):
        again = client.get(path, headers={"If-None-Match": given_name})
        assert (again.status_code, again.content) == (304, b""), given_name
        for header in ("etag", "cache-control", "vary", "x-snapshot"):
            assert again.headers[header] == first.headers[header]
        assert client.head(path, headers={"If-None-Match": given_name}).status_code == 304
    assert metric(client, "related_papers_encoder_seconds_count") == passes
    changed = client.get(path, headers={"If-None-Match": f'"{"0" * 24}", {name[:-1]}0"'})
    assert changed.status_code == 200 and changed.headers["etag"] == name and changed.json() == first.json()


def test_what_is_not_sent_again_is_counted_by_its_route(client: httpx.Client) -> None:
    name = client.get(RELATED).headers["etag"]
    labels = {"method": "GET", "route": "/papers/{paper_id}/related", "status": "304"}
    before = metric(client, "related_papers_requests_total", **labels)
    client.get(RELATED, headers={"If-None-Match": name})
    assert metric(client, "related_papers_requests_total", **labels) == before + 1


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/papers/ffffffff/related", 404),
        ("/papers/ffffffff", 404),
        ("/search?q=", 422),
        ("/search?q=graph&top_k=1000", 422),
        (f"{RELATED}?topk=3", 422),
    ],
)
def test_a_mistake_is_told_whatever_the_client_has(client: httpx.Client, path: str, status: int) -> None:
    for name in (client.get(RELATED).headers["etag"], "*"):
        refused = client.get(path, headers={"If-None-Match": name})
        assert refused.status_code == status and "etag" not in refused.headers
        assert refused.headers["content-type"] == "application/problem+json"


def test_every_address_and_limit_names_its_answers_apart(client: httpx.Client, snapshots: Path) -> None:
    names = {path: client.get(path).headers["etag"] for path in KEPT}
    assert len(set(names.values())) == len(KEPT)
    with running(Settings(snapshots=snapshots, max_top_k=3, max_age_s=60)) as narrow:
        answer = narrow.client.get("/search?q=graph", headers={"If-None-Match": names["/search?q=graph"]})
        assert answer.status_code == 200 and len(answer.json()["hits"]) == 3
        assert answer.headers["cache-control"] == "max-age=60"


def test_what_changes_by_itself_has_no_name(client: httpx.Client) -> None:
    for path in ("/livez", "/readyz", "/info", "/metrics", "/docs", "/openapi.json"):
        assert "etag" not in client.get(path, headers={"If-None-Match": "*"}).headers


def test_a_publish_renames_every_answer(folder: Path, ids: dict[str, str]) -> None:
    paper = "86affd4c37d5d63748a1722c317f88fb7795e81b"  # of both snapshots
    with running(Settings(snapshots=folder, reload_interval_s=OFTEN_S)) as service:
        client = service.client
        for path in ("/search?q=graph", f"/papers/{paper}/related", f"/papers/{paper}", "/papers"):
            FolderSource(folder).publish(ids["all"])
            wait_until(lambda: client.get("/readyz").json()["snapshot"] == ids["all"])
            before = client.get(path)
            has = {"If-None-Match": before.headers["etag"]}
            assert client.get(path, headers=has).status_code == 304
            FolderSource(folder).publish(ids["few"])
            wait_until(lambda: client.get("/readyz").json()["snapshot"] == ids["few"])
            after = client.get(path, headers=has)
            assert after.status_code == 200 and after.headers["etag"] != before.headers["etag"]
            assert after.json()["snapshot"] == ids["few"]
        FolderSource(folder).rollback()
        wait_until(lambda: client.get("/readyz").json()["snapshot"] == ids["all"])
        assert client.get(path, headers=has).status_code == 304  # the same snapshot, the same answers


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [
        ("gzip", True),
        ("br;q=1.0, gzip;q=0.5", True),
        ("GZIP", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip;q=0, *;q=1", False),
        ("identity", False),
        ("*;q=0", False),
        ("gzip;q=none", True),
        ("", False),
    ],
)
def test_answers_are_compressed_for_who_takes_them_so(client: httpx.Client, accepted: str, compressed: bool) -> None:
    plain = client.get("/papers", headers={"Accept-Encoding": "identity"})
    with client.stream("GET", "/papers", headers={"Accept-Encoding": accepted}) as response:
        body = b"".join(response.iter_raw())
    assert (response.headers.get("content-encoding") == "gzip") is compressed
    assert response.headers["vary"] == "Accept-Encoding" and response.headers["etag"] == plain.headers["etag"]
    assert int(response.headers["content-length"]) == len(body)
    assert (gzip.decompress(body) if compressed else body) == plain.content
    assert not compressed or len(body) < len(plain.content) / 2


def test_what_is_short_or_has_no_body_is_not_compressed(client: httpx.Client) -> None:
    taking = {"Accept-Encoding": "gzip"}
    for path in ("/livez", "/papers?limit=1"):
        assert "content-encoding" not in client.get(path, headers=taking).headers
    head = client.head("/papers", headers=taking)
    assert head.content == b"" and head.headers["content-encoding"] == "gzip"
    has = {**taking, "If-None-Match": client.get("/papers", headers=taking).headers["etag"]}
    unchanged = client.get("/papers", headers=has)
    assert unchanged.status_code == 304 and "content-encoding" not in unchanged.headers
    assert client.get("/docs", headers=taking).text == client.get("/docs").text  # whatever has no route of ours


@given(st.text(st.characters(max_codepoint=255)))
def test_no_wish_for_an_encoding_is_a_mistake(accepted: str) -> None:
    assert takes_gzip({"headers": [(b"accept-encoding", accepted.encode("latin-1"))]}) in (True, False)


PAPERS = [examples.PAPER, examples.PAPER[:8], examples.PAPER.upper(), "ffffffff", "DOI:10.1/x", "%20" + examples.PAPER]
PAPERS += [examples.PAPER + "%0A", "", "a/b", "%00", "%ff"]
QUERIES = st.lists(
    st.sampled_from(
        [
            *("top_k=3", "top_k=50", "top_k=0", "top_k=101", "offset=5", "offset=40", "min_score=0.3", "without=title"),
            *("explain=true", "fields=abstract", "group_duplicates=true", "diversity=0.5", "language=zh", "topk=1"),
            *("min_probability=0.2", "without=words", "without=feedback", "id=ffffffff", "year_from=x", "", "top_k"),
        ]
    ),
    max_size=3,
).map("&".join)


@settings(deadline=None, max_examples=60)
@given(paper=st.sampled_from(PAPERS), query=QUERIES, method=st.sampled_from(["GET", "HEAD"]))
def test_the_shortcut_answers_as_the_route_does(served: Running, paper: str, query: str, method: str) -> None:
    """Asked twice, the second time what can be answered ahead is."""
    client, path = served.client, f"/papers/{paper}/related" + (f"?{query}" if query else "")
    first, second = (client.request(method, path, headers={"X-Request-ID": "same"}) for _ in range(2))
    # A parameter more than there are makes the query string unknown, and the same to the route
    usual = client.request(method, path + ("&" if query else "?") + "&" * 300, headers={"X-Request-ID": "same"})
    for answer in (first, second):
        assert answer.status_code == usual.status_code
        assert answer.content == usual.content
        assert _kept(answer) == _kept(usual)


def _kept(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in ("date", "etag")}


def test_what_was_understood_before_needs_no_thread(snapshots: Path) -> None:
    with running(Settings(snapshots=snapshots)) as service:
        service.client.get(f"{RELATED}?top_k=5")
        service.parts.workers.close()
        assert len(service.client.get(f"{RELATED}?top_k=5").json()["hits"]) == 5
        assert_problem(service.client.get(f"{RELATED}?top_k=5&diversity=0.5"), 503, "shutting-down")


def test_letters_are_sent_as_they_are(client: httpx.Client) -> None:
    answer = client.get("/papers?limit=100")
    assert any("\u4e00" <= letter <= "\u9fff" for letter in answer.text)
    assert answer.content == json.dumps(answer.json(), ensure_ascii=False, separators=(",", ":")).encode()


def test_answers_have_the_shape_that_is_documented(client: httpx.Client) -> None:
    document: dict[str, Any] = client.get("/openapi.json").json()
    paths = {f"/papers/{examples.PAPER}": "/papers/{paper_id}", RELATED: "/papers/{paper_id}/related", "/papers": ""}
    for path, template in {**paths, "/search?q=graph&why=true&explain=true&fields=abstract": "/search"}.items():
        operation = document["paths"][template or path]["get"]
        reference = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
        _fits(client.get(path).json(), document["components"]["schemas"], reference.rpartition("/")[2])


def _fits(answer: dict[str, Any], schemas: dict[str, Any], name: str) -> None:
    schema = schemas[name]
    assert set(schema.get("required", ())) <= set(answer) <= set(schema["properties"]), name
    for key, value in answer.items():
        described = schema["properties"][key]
        for item in value if isinstance(value, list) else [value]:
            reference = described.get("items", described).get("$ref") or described.get("$ref")
            if reference:
                _fits(item, schemas, reference.rpartition("/")[2])


def test_only_routes_that_are_marked_are_cacheable(client: httpx.Client) -> None:
    for path in ("/papers", f"/papers/{examples.PAPER}", RELATED, "/search?q=graph"):
        assert "etag" in client.get(path).headers
    for path in ("/info", "/livez", "/openapi.json"):
        assert not {"etag", "cache-control"} & set(client.get(path).headers)
