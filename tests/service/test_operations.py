"""What operators see: probes, info, metrics, request ids, the documentation of it all."""

import math
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from embeddings.snapshots.snapshot import Snapshot
from service.api import examples
from service.settings import Settings
from tests.service.running import Running, assert_problem, running

OPERATIONS = {"get", "post", "put", "patch", "delete"}


def metric(client: httpx.Client, name: str, **labels: str) -> float:
    """The value of one series; 0 where there is none."""
    for line in client.get("/metrics").text.splitlines():
        found = re.fullmatch(r"([a-z_]+)(?:\{(.*)\})? (\S+)", line)
        if found and found[1] == name and dict(re.findall(r'(\w+)="([^"]*)"', found[2] or "")) == labels:
            return float(found[3])
    return 0.0


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in OPERATIONS
    ]


def test_probes_and_info(client: httpx.Client, snapshot: Snapshot) -> None:
    assert client.get("/livez").json() == {"status": "alive"}
    ready = client.get("/readyz").json()
    assert ready["status"] == "ready"
    assert ready["built_at"] == snapshot.manifest.built_at
    assert ready["age_seconds"] >= 0
    info = client.get("/info").json()
    assert info["model"]["fingerprint"] == snapshot.manifest.encoder.fingerprint
    assert info["counts"] == snapshot.manifest.counts
    assert info["limits"]["max_top_k"] == Settings().max_top_k
    assert "503" in info["limits"]["admission"]


def test_probes_take_any_parameter(client: httpx.Client) -> None:
    assert client.get("/livez?cache=1").status_code == client.get("/readyz?cache=1").status_code == 200


def test_home_leads_to_the_documentation(client: httpx.Client) -> None:
    assert client.get("/").headers["location"] == "/docs"
    assert client.get("/docs").status_code == 200


def test_limits_are_those_of_the_settings(snapshots: Path) -> None:
    settings = Settings(snapshots=snapshots, max_top_k=3, max_query_chars=10, max_batch=2)
    with running(settings) as service:
        ask = service.client
        assert len(ask.get("/search?q=graph&top_k=3").json()["hits"]) == 3
        # Who does not ask for a number is not refused for the default
        assert len(ask.get("/search?q=graph").json()["hits"]) == len(ask.get("/papers").json()["papers"]) == 3
        assert_problem(ask.get("/search?q=graph&top_k=4"), 422, "invalid-option")
        assert_problem(ask.get("/papers?limit=4"), 422, "invalid-option")
        assert_problem(ask.get("/search?q=12345678901"), 422, "invalid-option")
        assert_problem(ask.post("/related", json={"text": "12345678901"}), 422, "invalid-option")
        assert_problem(ask.post("/batch/search", json={"queries": [{"q": "graph"}] * 3}), 422, "invalid-option")
        limits = ask.get("/info").json()["limits"]
        assert (limits["max_top_k"], limits["max_query_chars"], limits["max_batch"]) == (3, 10, 2)


@pytest.mark.parametrize("given", ["abc-123", "!" * 128])
def test_a_request_id_comes_back(client: httpx.Client, given: str) -> None:
    headers = {"X-Request-ID": given}
    assert client.get("/livez", headers=headers).headers["x-request-id"] == given
    response = client.get("/nothing", headers=headers)
    assert assert_problem(response, 404, "no-such-route")["request_id"] == given


@pytest.mark.parametrize("given", [b"", b"two words", b"a" * 129, "ünïcode".encode()])
def test_an_unusable_request_id_is_replaced(client: httpx.Client, given: bytes) -> None:
    made = client.get("/livez", headers=[(b"X-Request-ID", given)]).headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", made)


def test_request_ids_differ(client: httpx.Client) -> None:
    assert len({client.get("/livez").headers["x-request-id"] for _ in range(50)}) == 50


def test_requests_are_counted_by_route(served: Running) -> None:
    client = served.client
    labels = {"method": "GET", "route": "/papers/{paper_id}/related", "status": "200"}
    missing = {"method": "GET", "route": "/papers/{paper_id}", "status": "404"}
    before = metric(client, "related_papers_requests_total", **labels)
    before_missing = metric(client, "related_papers_requests_total", **missing)
    for paper in (examples.PAPER, examples.PAPER[:8]):
        client.get(f"/papers/{paper}/related")
    client.get("/papers/DOI:10.1/x")
    assert metric(client, "related_papers_requests_total", **labels) == before + 2
    assert metric(client, "related_papers_requests_total", **missing) == before_missing + 1
    assert metric(client, "related_papers_request_seconds_count", route="/papers/{paper_id}/related") >= 2
    assert metric(client, "related_papers_requests_in_flight") == 1  # the one that asks
    assert metric(client, "related_papers_requests_waiting") == 0


def test_made_up_addresses_and_methods_make_no_series(client: httpx.Client) -> None:
    for i in range(20):
        client.get(f"/made/up/{i}")
        client.request(f"MADEUP{i}", "/livez")
    text = client.get("/metrics").text
    assert "made/up" not in text and "MADEUP" not in text
    assert metric(client, "related_papers_requests_total", method="GET", route="(none)", status="404") >= 20


