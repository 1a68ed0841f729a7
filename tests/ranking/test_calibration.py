"""Probabilities: in the order of relevance, fitted as the textbook says, cutting the list where they say."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from benchmarks.off_topic import FAR_CHINESE, FAR_ENGLISH
from benchmarks.paraphrases import PARAPHRASES
from embeddings.build.job import BuildOptions, build
from embeddings.encoders.backends.base import Precision
from embeddings.errors import InvalidOption, QrelsError, SnapshotError
from embeddings.evaluation.calibration import calibrate, labelled_results
from embeddings.evaluation.qrels import Qrels, Query
from embeddings.evaluation.qrels_files import read_known_items
from embeddings.queries import Filters, Mode, Results, Scale, SearchOptions
from embeddings.ranking import calibration_file
from embeddings.ranking.calibration import (
    EMBEDDED,
    Answered,
    Calibration,
    Curve,
    calibration_error,
    fit,
    log_loss,
    of_encoder,
    reliability,
)
from embeddings.ranking.stage_names import StageName
from embeddings.search.query_encoder import QueryEncoder
from embeddings.search.searcher import Searcher
from embeddings.snapshots.manifest import Manifest
from embeddings.snapshots.snapshot import Snapshot

GHOST = "9bd7f146d121"
ITEMS = Path(__file__).parent.parent.parent / "benchmarks" / "known_items" / "seeds.jsonl"

relevances = st.lists(st.floats(-2, 2), min_size=1, max_size=30).map(lambda values: np.array(sorted(values)[::-1]))
curves = st.builds(Curve, st.floats(0.01, 100), st.floats(-50, 50), st.just(0.0))


def ids(results: Results) -> list[str]:
    return [hit.paper.id for hit in results.hits]


@given(curve=curves, relevance=relevances)
def test_probability_is_within_0_and_1_and_never_falls_as_relevance_rises(curve: Curve, relevance: np.ndarray) -> None:
    found = curve.probability(relevance)
    assert (found > 0).all() and (found < 1).all()
    assert (np.diff(found) <= 0).all()


@pytest.mark.parametrize("slope", [0.0, -1.0, float("nan")])
def test_a_curve_that_turns_the_order_round_is_refused(slope: float) -> None:
    with pytest.raises(ValueError, match="slope"):
        Curve(slope, 0, 0.5)


def simulated(questions: int, slope: float, intercept: float, rng_seed: int) -> list[Answered]:
    """Answers whose hits are related as a curve says."""
    rng = np.random.default_rng(rng_seed)
    made = []
    for _ in range(questions):
        relevance = np.sort(rng.uniform(-0.2, 1, 100))[::-1]
        p = 1 / (1 + np.exp(-(slope * relevance + intercept)))
        made.append(Answered(relevance, rng.uniform(size=100) < p))
    return made


def test_fitting_finds_the_curve_that_made_the_answers() -> None:
    answers = simulated(300, 12, -6, rng_seed=1)
    curve = fit([answers])
    assert curve.slope == pytest.approx(12, rel=0.05) and curve.intercept == pytest.approx(-6, rel=0.05)
    bins = reliability(curve, answers)
    assert calibration_error(bins) < 0.02
    assert sum(each.weight for each in bins) == pytest.approx(1)


def test_fitting_agrees_with_a_general_minimiser_and_every_group_counts_alike() -> None:
    many, few = simulated(60, 12, -6, rng_seed=2), simulated(5, 30, -20, rng_seed=3)

    def loss(theta: np.ndarray) -> float:
        losses = []
        for group in (many, few):
            z = np.concatenate([theta[0] * answer.relevance + theta[1] for answer in group])
            related = np.concatenate([answer.related for answer in group])
            losses.append(np.mean(np.logaddexp(0, z) - related * z))
        return float(np.mean(losses))

    slope, intercept = minimize(loss, np.array([1.0, 0.0])).x
    curve = fit([many, few])
    assert curve.slope == pytest.approx(slope, abs=0.01) and curve.intercept == pytest.approx(intercept, abs=0.01)


def test_found_lets_nearly_all_questions_with_an_answer_pass() -> None:
    answers = simulated(300, 12, -6, rng_seed=4)
    curve = fit([answers])
    best = np.array([answer.relevance[0] for answer in answers])
    assert 0.97 <= (best >= curve.found).mean() < 1


def test_log_loss_is_least_where_it_was_fitted() -> None:
    answers = simulated(100, 12, -6, rng_seed=5)
    curve = fit([answers])
    for other in (Curve(curve.slope * 1.5, curve.intercept, 0.1), Curve(curve.slope, curve.intercept - 1, 0.1)):
        assert log_loss(other, answers) > log_loss(curve, answers)


@pytest.mark.parametrize(("related", "named"), [([False, False], "no hit"), ([True, True], "every hit")])
def test_nothing_is_learnt_from_answers_that_are_all_alike(related: list[bool], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        fit([[Answered(np.array([0.5, 0.1]), np.array(related))]])


def test_nothing_is_learnt_where_the_worse_hits_are_the_related_ones() -> None:
    with pytest.raises(ValueError, match="not the more related"):
        fit([[Answered(np.array([0.5, 0.4, 0.1]), np.array([False, True, True]))]])


@pytest.mark.parametrize(("mode", "least"), [(Mode.HYBRID, 33), (Mode.DENSE, 32)])
def test_for_nearly_every_paraphrase_something_is_found(searcher: Searcher, mode: Mode, least: int) -> None:
    options = SearchOptions(top_k=1, mode=mode)
    assert sum(bool(searcher.search(text, options).found) for text in PARAPHRASES.values()) >= least


@pytest.mark.parametrize("mode", [Mode.HYBRID, Mode.DENSE])
def test_for_no_far_question_anything_is_found(searcher: Searcher, mode: Mode) -> None:
    for text in (*FAR_ENGLISH, *FAR_CHINESE):
        assert searcher.search(text, SearchOptions(top_k=1, mode=mode)).found is False, text


def test_for_nearly_every_known_item_something_is_found(searcher: Searcher) -> None:
    questions = [question.text or "" for question in read_known_items(ITEMS).queries]
    found = [searcher.search(text, SearchOptions(top_k=1)).found for text in questions]
    assert sum(map(bool, found)) >= 82 and len(found) == 84


ASKED: dict[str, Callable[[Searcher, SearchOptions], Results]] = {
    "a text": lambda searcher, options: searcher.search("federated learning", options),
    "a text by meaning": lambda searcher, options: searcher.search(
        "federated learning", dataclasses.replace(options, mode=Mode.DENSE)
    ),
    "a paper": lambda searcher, options: searcher.related(GHOST, options),
    "a paper with filters": lambda searcher, options: searcher.related(
        GHOST, dataclasses.replace(options, filters=Filters(language=("en",)))
    ),
    "English papers": lambda searcher, options: searcher.search(
        "federated learning", dataclasses.replace(options, filters=Filters(language=("en",)))
    ),
}


@pytest.mark.parametrize("kind", ASKED)
@settings(max_examples=20, deadline=None)
@given(least=st.floats(0, 1), offset=st.integers(0, 20), top_k=st.integers(1, 60), grouped=st.booleans())
def test_min_probability_cuts_the_list_where_it_says(
    searcher: Searcher, kind: str, least: float, offset: int, top_k: int, grouped: bool
) -> None:
    ask = ASKED[kind]
    whole = ask(searcher, SearchOptions(top_k=100, group_duplicates=grouped))
    kept = [hit.paper.id for hit in whole.hits if (hit.probability or 0) >= least]
    cut = ask(
        searcher,
        SearchOptions(top_k=top_k, offset=offset, min_probability=least, group_duplicates=grouped),
    )
    assert ids(cut) == kept[offset : offset + top_k]
    assert cut.exhausted == (offset + top_k >= len(kept))
    probabilities = [hit.probability or 0 for hit in whole.hits]
    assert all(0 < probability < 1 for probability in probabilities)
    assert probabilities == sorted(probabilities, reverse=True)


def test_what_is_found_is_the_same_on_every_page_and_in_every_order(searcher: Searcher) -> None:
    for text in ("federated learning", FAR_ENGLISH[0]):
        first = searcher.search(text, SearchOptions(top_k=3))
        for options in (SearchOptions(top_k=3, offset=30), SearchOptions(top_k=3, diversity=0.7)):
            assert searcher.search(text, options).found == first.found is not None


def test_among_no_papers_nothing_is_found(searcher: Searcher) -> None:
    assert searcher.search("federated learning", SearchOptions(filters=Filters(year_from=2020))).found is False
    assert searcher.search("federated learning", SearchOptions(min_probability=1)).found is False


@pytest.mark.parametrize(
    "options",
    [SearchOptions(mode=Mode.LEXICAL), SearchOptions(without=(StageName.LEXICAL,))],
    ids=["by words alone", "without a stage"],
)
def test_what_is_not_calibrated_has_no_probability_and_cannot_be_cut_by_it(
    searcher: Searcher, options: SearchOptions
) -> None:
    results = searcher.search("federated learning", options)
    assert results.found is None and all(hit.probability is None for hit in results.hits)
    with pytest.raises(InvalidOption, match="use min_score"):
        searcher.search("federated learning", dataclasses.replace(options, min_probability=0.5))


def test_several_examples_have_a_probability(searcher: Searcher) -> None:
    results = searcher.related_to(positive=[GHOST], texts=["radar"], options=SearchOptions())
    assert results.scale is Scale.PAPER and results.found is not None
    probabilities = [hit.probability or 0 for hit in results.hits]
    assert all(0 < each < 1 for each in probabilities) and probabilities == sorted(probabilities, reverse=True)


def test_the_embedded_calibration_is_of_the_embedded_models_alone(snapshot: Snapshot) -> None:
    info = snapshot.manifest.encoder
    assert of_encoder(info) == snapshot.manifest.calibration == EMBEDDED
    assert of_encoder(dataclasses.replace(info, name="intfloat/e5-small")) is None
    assert of_encoder(dataclasses.replace(info, max_tokens=64)) is None


@pytest.fixture(scope="module")
def uncalibrated(snapshots: Path, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """The seeds' snapshot as of a model that nobody calibrated."""
    copy = tmp_path_factory.mktemp("uncalibrated") / "copy"
    shutil.copytree(next(path.parent for path in snapshots.glob("*/manifest.json")), copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, "calibration": None}))
    return Snapshot.open(copy)


