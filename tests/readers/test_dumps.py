"""Rows of the public dumps, field by field as their documentation shows them."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from embeddings.papers import Record, Reject, RejectReason
from embeddings.readers import read

ARXIV = {
    "id": "0704.0001",
    "submitter": "Pavel Nadolsky",
    "authors": "C. Bal\\'azs, E. L. Berger and C.-P. Yuan",
    "title": "Calculation of prompt diphoton production cross sections at Tevatron and\n  LHC energies",
    "comments": "37 pages",
    "journal-ref": "Phys.Rev.D76:013009,2007",
    "doi": "10.1103/PhysRevD.76.013009",
    "report-no": "ANL-HEP-PR-07-12",
    "categories": "hep-ph math.CO",
    "license": None,
    "abstract": "  A fully differential calculation in\nperturbative quantum chromodynamics.\n",
    "versions": [
        {"version": "v1", "created": "Mon, 2 Apr 2007 19:18:42 GMT"},
        {"version": "v2", "created": "Tue, 24 Jul 2008 20:10:27 GMT"},
    ],
    "update_date": "2008-11-26",
    "authors_parsed": [["Balázs", "C.", ""], ["Berger", "E. L.", "Jr"], ["Yuan", "C. -P.", "", "MSU"]],
}
OPENALEX = {
    "id": "https://openalex.org/W2741809807",
    "doi": "https://doi.org/10.7717/peerj.4375",
    "title": "The state of OA",
    "display_name": "The state of OA",
    "publication_year": 2018,
    "language": "en",
    "ids": {
        "openalex": "https://openalex.org/W2741809807",
        "doi": "https://doi.org/10.7717/peerj.4375",
        "mag": 2741809807,
        "pmid": "https://pubmed.ncbi.nlm.nih.gov/29456894",
        "pmcid": "https://www.ncbi.nlm.nih.gov/pmc/articles/5815332",
    },
    "primary_location": {"landing_page_url": "https://doi.org/10.7717/peerj.4375", "source": {"display_name": "PeerJ"}},
    "authorships": [{"author": {"display_name": "Heather Piwowar"}}, {"author": {"display_name": None}}],
    "topics": [{"display_name": "Scientometrics"}],
    "concepts": [{"display_name": "Library science"}],
    "abstract_inverted_index": {"Despite": [0], "growing": [1, 4], "interest,": [2], "OA": [3]},
}
S2_PAPER = {
    "corpusid": 211932277,
    "externalids": {
        "ACL": None,
        "DBLP": None,
        "ArXiv": "2001.00001",
        "MAG": "609515471",
        "CorpusId": "211932277",
        "PubMed": None,
        "DOI": "10.1/x",
        "PubMedCentral": None,
    },
    "url": "https://www.semanticscholar.org/paper/abc",
    "title": "A title",
    "authors": [{"authorId": "77672491", "name": "加藤 智美"}, {"authorId": None, "name": "鈴木 康之"}],
    "venue": "",
    "publicationvenueid": None,
    "year": 2006,
    "s2fieldsofstudy": [
        {"category": "Medicine", "source": "s2-fos-model"},
        {"category": "Medicine", "source": "external"},
        {"category": "Physics", "source": "external"},
    ],
    "publicationtypes": None,
    "publicationdate": "2006-02-28",
    "journal": {"name": "A journal", "pages": "50-51", "volume": "5"},
}
S2_ABSTRACT = {
    "corpusid": 211932277,
    "openaccessinfo": {"externalids": {"MAG": None, "DOI": "10.1/x", "PubMedCentral": None}, "license": None},
    "abstract": "An abstract.",
    "updated": "2022-01-27T03:01:26.115Z",
}
S2_GRAPH = {
    "paperId": "649def34f8be52c8b66281af98ae884c09aef38b",
    "corpusId": 13756489,
    "externalIds": {"ArXiv": "1706.03762", "CorpusId": 13756489},
    "title": "Attention",
    "abstract": "The dominant models.",
    "year": None,
    "publicationDate": "2017-06-12",
    "venue": "NIPS",
    "fieldsOfStudy": ["Computer Science"],
    "authors": [{"authorId": "1", "name": "Ashish Vaswani"}],
}


def one(tmp_path: Path, row: Mapping[str, object]) -> Record | Reject:
    path = tmp_path / "dump"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    (item,) = read([str(path)])
    return item


def record(tmp_path: Path, row: Mapping[str, object]) -> Record:
    item = one(tmp_path, row)
    assert isinstance(item, Record), item
    return item


def test_arxiv_folds_the_title_and_keeps_the_abstract(tmp_path: Path) -> None:
    paper = record(tmp_path, ARXIV)
    assert paper.title == "Calculation of prompt diphoton production cross sections at Tevatron and LHC energies"
    assert paper.abstract == "A fully differential calculation in\nperturbative quantum chromodynamics."


def test_arxiv_says_the_year_of_the_first_version(tmp_path: Path) -> None:
    assert record(tmp_path, ARXIV).year == 2007
    assert record(tmp_path, {**ARXIV, "versions": []}).year == 2008


def test_arxiv_gives_ids_address_classes_venue_and_authors(tmp_path: Path) -> None:
    paper = record(tmp_path, ARXIV)
    assert paper.external_ids == {"ArXiv": "0704.0001", "DOI": "10.1103/PhysRevD.76.013009"}
    assert paper.url == "https://arxiv.org/abs/0704.0001"
    assert paper.categories == ("hep-ph", "math.CO")
    assert paper.venue == "Phys.Rev.D76:013009,2007"
    assert paper.authors == ("C. Balázs", "E. L. Berger Jr", "C. -P. Yuan")
    assert record(tmp_path, {**ARXIV, "authors_parsed": None}).authors[1:] == ("E. L. Berger", "C.-P. Yuan")


def test_openalex_puts_the_abstract_together(tmp_path: Path) -> None:
    assert record(tmp_path, OPENALEX).abstract == "Despite growing interest, OA growing"


def test_openalex_gives_ids_without_their_addresses(tmp_path: Path) -> None:
    assert record(tmp_path, OPENALEX).external_ids == {
        "OpenAlex": "W2741809807",
        "DOI": "10.7717/peerj.4375",
        "MAG": "2741809807",
        "PubMed": "29456894",
        "PubMedCentral": "5815332",
    }


def test_openalex_gives_the_rest(tmp_path: Path) -> None:
    paper = record(tmp_path, OPENALEX)
    assert (paper.title, paper.year, paper.language, paper.venue) == ("The state of OA", 2018, "en", "PeerJ")
    assert paper.authors == ("Heather Piwowar",)
    assert paper.categories == ("Scientometrics",)
    assert paper.url == "https://doi.org/10.7717/peerj.4375"
    assert record(tmp_path, {**OPENALEX, "topics": []}).categories == ("Library science",)


def test_openalex_without_an_abstract_or_a_place_is_no_crash(tmp_path: Path) -> None:
    item = one(tmp_path, {**OPENALEX, "abstract_inverted_index": None, "primary_location": None, "authorships": None})
    assert isinstance(item, Reject)
    assert item.reason is RejectReason.NO_ABSTRACT


@pytest.mark.parametrize("index", [["A"], {"A": 0}, {"A": ["0"]}, {"A": [0] * 1_000_001}])
def test_an_impossible_inverted_index_is_broken(tmp_path: Path, index: object) -> None:
    item = one(tmp_path, {**OPENALEX, "abstract_inverted_index": index})
    assert isinstance(item, Reject)
    assert item.reason is RejectReason.BROKEN


def test_far_positions_cost_no_memory(tmp_path: Path) -> None:
    assert record(tmp_path, {**OPENALEX, "abstract_inverted_index": {"A": [0], "B": [10**15]}}).abstract == "A B"


def test_the_halves_of_a_semantic_scholar_paper_join(tmp_path: Path) -> None:
    paper, abstract = record(tmp_path, S2_PAPER), record(tmp_path, S2_ABSTRACT)
    assert paper.join_key == abstract.join_key == "CorpusId:211932277"
    assert paper.abstract is None
    assert abstract.abstract == "An abstract."
    assert abstract.external_ids == {"DOI": "10.1/x", "CorpusId": "211932277"}


def test_a_semantic_scholar_paper_gives_its_fields(tmp_path: Path) -> None:
    paper = record(tmp_path, S2_PAPER)
    assert paper.external_ids == {
        "ArXiv": "2001.00001",
        "MAG": "609515471",
        "CorpusId": "211932277",
        "DOI": "10.1/x",
    }
    assert (paper.title, paper.year, paper.venue) == ("A title", 2006, "A journal")
    assert paper.authors == ("加藤 智美", "鈴木 康之")
    assert paper.categories == ("Medicine", "Physics")
    assert paper.url == "https://www.semanticscholar.org/paper/abc"


def test_an_abstract_row_without_an_abstract_is_left_out(tmp_path: Path) -> None:
    item = one(tmp_path, {**S2_ABSTRACT, "abstract": ""})
    assert isinstance(item, Reject)
    assert item.reason is RejectReason.NO_ABSTRACT


def test_a_paper_of_the_graph_interface_is_whole(tmp_path: Path) -> None:
    paper = record(tmp_path, S2_GRAPH)
    assert paper.join_key is None
    assert paper.abstract == "The dominant models."
    assert paper.external_ids == {"ArXiv": "1706.03762", "CorpusId": "13756489"}
    assert (paper.year, paper.venue, paper.categories) == (2017, "NIPS", ("Computer Science",))
    assert paper.url == "https://www.semanticscholar.org/paper/649def34f8be52c8b66281af98ae884c09aef38b"
    left_out = one(tmp_path, {**S2_GRAPH, "abstract": None})
    assert isinstance(left_out, Reject)


def test_dumps_state_dates_and_keep_the_fields_that_we_do_not_know(tmp_path: Path) -> None:
    arxiv = record(tmp_path, ARXIV)
    assert arxiv.date == "2007-04-02"
    assert arxiv.extra == {
        "submitter": "Pavel Nadolsky",
        "comments": "37 pages",
        "report-no": "ANL-HEP-PR-07-12",
        "update_date": "2008-11-26",
    }
    openalex = record(tmp_path, {**OPENALEX, "publication_date": "2018-02-13", "cited_by_count": 7})
    assert (openalex.year, openalex.date) == (2018, "2018-02-13")
    assert openalex.extra == {"primary_location": OPENALEX["primary_location"], "cited_by_count": 7}
    paper = record(tmp_path, S2_PAPER)
    assert (paper.date, paper.extra) == ("2006-02-28", {"journal": S2_PAPER["journal"]})
    abstract = record(tmp_path, S2_ABSTRACT)
    assert abstract.extra == {"openaccessinfo": S2_ABSTRACT["openaccessinfo"], "updated": S2_ABSTRACT["updated"]}
    graph = record(tmp_path, S2_GRAPH)
    assert (graph.date, graph.extra) == ("2017-06-12", {"paperId": S2_GRAPH["paperId"]})
