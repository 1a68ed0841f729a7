"""Records become distinct papers; nothing is lost, nothing is counted twice."""

import io
import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embeddings.build.corpus import Corpus
from embeddings.errors import CorpusError, RejectedRecord
from embeddings.papers import Paper, Record, Reject, RejectReason, Source, paper_id
from embeddings.snapshots.papers_db import PaperStore


def record(abstract: str | None, line: int = 1, file: str = "a.jsonl", **fields: object) -> Record:
    return Record(source=Source(file, line), abstract=abstract, **fields)  # type: ignore[arg-type]


def papers_of(
    entries: Iterable[Record | Reject], folder: Path, *, strict: bool = False
) -> tuple[list[Paper], Corpus, str]:
    rejects = io.StringIO()
    for name in ("scratch.db", "papers.db"):
        (folder / name).unlink(missing_ok=True)
    corpus = Corpus(folder / "scratch.db", rejects)
    for _ in corpus.add_all(entries, strict=strict):
        pass
    corpus.save(folder / "papers.db")
    corpus.close()
    store = PaperStore(folder / "papers.db")
    papers = store.browse(0, 1_000)
    store.close()
    return papers, corpus, rejects.getvalue()


def test_the_same_abstract_is_one_paper_with_every_place(tmp_path: Path) -> None:
    entries = [record("Graph  networks.", 1), record("Other.", 2), record("Graph networks.", 7, "b.csv")]
    papers, corpus, _ = papers_of(entries, tmp_path)
    assert [paper.id for paper in papers] == [paper_id("Graph networks."), paper_id("Other.")]
    assert papers[0].abstract == "Graph  networks."  # as first received
    assert papers[0].sources == (Source("a.jsonl", 1), Source("b.csv", 7))
    assert corpus.counts.entries == 3


def test_sightings_complete_each_other_and_the_first_word_stands(tmp_path: Path) -> None:
    first = record("Text.", 1, year=2020, categories=("cs.IR",), external_ids={"ArXiv": "2001.1"})
    second = record("Text.", 2, year=2021, title="A title", categories=("cs.CL",), authors=("A. B.",), venue="V")
    paper = papers_of([first, second, record("Text.", 3, external_ids={"DOI": "10.1/x"}, url="u")], tmp_path)[0][0]
    assert (paper.title, paper.label, paper.year, paper.venue, paper.url) == ("A title", "A title", 2020, "V", "u")
    assert paper.categories == ("cs.CL", "cs.IR") and paper.authors == ("A. B.",)
    assert paper.external_ids == {"ArXiv": "2001.1", "DOI": "10.1/x"}


def test_halves_join_in_either_order_and_a_widowed_abstract_is_a_paper(tmp_path: Path) -> None:
    halves = [
        record(None, 1, "papers", join_key="1", title="One", year=2001, external_ids={"CorpusId": "1"}),
        record("Abstract two.", 1, "abstracts", join_key="2"),
        record("Abstract one.", 2, "abstracts", join_key="1"),
        record(None, 2, "papers", join_key="2", title="Two", categories=("CS",)),
        record("Abstract three.", 3, "abstracts", join_key="3"),
        record(None, 3, "papers", join_key="4", title="No abstract anywhere"),
    ]
    papers, corpus, rejects = papers_of(halves, tmp_path)
    assert {paper.abstract: paper.title for paper in papers} == {
        "Abstract one.": "One",
        "Abstract two.": "Two",
        "Abstract three.": None,
    }
    assert papers[0].sources == (Source("abstracts", 2),) and papers[0].year == 2001
    assert corpus.counts.rejected == {"no abstract": 1}
    assert json.loads(rejects)["detail"] == "4 has no abstract in any source"


def test_what_is_left_out_is_counted_and_written_with_its_place(tmp_path: Path) -> None:
    entries: list[Record | Reject] = [
        record("Fine."),
        Reject(Source("a.jsonl", 2), RejectReason.NOT_UTF8, "byte 0xff"),
        Reject(Source("a.jsonl", 9), RejectReason.BROKEN, "no JSON"),
        record("\u200b…", 11),
    ]
    _, corpus, rejects = papers_of(entries, tmp_path)
    assert corpus.counts.rejected == {"not UTF-8": 1, "broken record": 1, "no abstract": 1}
    written = [json.loads(line) for line in rejects.splitlines()]
    assert [entry["line"] for entry in written] == [2, 9, 11]
    assert written[0] == {"file": "a.jsonl", "line": 2, "reason": "not UTF-8", "detail": "byte 0xff"}


def test_strict_stops_at_the_first_and_names_the_place(tmp_path: Path) -> None:
    entries: list[Record | Reject] = [record("Fine."), Reject(Source("a.jsonl", 2), RejectReason.BROKEN, "no JSON")]
    with pytest.raises(RejectedRecord, match=r"a\.jsonl:2: broken record \(no JSON\)"):
        papers_of(entries, tmp_path, strict=True)


def test_sources_without_a_paper_are_an_error_that_says_how_many_were_left_out(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="1 records were left out"):
        papers_of([Reject(Source("a", 1), RejectReason.BROKEN, "")], tmp_path)


def test_language_is_detected_unless_the_source_states_it(tmp_path: Path) -> None:
    entries = [
        record("我们提出了一种新的图像分割方法。"),
        record("A method for images."),
        record("Text", language="fr"),
    ]
    assert [paper.language for paper in papers_of(entries, tmp_path)[0]] == ["zh", "en", "fr"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.sampled_from(["one", "two", "three", "four", "five"]), min_size=1))
def test_ids_and_rows_survive_reading_again(tmp_path: Path, abstracts: list[str]) -> None:
    entries = [record(abstract, line) for line, abstract in enumerate(abstracts, 1)]
    first, second = papers_of(entries, tmp_path)[0], papers_of(entries, tmp_path)[0]
    assert first == second
    assert [paper.abstract for paper in first] == list(dict.fromkeys(abstracts))
    assert sum(len(paper.sources) for paper in first) == len(abstracts)