def test_without_a_calibration_probability_is_unknown_and_refused(uncalibrated: Snapshot) -> None:
    searcher = Searcher(uncalibrated, QueryEncoder(uncalibrated))
    results = searcher.related(GHOST, SearchOptions(top_k=3))
    assert results.found is None and [hit.probability for hit in results.hits] == [None] * 3
    with pytest.raises(InvalidOption, match="related-papers calibrate"):
        searcher.related(GHOST, SearchOptions(min_probability=0.5))


def test_a_broken_calibration_in_a_manifest_is_named(uncalibrated: Snapshot) -> None:
    path = uncalibrated.folder / "manifest.json"
    before = path.read_text()
    try:
        path.write_text(json.dumps({**json.loads(before), "calibration": {"text": {"slope": -1}}}))
        with pytest.raises(SnapshotError, match="not a manifest"):
            Manifest.read(uncalibrated.folder)
    finally:
        path.write_text(before)


@pytest.fixture(scope="module")
def fitted(searcher: Searcher, snapshot: Snapshot) -> Calibration:
    found, answers = calibrate(snapshot, QueryEncoder(snapshot), [read_known_items(ITEMS)])
    assert found.fused is not None and found.dense is not None
    assert found.text is None and found.paper is None  # two languages, and each question has one paper
    (group,) = answers.values()
    assert sum(map(len, group.values())) == 2 * 84
    return found


