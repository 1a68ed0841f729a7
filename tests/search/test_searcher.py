"""The right papers, in the right order, and never the one asked about."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.paraphrases import PARAPHRASES
from embeddings.encoders.encoder import Encoder
from embeddings.encoders.encoder_info import Encoded
from embeddings.errors import AmbiguousPaperId, EmptyQuery, InvalidOption, PaperNotFound
from embeddings.queries import Filters, HitField, Mode, Results, SearchOptions
from embeddings.ranking.stage_names import OPTIONAL, StageName
from embeddings.search import results_json
from embeddings.search.searcher import Searcher
from embeddings.snapshots.snapshot import Snapshot

GHOST = "9bd7f146d121"
ALL = SearchOptions(top_k=100)
EVERY_STAGE = OPTIONAL


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


def test_dense_scores_are_cosines_highest_first(searcher: Searcher, snapshot: Snapshot, encoder: Encoder) -> None:
    results = searcher.search("graph networks", dataclasses.replace(ALL, mode=Mode.DENSE))
    query = encoder.encode_queries(["graph networks"]).embeddings[0]
    expected = np.sort(np.asarray(snapshot.embeddings) @ query)[::-1]
    np.testing.assert_allclose([hit.similarity for hit in results.hits], expected, atol=1e-5)
    np.testing.assert_allclose([hit.score for hit in results.hits], np.clip(expected, 0, 1), atol=1e-5)
    assert results.total == 42 and results.exhausted
    assert results.query is not None and (results.query.tokens_seen, results.query.language) == (2, "en")


def test_hits_are_in_descending_score_in_every_mode(searcher: Searcher) -> None:
    question = "quantization of object detectors for aerial images"
    for mode in Mode:
        results = searcher.search(question, dataclasses.replace(ALL, mode=mode))
        scores = [hit.score for hit in results.hits]
        assert scores == sorted(scores, reverse=True) and results.exhausted
        assert all(0 <= score <= 1 for score in scores)
        assert all(hit.similarity == pytest.approx(hit.stages["dense"], abs=1e-6) for hit in results.hits)
        if mode is Mode.LEXICAL:
            lexical = [hit.stages["lexical"] or 0 for hit in results.hits]
            assert lexical == sorted(lexical, reverse=True) and 0 < len(results.hits) < 42
        else:
            assert len(results.hits) == 42
    assert ids(searcher.search(question, SearchOptions(mode=Mode.LEXICAL)))[0].startswith(GHOST)


def test_without_its_stages_hybrid_is_dense(searcher: Searcher) -> None:
    not_words = tuple(stage for stage in EVERY_STAGE if stage is not StageName.LEXICAL)
    for question, without in (("zzyzx", not_words), ("drum music", EVERY_STAGE)):
        bare = dataclasses.replace(ALL, without=without)
        hybrid, dense = (
            searcher.search(question, dataclasses.replace(bare, mode=m)) for m in (Mode.HYBRID, Mode.DENSE)
        )
        assert ids(hybrid) == ids(dense)
        similarities = [hit.similarity for hit in dense.hits]
        assert [hit.similarity for hit in hybrid.hits] == pytest.approx(similarities, abs=1e-6)
    assert searcher.search("zzyzx", SearchOptions(mode=Mode.LEXICAL)).hits == ()


def test_each_stage_has_a_score_unless_it_is_left_out(searcher: Searcher) -> None:
    lists: list[tuple[StageName, ...]] = [(), *((stage,) for stage in OPTIONAL), EVERY_STAGE]
    for without in lists:
        asked = dataclasses.replace(ALL, without=without, filters=Filters(language=("en",)))
        hits = searcher.search("quantization of detectors", asked).hits
        assert len(hits) == 34
        for stage in (StageName.LEXICAL, StageName.FEEDBACK, StageName.FUSION, StageName.SMOOTHING):
            assert all((stage in hit.stages) == (stage not in without) for hit in hits)
        assert all(hit.stages.get("title") is None for hit in hits)  # the seeds have no titles
        same = [max(0, hit.stages["fusion"] or 0) == pytest.approx(hit.score, abs=1e-7) for hit in hits]
        assert all(same) if StageName.SMOOTHING in without else not all(same)


def test_smoothing_is_skipped_where_languages_are_mixed(searcher: Searcher) -> None:
    hits = searcher.search("quantization of detectors", ALL).hits  # a fifth of the seeds is Chinese
    assert all("smoothing" not in hit.stages and "feedback" in hit.stages for hit in hits)
    assert [hit.score for hit in hits] == pytest.approx([hit.stages["fusion"] for hit in hits], abs=1e-6)


def test_stages_that_do_not_exist_or_cannot_be_left_out_are_refused() -> None:
    with pytest.raises(InvalidOption, match="fusion cannot be left out"):
        SearchOptions(without=(StageName.FUSION,))


def test_stages_do_not_touch_the_other_modes(searcher: Searcher) -> None:
    for mode in (Mode.DENSE, Mode.LEXICAL):
        asked = dataclasses.replace(ALL, mode=mode)
        bare = dataclasses.replace(asked, without=EVERY_STAGE)
        assert searcher.search("image segmentation", asked) == searcher.search("image segmentation", bare)


def test_words_find_what_meaning_misses(searcher: Searcher) -> None:
    chinese = searcher.search("混合精度量化", SearchOptions(top_k=1)).hits[0].paper
    assert chinese.id.startswith("2c5523d67562") and chinese.language == "zh"


def test_a_stored_page_shows_what_the_stored_hits_are(searcher: Searcher, snapshot: Snapshot) -> None:
    for paper in snapshot.papers(0, 100):
        for top_k, offset in ((10, 0), (3, 5), (1, 39), (40, 0)):
            page, usual = searcher.stored_page(paper.id, top_k, offset), SearchOptions(top_k=top_k, offset=offset)
            results = searcher.stored(paper.id, usual)
            assert results is not None and page is not None
            answer = results_json.to_json(results_json.answer(snapshot.id, results, usual))
            assert results_json.stored_page(snapshot.id, page) == answer
            assert not results.exhausted
    # At the end of the stored hits, and beyond, the usual way answers
    for top_k, offset in ((41, 0), (10, 35), (1, 99)):
        assert searcher.stored_page(paper.id, top_k, offset) is None
    with pytest.raises(PaperNotFound):
        searcher.stored_page("ffffffff", 10, 0)


def test_plain_options_ask_for_a_page_and_nothing_else() -> None:
    assert SearchOptions().plain and SearchOptions(top_k=3, offset=5).plain
    changed: list[dict[str, Any]] = [
        {"min_score": 0.1},
        {"min_similarity": 0.0},
        {"min_probability": 0.0},
        {"diversity": 0.1},
        {"group_duplicates": True},
        {"why": True},
        {"explain": True},
        {"fields": (HitField.LABEL,)},
        {"without": (StageName.TITLE,)},
        {"filters": Filters(year_to=1)},
    ]
    assert not any(dataclasses.replace(SearchOptions(), **change).plain for change in changed)


def test_related_papers_are_the_exact_neighbours_without_the_paper_itself(snapshot: Snapshot) -> None:
    without_model = Searcher(snapshot, no_model)
    embeddings = np.asarray(snapshot.embeddings)
    for row, paper in enumerate(snapshot.papers(0, 100)):
        results = without_model.related(paper.id, dataclasses.replace(ALL, without=EVERY_STAGE))
        expected = np.delete(embeddings @ embeddings[row], row)
        np.testing.assert_allclose([hit.similarity for hit in results.hits], -np.sort(-expected), atol=1e-5)
        assert paper.id not in ids(results)


def test_stored_neighbours_and_search_agree(searcher: Searcher, snapshot: Snapshot) -> None:
    everything = Filters(language=("en", "zh"))  # admits all, but has to be searched
    explained = SearchOptions(top_k=20, explain=True)
    for paper in snapshot.papers(0, 100):
        one = searcher.related(paper.id, explained)
        assert searcher.stored(paper.id, explained) == one
        other = searcher.related(paper.id, dataclasses.replace(explained, filters=everything))
        assert ids(one) == ids(other) == ids(searcher.related_to(positive=[paper.id], options=SearchOptions(top_k=20)))
        for mine, theirs in zip(one.hits, other.hits, strict=True):
            assert mine.stages.keys() == theirs.stages.keys() >= {"dense", "lexical", "fusion", "smoothing"}
            for name, value in mine.stages.items():
                assert value == pytest.approx(theirs.stages[name], abs=1e-5), name
            assert mine.score == pytest.approx(theirs.score, abs=1e-5)


def test_common_words_bring_papers_nearer_to_a_paper(searcher: Searcher) -> None:
    hits = searcher.related(GHOST, dataclasses.replace(ALL, explain=True)).hits
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    for hit in hits:
        assert 0 <= (hit.stages["lexical"] or 0) <= 1 and "feedback" not in hit.stages
    bare = searcher.related(GHOST, dataclasses.replace(ALL, without=(StageName.LEXICAL,))).hits
    assert [hit.paper.id for hit in bare] != [hit.paper.id for hit in hits]


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
    chinese = searcher.search("drum music", SearchOptions(top_k=8, filters=Filters(language=("zh",))))
    assert len(chinese.hits) == 8 == chinese.total
    assert {hit.paper.language for hit in chinese.hits} == {"zh"}
    source = "seeds/003_52b9f52a8772df75.txt"
    seen_there = searcher.search("drum music", SearchOptions(top_k=50, filters=Filters(source=(source,))))
    assert len(seen_there.hits) == 10
    found = [snapshot.paper(hit.paper.id) for hit in seen_there.hits]
    assert all(source in [place.file for place in paper.sources] for paper in found)
    both = Filters(language=("zh",), source=(source,))
    assert len(searcher.search("drum music", SearchOptions(filters=both)).hits) == 2
    none = searcher.search("drum music", SearchOptions(filters=Filters(year_from=2020)))
    assert none.hits == () and none.total == 0 and none.exhausted


def test_id_lists_choose_and_exclude(searcher: Searcher) -> None:
    chosen = tuple(list(PARAPHRASES)[:5])
    found = ids(searcher.search("anything", SearchOptions(filters=Filters(id=chosen, exclude_id=chosen[:1]))))
    assert sorted(identity[:12] for identity in found) == sorted(chosen[1:])
    assert chosen[1] not in [
        i[:12] for i in ids(searcher.related(chosen[1], SearchOptions(filters=Filters(id=chosen))))
    ]


@pytest.mark.parametrize(("option", "value"), [("min_score", 0.1), ("min_similarity", 0.3)])
def test_least_values_cut_where_they_say(searcher: Searcher, option: str, value: float) -> None:
    changed: dict[str, Any] = {option: value}
    name = option.removeprefix("min_")
    whole = searcher.search("federated learning", ALL)
    cut = searcher.search("federated learning", dataclasses.replace(ALL, **changed))
    assert ids(cut) == [hit.paper.id for hit in whole.hits if getattr(hit, name) >= value]
    assert 0 < len(cut.hits) < len(whole.hits)
    related = searcher.related(GHOST, dataclasses.replace(ALL, **changed))
    assert related.hits and all(getattr(hit, name) >= value for hit in related.hits) and related.exhausted


def test_hits_show_the_fields_that_are_asked_for(searcher: Searcher, snapshot: Snapshot) -> None:
    options = SearchOptions(top_k=2, fields=(HitField.LABEL, HitField.ABSTRACT))
    results = searcher.search("federated learning", options)
    for hit, shown in zip(results.hits, results_json.answer(snapshot.id, results, options)["hits"], strict=True):
        assert set(shown) == {"id", "score", "similarity", "probability", "label", "abstract"}
        assert shown["abstract"] == snapshot.paper(hit.paper.id).abstract
    usual = results_json.answer(snapshot.id, searcher.search("federated learning", SearchOptions()), SearchOptions())
    assert {"id", "title", "label", "language"} < set(usual["hits"][0]) and "abstract" not in usual["hits"][0]


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


def test_diversity_changes_order_and_scores_but_neither_similarity_nor_probability(searcher: Searcher) -> None:
    plain = {h.paper.id: h for h in searcher.search("quantization", ALL).hits}
    diverse = searcher.search("quantization", dataclasses.replace(ALL, diversity=0.5))
    assert ids(diverse)[0] == next(iter(plain)) and ids(diverse) != list(plain)
    scores = [hit.score for hit in diverse.hits]
    assert scores == sorted(scores, reverse=True)
    for hit in diverse.hits:
        assert hit.similarity == pytest.approx(plain[hit.paper.id].similarity, abs=1e-6)
        assert hit.probability == pytest.approx(plain[hit.paper.id].probability, abs=0.001)  # of three digits


def test_examples_are_compared_by_words_too(searcher: Searcher) -> None:
    results = searcher.related_to(positive=[GHOST, "b1b85e52abba"], options=dataclasses.replace(ALL, explain=True))
    words = [hit.stages["lexical"] or 0 for hit in results.hits]
    assert max(words) > 0 and all(0 <= each <= 1 for each in words)
    scores = [hit.score for hit in results.hits]
    assert scores == sorted(scores, reverse=True)


def test_why_quotes_the_sentences_that_match_best(searcher: Searcher) -> None:
    question = "I work on drums. Can a language model write a drum groove from MIDI files?"
    why = searcher.search(question, SearchOptions(top_k=1, why=True)).hits[0].highlight
    assert why is not None and "MIDI" in why.hit_sentence and why.query_sentence.startswith("Can a language model")
    related = searcher.related(GHOST, SearchOptions(top_k=3, why=True))
    ghost = searcher.snapshot.paper(GHOST).abstract
    for hit in related.hits:
        assert hit.highlight is not None and hit.highlight.query_sentence in ghost
        assert hit.highlight.hit_sentence in searcher.snapshot.paper(hit.paper.id).abstract


@given(
    top_k=st.integers(1, 60),
    offset=st.integers(0, 60),
    diversity=st.sampled_from([0.0, 0.3, 1.0]),
    min_similarity=st.none() | st.floats(-1, 1),
    row=st.integers(0, 41),
    grouped=st.booleans(),
)
def test_hits_are_unique_ordered_and_never_the_paper_itself(
    searcher: Searcher,
    top_k: int,
    offset: int,
    diversity: float,
    min_similarity: float | None,
    row: int,
    grouped: bool,
) -> None:
    paper = searcher.snapshot.papers(row, 1)[0].id
    options = SearchOptions(
        top_k=top_k, offset=offset, diversity=diversity, min_similarity=min_similarity, group_duplicates=grouped
    )
    results = searcher.related(paper, options)
    found, scores = ids(results), [hit.score for hit in results.hits]
    assert len(set(found)) == len(found) <= top_k and paper not in found
    assert scores == sorted(scores, reverse=True)
    assert min_similarity is None or all(hit.similarity >= min_similarity for hit in results.hits)
    assert min_similarity is not None or len(found) == max(0, min(top_k, 41 - offset))


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