def test_the_encoder_and_the_snapshot_are_measured(client: httpx.Client, snapshot: Snapshot) -> None:
    passes = metric(client, "related_papers_encoder_seconds_count")
    hits = metric(client, "related_papers_query_cache_total", result="hit")
    for _ in range(2):
        client.get("/search", params={"q": "asked nowhere else but here, twice"})
    assert metric(client, "related_papers_encoder_seconds_count") == passes + 1
    assert metric(client, "related_papers_encoder_batch_texts_count") == passes + 1
    assert metric(client, "related_papers_query_cache_total", result="hit") == hits + 1
    assert metric(client, "related_papers_snapshot_info", snapshot=snapshot.id) == 1
    assert metric(client, "related_papers_papers") == 42
    assert metric(client, "related_papers_snapshot_age_seconds") > 0
    assert metric(client, "related_papers_reload_failures_total") == 0


def test_a_batch_shares_passes_through_the_model(client: httpx.Client) -> None:
    passes = metric(client, "related_papers_encoder_seconds_count")
    queries = [{"q": f"a query like no other, number {i}", "top_k": 1} for i in range(64)]
    assert client.post("/batch/search", json={"queries": queries}).status_code == 200
    assert metric(client, "related_papers_encoder_seconds_count") == passes + math.ceil(64 / Settings().encoder_batch)


def test_every_route_is_documented(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"] and operation["description"], where
        (media,) = operation["responses"]["200"]["content"].values()
        assert media["example"], where
        assert media["schema"], where
        problems = {status: said for status, said in operation["responses"].items() if status != "200"}
        assert "500" in problems, where
        if path not in ("/livez", "/metrics"):
            assert "503" in problems, where
        if method == "post":
            assert {"400", "413", "422"} <= set(problems), where
            (body,) = operation["requestBody"]["content"].values()
            schema = document["components"]["schemas"][body["schema"]["$ref"].rpartition("/")[2]]
            assert schema["examples"], where
        for said in problems.values():
            content = said["content"]["application/problem+json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}, where
            assert said["description"] and content["examples"], where
        for parameter in operation.get("parameters", []):
            assert parameter["description"], f"{where}: {parameter['name']}"


def test_operation_ids_are_short_names_for_generated_clients(client: httpx.Client) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(client.get("/openapi.json").json())]
    assert sorted(ids) == sorted(
        [
            *("search", "search_post", "related", "related_to_examples", "batch_search", "batch_related"),
            *("get_paper", "list_papers", "livez", "readyz", "info", "metrics"),
        ]
    )


def test_every_field_is_described(client: httpx.Client) -> None:
    for name, schema in client.get("/openapi.json").json()["components"]["schemas"].items():
        for field, described in schema.get("properties", {}).items():
            assert described.get("description"), f"{name}.{field}"


def test_references_in_the_documentation_resolve(client: httpx.Client) -> None:
    response = client.get("/openapi.json")
    known = set(response.json()["components"]["schemas"])
    assert set(re.findall(r'"#/components/schemas/([^"]+)"', response.text)) <= known


def _without_occasion(answer: Any) -> Any:  # noqa: ANN401 - JSON
    """Leave out what differs from build to build and request to request; round scores."""
    passing = {
        *("snapshot", "built_at", "published_at", "age_seconds", "request_id"),
        *("version", "versions", "threads", "device", "backend", "precision", "least_score"),
    }
    if isinstance(answer, dict):
        return {key: _without_occasion(value) for key, value in answer.items() if key not in passing}
    if isinstance(answer, list):
        return [_without_occasion(value) for value in answer]
    return round(answer, 2) if isinstance(answer, float) else answer


def test_the_documented_answers_are_real(client: httpx.Client) -> None:
    paper = f"/papers/{examples.PAPER}"
    real = [
        (client.post("/search", json=examples.SEARCH_BODY), examples.SEARCH),
        (client.get("/search", params={**examples.SEARCH_BODY, "why": "true"}), examples.SEARCH),
        (client.get(f"{paper}/related", params={"top_k": 2}), examples.RELATED),
        (client.post("/related", json=examples.EXAMPLES_BODY), examples.EXAMPLES),
        (client.post("/batch/search", json=examples.BATCH_SEARCH_BODY), examples.BATCH_SEARCH),
        (client.post("/batch/related", json=examples.BATCH_RELATED_BODY), examples.BATCH_RELATED),
        (client.get("/papers", params={"limit": 2}), examples.LISTING),
        (client.get(paper), examples.PAPER_SHOWN),
        (client.get("/livez"), examples.ALIVE),
        (client.get("/readyz"), examples.READY),
        (client.get("/info"), examples.INFO),
    ]
    for response, documented in real:
        assert _without_occasion(response.json()) == _without_occasion(documented)


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize(
    "path", ["/livez", "/readyz", f"/papers/{examples.PAPER}", "/papers/ffffffff", "/search?q=graph"]
)
def test_head_is_get_without_the_body(client: httpx.Client, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert head.status_code == get.status_code and head.content == b""
    assert head.headers["content-type"] == get.headers["content-type"]
    assert client.get("/livez").status_code == 200  # the connection is still good


def test_head_is_counted_by_its_route(client: httpx.Client) -> None:
    client.head("/readyz")
    assert metric(client, "related_papers_requests_total", method="HEAD", route="/readyz", status="200") >= 1
