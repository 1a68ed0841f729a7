"""Questions and answers over HTTP, against the engine itself."""

from typing import Any

import httpx
import pytest

from embeddings.queries import Filters, Mode, SearchOptions
from embeddings.ranking.stage_names import OPTIONAL, StageName
from embeddings.search.searcher import Searcher
from embeddings.snapshots.snapshot import Snapshot
from service.api import examples

TEXT = "graph neural networks on small devices"


def ids_of(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [hit["id"] for hit in response.json()["hits"]]


def test_search_answers_as_the_engine_does(client: httpx.Client, searcher: Searcher) -> None:
    answer = client.get("/search", params={"q": TEXT, "top_k": 5}).json()
    expected = searcher.search(TEXT, SearchOptions(top_k=5))
    assert [hit["id"] for hit in answer["hits"]] == [hit.paper.id for hit in expected.hits]
    assert [hit["score"] for hit in answer["hits"]] == pytest.approx([hit.score for hit in expected.hits], abs=1e-5)
    assert answer["total"] == 42
    assert answer["exhausted"] is False
    assert expected.query is not None
    assert answer["query"] == {
        "tokens_seen": expected.query.tokens_seen,
        "tokens_total": expected.query.tokens_total,
        "language": "en",
    }


@pytest.mark.parametrize("mode", list(Mode))
def test_the_mode_reaches_the_engine(client: httpx.Client, searcher: Searcher, mode: Mode) -> None:
    response = client.get("/search", params={"q": TEXT, "top_k": 10, "mode": mode.value})
    expected = searcher.search(TEXT, SearchOptions(top_k=10, mode=mode))
    assert ids_of(response) == [hit.paper.id for hit in expected.hits]


def test_explain_shows_what_the_order_goes_by(client: httpx.Client) -> None:
    hits = client.get("/search", params={"q": TEXT, "top_k": 10, "explain": True}).json()["hits"]
    scores = [hit["score"] for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert all(hit["stages"]["dense"] == pytest.approx(hit["similarity"], abs=1e-6) for hit in hits)
    assert any(hit["stages"]["lexical"] > 0 for hit in hits)
    related = client.get(f"/papers/{hits[0]['id']}/related", params={"explain": True}).json()["hits"]
    assert all(0 <= hit["stages"]["lexical"] <= 1 for hit in related)
    assert all("feedback" not in hit["stages"] for hit in related)


def test_stages_can_be_left_out(client: httpx.Client, searcher: Searcher) -> None:
    for without in ([StageName.FEEDBACK], [StageName.LEXICAL, StageName.SMOOTHING], list(OPTIONAL)):
        options = SearchOptions(top_k=10, without=tuple(without))
        expected = [hit.paper.id for hit in searcher.search(TEXT, options).hits]
        address: dict[str, str | int] = {"q": TEXT, "top_k": 10, "without": ",".join(without)}
        assert ids_of(client.get("/search", params=address)) == expected
        assert ids_of(client.post("/search", json={**address, "without": without})) == expected
        related = client.get(f"/papers/{expected[0]}/related", params={"without": ",".join(without)})
        assert ids_of(related) == [hit.paper.id for hit in searcher.related(expected[0], options).hits]
    assert client.get("/search", params={"q": TEXT, "without": "nothing"}).status_code == 422


def test_post_and_get_agree(client: httpx.Client) -> None:
    asked: dict[str, Any] = {"q": TEXT, "top_k": 7, "offset": 2, "diversity": 0.3}
    assert ids_of(client.post("/search", json=asked)) == ids_of(client.get("/search", params=asked))


def test_a_query_of_20000_characters_is_read(client: httpx.Client, snapshot: Snapshot) -> None:
    text = (snapshot.papers(0, 1)[0].abstract + " ") * 40
    answer = client.post("/search", json={"q": text[:20_000], "top_k": 1}).json()
    assert answer["hits"][0]["id"] == snapshot.papers(0, 1)[0].id
    assert answer["query"]["tokens_seen"] == answer["query"]["tokens_total"] > 3000


def test_optional_keys_are_absent_and_title_is_null(client: httpx.Client) -> None:
    hit = client.get("/search", params={"q": TEXT, "top_k": 1}).json()["hits"][0]
    assert set(hit) == {"id", "score", "similarity", "probability", "title", "label", "language", "externalIds"}
    assert hit["title"] is None


def test_abstract_and_why_come_when_asked_for(client: httpx.Client) -> None:
    answer = client.get("/search", params={"q": TEXT, "top_k": 2, "fields": "abstract", "why": "true"}).json()
    for hit in answer["hits"]:
        assert hit["why"]["hit_sentence"] in hit["abstract"]
        assert hit["why"]["query_sentence"] == TEXT
        assert -1 <= hit["why"]["similarity"] <= 1


@pytest.mark.parametrize(
    "query",
    ["language=zh&language=en", "language=zh,en", "language=zh&language=,en,"],
)
def test_lists_are_repeated_or_separated_by_commas(client: httpx.Client, query: str) -> None:
    answer = client.get(f"/search?q=networks&top_k=100&{query}").json()
    assert answer["total"] == 42
    assert {hit["language"] for hit in answer["hits"]} == {"en", "zh"}


def test_filters_reach_the_engine(client: httpx.Client, searcher: Searcher, snapshot: Snapshot) -> None:
    first, second, third = (paper.id for paper in snapshot.papers(0, 3))
    cases: list[tuple[dict[str, Any], Filters]] = [
        ({"language": "zh"}, Filters(language=("zh",))),
        ({"id": f"{first},{second}"}, Filters(id=(first, second))),
        ({"id": [first[:8], third]}, Filters(id=(first, third))),
        ({"exclude_id": first}, Filters(exclude_id=(first,))),
        ({"year_from": 2000, "year_to": 2020}, Filters(year_from=2000, year_to=2020)),
        ({"category": "cs.CL"}, Filters(category=("cs.CL",))),
        (
            {"source": snapshot.paper(first).sources[0].file},
            Filters(source=(snapshot.paper(first).sources[0].file,)),
        ),
    ]
    for asked, filters in cases:
        response = client.get("/search", params={"q": TEXT, "top_k": 50, **asked})
        expected = searcher.search(TEXT, SearchOptions(top_k=50, filters=filters))
        assert ids_of(response) == [hit.paper.id for hit in expected.hits], asked
        assert response.json()["total"] == expected.total


def test_pages_follow_each_other(client: httpx.Client) -> None:
    whole = ids_of(client.get("/search", params={"q": TEXT, "top_k": 20}))
    pages = [ids_of(client.get("/search", params={"q": TEXT, "top_k": 5, "offset": i})) for i in (0, 5, 10, 15)]
    assert [each for page in pages for each in page] == whole


def test_min_score_leaves_out_what_is_below(client: httpx.Client) -> None:
    answer = client.get("/search", params={"q": TEXT, "top_k": 50, "min_score": 0.2}).json()
    assert answer["exhausted"] is True
    assert all(hit["score"] >= 0.2 for hit in answer["hits"])


@pytest.mark.parametrize("address", ["/search", "/related", "/batch/search", "/batch/related", "/papers/related"])
def test_probability_is_told_and_cut_by_on_every_route(
    client: httpx.Client, searcher: Searcher, snapshot: Snapshot, address: str
) -> None:
    paper = snapshot.papers(0, 1)[0].id

    def ask(**options: float) -> dict[str, Any]:
        options = {"top_k": 50, **options}
        if address == "/papers/related":
            response = client.get(f"/papers/{paper}/related", params=options)
        elif address == "/related":
            response = client.post(address, json={"positive": [paper], **options})
        elif address == "/search":
            response = client.get(address, params={"q": TEXT, **options})
        else:
            query = {"q": TEXT} if address == "/batch/search" else {"paper": paper}
            response = client.post(address, json={"queries": [{**query, **options}]})
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer["results"][0] if "results" in answer else answer

    whole = ask()
    by_text = address.endswith("search")
    asked = SearchOptions(top_k=50)
    expected = searcher.search(TEXT, asked) if by_text else searcher.related(paper, asked)
    assert [hit["probability"] for hit in whole["hits"]] == [hit.probability for hit in expected.hits]
    assert whole["found"] is expected.found is not None
    least = whole["hits"][3]["probability"]
    cut = ask(min_probability=least)
    assert cut["hits"] == [hit for hit in whole["hits"] if hit["probability"] >= least] and cut["exhausted"]


def test_for_a_far_question_nothing_is_found(client: httpx.Client) -> None:
    answer = client.get("/search", params={"q": "best sourdough starter hydration"}).json()
    assert answer["found"] is False and len(answer["hits"]) == 10
    cut = client.get("/search", params={"q": "best sourdough starter hydration", "min_probability": 0.1}).json()
    assert cut["found"] is False and cut["hits"] == [] and cut["exhausted"] is True


def test_what_is_not_known_is_null_and_refused(client: httpx.Client) -> None:
    answer = client.get("/search", params={"q": TEXT, "mode": "lexical"}).json()
    assert answer["found"] is None and {hit["probability"] for hit in answer["hits"]} == {None}
    refused = client.get("/search", params={"q": TEXT, "mode": "lexical", "min_probability": 0.5})
    assert refused.status_code == 422 and "use min_score" in refused.json()["detail"]
    assert client.get("/search", params={"q": TEXT, "min_probability": 1.5}).status_code == 422


def test_related_never_holds_the_paper_itself(client: httpx.Client, snapshot: Snapshot) -> None:
    for paper in snapshot.papers(0, 42):
        response = client.get(f"/papers/{paper.id[:8]}/related", params={"top_k": 50})
        assert response.json()["paper"] == paper.id
        assert sorted([*ids_of(response), paper.id]) == sorted(each.id for each in snapshot.papers(0, 42))


def test_related_to_examples_leaves_them_out(client: httpx.Client, snapshot: Snapshot) -> None:
    first, second, third = (paper.id for paper in snapshot.papers(0, 3))
    asked = {
        "positive": [first, second[:10]],
        "negative": [third],
        "text": TEXT,
        "negative_text": "organs",
        "top_k": 50,
    }
    response = client.post("/related", json=asked)
    assert len(ids_of(response)) == 39
    assert not {first, second, third} & set(ids_of(response))
    assert response.json()["query"]["language"] == "en"


def test_related_to_papers_only_says_nothing_of_a_text(client: httpx.Client) -> None:
    assert "query" not in client.post("/related", json={"positive": [examples.PAPER]}).json()


def test_a_paper_is_shown_whole(client: httpx.Client, snapshot: Snapshot) -> None:
    expected = snapshot.paper(examples.PAPER)
    answer = client.get(f"/papers/{examples.PAPER}").json()
    assert answer["id"] == expected.id
    assert answer["abstract"] == expected.abstract
    assert answer["title"] is None
    assert answer["sources"] == [{"file": source.file, "line": source.line} for source in expected.sources]
    assert "year" not in answer


def test_browsing_shows_every_paper_once(client: httpx.Client, snapshot: Snapshot) -> None:
    pages = [client.get("/papers", params={"offset": offset, "limit": 10}).json() for offset in range(0, 50, 10)]
    assert [len(page["papers"]) for page in pages] == [10, 10, 10, 10, 2]
    assert [paper["id"] for page in pages for paper in page["papers"]] == [each.id for each in snapshot.papers(0, 42)]
    assert client.get("/papers", params={"offset": 10**9}).json()["papers"] == []


def test_every_answer_names_its_snapshot(client: httpx.Client, snapshot: Snapshot) -> None:
    answers = [
        client.get("/search", params={"q": TEXT}),
        client.get(f"/papers/{examples.PAPER}"),
        client.get(f"/papers/{examples.PAPER}/related"),
        client.get("/papers"),
        client.post("/related", json={"text": TEXT}),
        client.post("/batch/search", json={"queries": [{"q": TEXT}]}),
        client.post("/batch/related", json={"queries": [{"paper": examples.PAPER}]}),
        client.get("/readyz"),
        client.get("/info"),
    ]
    for answer in answers:
        assert answer.json()["snapshot"] == answer.headers["x-snapshot"] == snapshot.id


def test_a_batch_of_searches_answers_as_single_ones_do(client: httpx.Client, snapshot: Snapshot) -> None:
    queries = [{"q": paper.abstract[:300], "top_k": 3} for paper in snapshot.papers(0, 42)]
    results = client.post("/batch/search", json={"queries": queries}).json()["results"]
    assert len(results) == len(queries)
    for query, result in zip(queries, results, strict=True):
        single = client.post("/search", json=query).json()
        assert [hit["id"] for hit in result["hits"]] == [hit["id"] for hit in single["hits"]]


def test_one_query_of_a_batch_fails_alone(client: httpx.Client) -> None:
    queries = [{"q": TEXT, "top_k": 1}, {"q": " "}, {"q": TEXT, "topk": 1}, 7, {"q": TEXT, "top_k": 1000}, {"q": TEXT}]
    results = client.post("/batch/search", json={"queries": queries}).json()["results"]
    assert [result.get("status") for result in results] == [None, 422, 422, 422, 422, None]
    assert [len(results[i]["hits"]) for i in (0, 5)] == [1, 10]
    assert results[1]["type"].endswith(":empty-query")
    assert results[1]["instance"] == "/batch/search#/queries/1"
    assert results[2]["errors"][0]["location"] == "body/queries/2/topk"
    assert results[4]["type"].endswith(":invalid-option")


def test_one_paper_of_a_batch_fails_alone(client: httpx.Client, snapshot: Snapshot) -> None:
    papers = [paper.id for paper in snapshot.papers(0, 3)]
    queries: list[dict[str, Any]] = [{"paper": each, "top_k": 2} for each in [*papers, "DOI:10.1/none"]]
    results = client.post("/batch/related", json={"queries": queries}).json()["results"]
    assert [result.get("paper") for result in results] == [*papers, None]
    assert results[3]["status"] == 404
    single = client.get(f"/papers/{papers[1]}/related", params={"top_k": 2}).json()
    assert results[1] == single