def test_a_calibration_is_fitted_written_read_and_built_into_a_snapshot(
    fitted: Calibration, snapshots: Path, snapshot: Snapshot, tmp_path: Path
) -> None:
    calibration_file.write(tmp_path / "mine.json", fitted)
    assert calibration_file.read(tmp_path / "mine.json") == fitted
    options = BuildOptions(snapshots=tmp_path / "snapshots", calibration=fitted, publish=False, precision=Precision.F32)
    seeds = str(Path(__file__).parent.parent.parent / "seeds")
    report = build([seeds], options)
    assert Snapshot.open(report.folder).manifest.calibration == fitted
    assert report.manifest.snapshot != snapshot.id and report.manifest.checksums == snapshot.manifest.checksums


def test_papers_relevant_to_one_question_are_taken_for_related(searcher: Searcher, snapshot: Snapshot) -> None:
    one, two, three = (snapshot.paper(beginning).id for beginning in list(PARAPHRASES)[:3])
    judged = Qrels(
        name="made",
        queries=(Query(id="a", text="segmentation"), Query(id="b", paper=three)),
        grades={"a": {one: 1, two: 2, three: 0}, "b": {one: 1}},
    )
    asked = labelled_results(snapshot, QueryEncoder(snapshot), judged)[Scale.PAPER]
    assert [int(each.related.sum()) for each in asked] == [1, 1, 1]
    assert {len(each.relevance) for each in asked} == {41}


def test_nothing_to_learn_is_said(snapshot: Snapshot) -> None:
    one = snapshot.paper(GHOST).id
    judged = Qrels(name="none", queries=(Query(id="a", paper=one),), grades={"a": {snapshot.paper("86affd4c").id: 0}})
    with pytest.raises(QrelsError, match="no curve can be fitted to none"):
        calibrate(snapshot, QueryEncoder(snapshot), [judged])


@pytest.mark.parametrize(
    "content", ["", "[]", '{"text": {"slope": 0, "intercept": 0, "found": 0}}', '{"lexical": null}']
)
def test_another_file_is_no_calibration(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(InvalidOption, match="related-papers calibrate writes one"):
        calibration_file.read(tmp_path / "x.json")
    with pytest.raises(InvalidOption, match="cannot be read"):
        calibration_file.read(tmp_path / "absent.json")
