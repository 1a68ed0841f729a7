"""The right papers, in the right order, and never the one asked about."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.encoders.encoder import Encoder
from embeddings.encoders.encoder_info import Encoded
from embeddings.errors import AmbiguousPaperId, EmptyQuery, InvalidOption, PaperNotFound
from embeddings.queries import Filters, Mode, Results, SearchOptions, Stage
from embeddings.search.searcher import Searcher
from embeddings.snapshots import stored_fields
from embeddings.snapshots.snapshot import Snapshot
from tests.paraphrases import PARAPHRASES

GHOST = "9bd7f146d121"
ALL = SearchOptions(top_k=100)
EVERY_STAGE = frozenset(Stage)


def ids(results: Results) -> list[str]:
    return [hit.paper.id for hit in results.hits]


def no_model(texts: object) -> Encoded:
    raise AssertionError("related papers must be answered without the model")


@pytest.mark.parametrize(("beginning", "question"), PARAPHRASES.items(), ids=PARAPHRASES)
def test_every_english_paper_is_first_for_a_paraphrase(searcher: Searcher, beginning: str, question: str) -> None:
    assert ids(searcher.search(question, SearchOptions(top_k=1)))[0].startswith(beginning)


def test_all_34_english_papers_are_asked_for(snapshot: Snapshot) -> None:
    english = {paper.id[:12] for paper in snapshot.papers(0, 100) if paper.language == "en"}
    assert english == set(PARAPHRASES)


def test_scores_are_cosines_highest_first(searcher: Searcher, snapshot: Snapshot, encoder: Encoder) -> None:
    results = searcher.search("graph networks", dataclasses.replace(ALL, mode=Mode.DENSE))
    query = encoder.encode_queries(["graph networks"]).embeddings[0]
    expected = np.sort(np.asarray(snapshot.embeddings) @ query)[::-1]
    np.testing.assert_allclose([hit.score for hit in results.hits], expected, atol=1e-5)
    assert results.total == 42 and results.exhausted
    assert results.query is not None and (results.query.tokens_seen, results.query.language) == (2, "en")


def test_each_mode_orders_by_its_own_stage(searcher: Searcher) -> None:
    question = "quantization of object detectors for aerial images"
    for mode in Mode:
        results = searcher.search(question, dataclasses.replace(ALL, mode=mode))
        relevance = [hit.stages.relevance for hit in results.hits]
        assert relevance == sorted(relevance, reverse=True) and results.exhausted
        assert all(hit.score == pytest.approx(hit.stages.dense, abs=1e-6) for hit in results.hits)
        if mode is Mode.LEXICAL:
            assert relevance == [hit.stages.lexical for hit in results.hits] and 0 < len(results.hits) < 42
        else:
            assert len(results.hits) == 42
    assert ids(searcher.search(question, SearchOptions(mode=Mode.LEXICAL)))[0].startswith(GHOST)


def test_without_its_stages_hybrid_is_dense(searcher: Searcher) -> None:
    for question, without in (("zzyzx", EVERY_STAGE - {Stage.WORDS}), ("drum music", EVERY_STAGE)):
        bare = dataclasses.replace(ALL, without=without)
        hybrid, dense = (
            searcher.search(question, dataclasses.replace(bare, mode=m)) for m in (Mode.HYBRID, Mode.DENSE)
        )
        assert ids(hybrid) == ids(dense)
        assert [hit.score for hit in hybrid.hits] == pytest.approx([hit.score for hit in dense.hits], abs=1e-6)
    assert searcher.search("zzyzx", SearchOptions(mode=Mode.LEXICAL)).hits == ()


def test_each_stage_says_its_part_unless_it_is_left_out(searcher: Searcher) -> None:
    part = {Stage.WORDS: "lexical", Stage.FEEDBACK: "feedback"}
    for without in [frozenset[Stage](), *(frozenset({stage}) for stage in Stage), EVERY_STAGE]:
        asked = dataclasses.replace(ALL, without=without, filters=Filters(languages=("en",)))
        hits = searcher.search("quantization of detectors", asked).hits
        assert len(hits) == 34
        for stage, name in part.items():
            assert all((getattr(hit.stages, name) is None) == (stage in without) for hit in hits)
        assert all(hit.stages.title is None for hit in hits)  # the seeds have no titles
        same = [hit.stages.fused == hit.stages.relevance for hit in hits]
        assert all(same) if Stage.SMOOTHING in without else not all(same)


def test_smoothing_keeps_silent_where_languages_are_mixed(searcher: Searcher) -> None:
    hits = searcher.search("quantization of detectors", ALL).hits  # a fifth of the seeds is Chinese
    assert all(hit.stages.feedback is not None and hit.stages.fused == hit.stages.relevance for hit in hits)


def test_stages_do_not_touch_the_other_modes(searcher: Searcher) -> None:
    for mode in (Mode.DENSE, Mode.LEXICAL):
        asked = dataclasses.replace(ALL, mode=mode)
        bare = dataclasses.replace(asked, without=EVERY_STAGE)
        assert searcher.search("image segmentation", asked) == searcher.search("image segmentation", bare)


def test_words_find_what_meaning_misses(searcher: Searcher) -> None:
    chinese = searcher.search("混合精度量化", SearchOptions(top_k=1)).hits[0].paper
    assert chinese.id.startswith("2c5523d67562") and chinese.language == "zh"


def test_a_written_page_shows_what_the_stored_hits_are(searcher: Searcher, snapshot: Snapshot) -> None:
    for paper in snapshot.papers(0, 100):
        for top_k, offset in ((10, 0), (3, 5), (1, 39), (40, 0)):
            page, usual = searcher.page(paper.id, top_k, offset), SearchOptions(top_k=top_k, offset=offset)
            results = searcher.stored(paper.id, usual)
            assert results is not None and page is not None
            assert (page.paper, page.total, page.found) == (results.paper, results.total, results.found)
            assert page.scores == [hit.score for hit in results.hits]
            assert page.probabilities == [hit.probability for hit in results.hits]
            assert page.cards == [stored_fields.to_json(hit.paper) for hit in results.hits]
            assert not results.exhausted
    # At the end of the hits, and beyond, there is more to say
    assert searcher.page(paper.id, 41, 0) is searcher.page(paper.id, 10, 35) is searcher.page(paper.id, 1, 99) is None
    with pytest.raises(PaperNotFound):
        searcher.page("ffffffff", 10, 0)


def test_plain_options_ask_for_a_page_and_nothing_else() -> None:
    assert SearchOptions().plain and SearchOptions(top_k=3, offset=5).plain
    changed = (
        *({"min_score": 0.0}, {"min_probability": 0.0}, {"diversity": 0.1}, {"group_duplicates": True}),
        *({"why": True}, {"explain": True}, {"without": frozenset({Stage.TITLE})}, {"filters": Filters(year_to=1)}),
    )
    assert not any(dataclasses.replace(SearchOptions(), **change).plain for change in changed)


def test_related_papers_are_the_exact_neighbours_without_the_paper_itself(snapshot: Snapshot) -> None:
    without_model = Searcher(snapshot, no_model)
    embeddings = np.asarray(snapshot.embeddings)
    for row, paper in enumerate(snapshot.papers(0, 100)):
        results = without_model.related(paper.id, dataclasses.replace(ALL, without=EVERY_STAGE))
        expected = np.delete(embeddings @ embeddings[row], row)
        np.testing.assert_allclose([hit.score for hit in results.hits], -np.sort(-expected), atol=1e-5)
        assert paper.id not in ids(results)


def test_stored_neighbours_and_search_agree(searcher: Searcher, snapshot: Snapshot) -> None:
    everything = Filters(languages=("en", "zh"))  # admits all, but has to be searched
    explained = SearchOptions(top_k=20, explain=True)
    for paper in snapshot.papers(0, 100):
        one = searcher.related(paper.id, explained)
        assert searcher.stored(paper.id, explained) == one
        other = searcher.related(paper.id, dataclasses.replace(explained, filters=everything))
        assert ids(one) == ids(other) == ids(searcher.related_to(positive=[paper.id], options=SearchOptions(top_k=20)))
        for mine, theirs in zip(one.hits, other.hits, strict=True):
            assert dataclasses.astuple(mine.stages) == pytest.approx(dataclasses.astuple(theirs.stages), abs=1e-5)


def test_common_words_bring_papers_nearer_to_a_paper(searcher: Searcher) -> None:
    hits = searcher.related(GHOST, dataclasses.replace(ALL, explain=True)).hits
    assert [hit.stages.relevance for hit in hits] == sorted((hit.stages.relevance for hit in hits), reverse=True)
    for hit in hits:
        assert hit.stages.lexical is not None and 0 <= hit.stages.lexical <= 1
        assert hit.stages.fused is None and hit.stages.feedback is None


def test_pages_join_without_gap_or_repetition(searcher: Searcher) -> None:
    for diversity in (0.0, 0.4):
        whole = ids(searcher.search("segmentation", SearchOptions(top_k=42, diversity=diversity)))
        pages = [SearchOptions(top_k=10, offset=start, diversity=diversity) for start in range(0, 50, 10)]
        assert [identity for page in pages for identity in ids(searcher.search("segmentation", page))] == whole


def test_exhausted_tells_whether_anything_follows(searcher: Searcher) -> None:
    assert not searcher.search("text", SearchOptions(top_k=41)).exhausted
    assert searcher.search("text", SearchOptions(top_k=42)).exhausted
    assert searcher.search("text", SearchOptions(top_k=5, offset=42)).hits == ()


def test_filters_act_inside_the_search_so_that_hits_are_not_starved(searcher: Searcher, snapshot: Snapshot) -> None:
    chinese = searcher.search("drum music", SearchOptions(top_k=8, filters=Filters(languages=("zh",))))
    assert len(chinese.hits) == 8 == chinese.total
    assert {hit.paper.language for hit in chinese.hits} == {"zh"}
    source = "seeds/003_52b9f52a8772df75.txt"
    seen_there = searcher.search("drum music", SearchOptions(top_k=50, filters=Filters(sources=(source,))))
    assert len(seen_there.hits) == 10
    found = [snapshot.paper(hit.paper.id) for hit in seen_there.hits]
    assert all(source in [place.file for place in paper.sources] for paper in found)
    both = Filters(languages=("zh",), sources=(source,))
    assert len(searcher.search("drum music", SearchOptions(filters=both)).hits) == 2
    none = searcher.search("drum music", SearchOptions(filters=Filters(year_from=2020)))
    assert none.hits == () and none.total == 0 and none.exhausted


def test_id_lists_choose_and_exclude(searcher: Searcher) -> None:
    chosen = tuple(list(PARAPHRASES)[:5])
    found = ids(searcher.search("anything", SearchOptions(filters=Filters(ids=chosen, exclude_ids=chosen[:1]))))
    assert sorted(identity[:12] for identity in found) == sorted(chosen[1:])
    assert chosen[1] not in [
        i[:12] for i in ids(searcher.related(chosen[1], SearchOptions(filters=Filters(ids=chosen))))
    ]


def test_min_score_cuts_where_it_says(searcher: Searcher) -> None:
    whole = searcher.search("federated learning", ALL)
    cut = searcher.search("federated learning", SearchOptions(top_k=100, min_score=0.3))
    assert ids(cut) == [hit.paper.id for hit in whole.hits if hit.score >= 0.3]
    related = searcher.related(GHOST, SearchOptions(top_k=100, min_score=0.3))
    assert related.hits and all(hit.score >= 0.3 for hit in related.hits) and related.exhausted


def test_several_examples_pull_and_push(searcher: Searcher) -> None:
    federated, federated_compression, ghost = "b1b85e52abba", "a03e67ec1f72", GHOST
    results = searcher.related_to(positive=[federated, ghost], options=SearchOptions(top_k=3))
    assert federated_compression in [identity[:12] for identity in ids(results)]
    toward = searcher.related_to(positive=[ghost], texts=["federated learning"], options=ALL)
    away = searcher.related_to(positive=[ghost], negative=[federated], options=ALL)
    position = {
        name: [i[:12] for i in ids(r)].index(federated_compression) for name, r in (("to", toward), ("off", away))
    }
    assert position["to"] < position["off"]
    assert not {federated, ghost} & {identity[:12] for identity in ids(away)}


def test_contradicting_or_missing_examples_are_refused(searcher: Searcher) -> None:
    with pytest.raises(InvalidOption, match="both a positive and a negative"):
        searcher.related_to(positive=[GHOST], negative=[GHOST + "1ccb"[:0]], options=ALL)
    with pytest.raises(EmptyQuery, match="at least one positive"):
        searcher.related_to(negative=[GHOST], options=ALL)


def test_blank_questions_are_refused(searcher: Searcher) -> None:
    for blank in ("", "  \n", "…?!"):
        with pytest.raises(EmptyQuery):
            searcher.search(blank, ALL)


def test_unknown_and_short_ids_are_refused_with_advice(searcher: Searcher) -> None:
    for unknown in ("0" * 40, "DOI:10.1/none", "nonsense", "9bd7f14"):
        with pytest.raises(PaperNotFound, match="first 8 digits or more"):
            searcher.related(unknown, ALL)
    assert not issubclass(PaperNotFound, AmbiguousPaperId)


def test_diversity_changes_the_order_but_not_the_scores(searcher: Searcher) -> None:
    plain = {h.paper.id: h.score for h in searcher.search("quantization", ALL).hits}
    diverse = searcher.search("quantization", dataclasses.replace(ALL, diversity=0.5))
    assert ids(diverse)[0] == next(iter(plain)) and ids(diverse) != list(plain)
    assert {h.paper.id: h.score for h in diverse.hits} == pytest.approx(plain, abs=1e-5)


def test_why_quotes_the_sentences_that_match_best(searcher: Searcher) -> None:
    question = "I work on drums. Can a language model write a drum groove from MIDI files?"
    why = searcher.search(question, SearchOptions(top_k=1, why=True)).hits[0].why
    assert why is not None and "MIDI" in why.hit_sentence and why.query_sentence.startswith("Can a language model")
    related = searcher.related(GHOST, SearchOptions(top_k=3, why=True))
    ghost = searcher.snapshot.paper(GHOST).abstract
    for hit in related.hits:
        assert hit.why is not None and hit.why.query_sentence in ghost and hit.why.hit_sentence in hit.paper.abstract


@given(
    top_k=st.integers(1, 60),
    offset=st.integers(0, 60),
    diversity=st.sampled_from([0.0, 0.3, 1.0]),
    min_score=st.none() | st.floats(-1, 1),
    row=st.integers(0, 41),
    grouped=st.booleans(),
)
def test_hits_are_unique_ordered_and_never_the_paper_itself(
    searcher: Searcher,
    top_k: int,
    offset: int,
    diversity: float,
    min_score: float | None,
    row: int,
    grouped: bool,
) -> None:
    paper = searcher.snapshot.papers(row, 1)[0].id
    options = SearchOptions(
        top_k=top_k, offset=offset, diversity=diversity, min_score=min_score, group_duplicates=grouped
    )
    results = searcher.related(paper, options)
    found, scores = ids(results), [hit.score for hit in results.hits]
    relevance = [hit.stages.relevance for hit in results.hits]
    assert len(set(found)) == len(found) <= top_k and paper not in found
    assert diversity or relevance == sorted(relevance, reverse=True)
    assert min_score is None or all(score >= min_score for score in scores)
    assert min_score is not None or len(found) == max(0, min(top_k, 41 - offset))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"top_k": 0}, "top_k is 0"),
        ({"offset": -1}, "offset is -1"),
        ({"min_score": 2.0}, "min_score is 2.0"),
        ({"diversity": 1.5}, "diversity is 1.5"),
    ],
)
def test_options_out_of_range_are_named(wrong: dict[str, float], named: str) -> None:
    with pytest.raises(InvalidOption, match=named):
        SearchOptions(**wrong)  # type: ignore[arg-type]


def test_years_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(InvalidOption, match="swap them"):
        Filters(year_from=2020, year_to=2010)
