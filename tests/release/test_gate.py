"""A snapshot that answers too unlike the one that is served is not served, unless forced."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from embeddings.build.job import BuildOptions, build
from embeddings.release import gate, query_set
from embeddings.release.comparison import Thresholds
from embeddings.release.gate import REPORT
from embeddings.snapshots import publishing
from embeddings.snapshots.snapshot import FILES, MANIFEST, Manifest, Snapshot
from tests.conftest import SEEDS
from tests.evaluation.test_qrels import write_lines

ANYTHING = Thresholds(min_overlap=0, min_index_recall=0, max_missing_fraction=1, max_hit_loss=1)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The seeds; some of them; the seeds read by half. None is published."""
    folder = tmp_path_factory.mktemp("release")
    some = folder / "some"
    some.mkdir()
    for path in sorted(SEEDS.glob("*.txt"))[:4]:
        shutil.copy(path, some)
    options = BuildOptions(snapshots=folder / "snapshots", publish=False)
    ids = {
        "seeds": build([str(SEEDS)], options).manifest.snapshot,
        "some": build([str(some)], options).manifest.snapshot,
        "half": build([str(SEEDS)], dataclasses.replace(options, max_tokens=48)).manifest.snapshot,
    }
    return folder / "snapshots", ids


@pytest.fixture
def copy(built: tuple[Path, dict[str, str]], tmp_path: Path) -> tuple[Path, dict[str, str]]:
    return Path(shutil.copytree(built[0], tmp_path / "snapshots")), built[1]


def published(snapshots: Path, snapshot: str, thresholds: Thresholds | None = None, *, force: bool = False) -> bool:
    return gate.publish(snapshots, snapshot, thresholds or Thresholds(), force=force).served


def test_the_first_is_served_and_once_more_without_comparison(copy: tuple[Path, dict[str, str]]) -> None:
    snapshots, ids = copy
    for note in ("it is the first", "it is served already"):
        done = gate.publish(snapshots, ids["seeds"][:6], Thresholds())
        assert done.served and done.comparison is None and done.note == note
    assert not (snapshots / ids["seeds"] / REPORT).exists()


def test_growth_is_no_change(copy: tuple[Path, dict[str, str]]) -> None:
    snapshots, ids = copy
    published(snapshots, ids["some"])
    done = gate.publish(snapshots, ids["seeds"], Thresholds())
    assert done.served and done.comparison is not None
    found = done.comparison
    assert found.papers == {"before": 33, "after": 42, "came": 9, "went": 0}
    assert found.overall.overlap is not None and found.overall.overlap > 0.9
    assert found.overall.index_recall == 1.0 and set(found.by_language) == {"en", "zh"}


def test_lost_papers_are_refused_and_served_by_force(copy: tuple[Path, dict[str, str]]) -> None:
    snapshots, ids = copy
    published(snapshots, ids["seeds"])
    done = gate.publish(snapshots, ids["some"], Thresholds())
    assert not done.served and publishing.current(snapshots).snapshot == ids["seeds"]
    assert (
        "9 of 42 papers are gone (21%), --max-missing-fraction 0.10" in done.refusal_message()
        and "--force" in done.refusal_message()
    )
    assert json.loads((snapshots / ids["some"] / REPORT).read_text())["served"] is False
    assert published(snapshots, ids["some"], force=True)
    assert publishing.current(snapshots).snapshot == ids["some"]
    assert json.loads((snapshots / ids["some"] / REPORT).read_text())["served"] is True


def test_other_vectors_are_compared_each_by_its_own_encoder(copy: tuple[Path, dict[str, str]]) -> None:
    snapshots, ids = copy
    published(snapshots, ids["seeds"])
    done = gate.publish(snapshots, ids["half"], Thresholds(min_overlap=0.95))
    assert not done.served and done.comparison is not None
    found = done.comparison
    assert found.overall.compared == 84 and found.overall.overlap is not None and found.overall.overlap < 0.95
    assert found.worst[0].rank_biased_overlap <= found.worst[-1].rank_biased_overlap < 1
    assert any("--min-overlap 0.95" in failure for failure in found.failures)
    assert published(snapshots, ids["half"], Thresholds(min_overlap=0.3))


def test_without_the_old_encoder_papers_are_compared_all_the_same(copy: tuple[Path, dict[str, str]]) -> None:
    snapshots, ids = copy
    published(snapshots, ids["seeds"])
    shutil.rmtree(snapshots / publishing.VECTOR_CACHE)
    manifest = snapshots / ids["seeds"] / MANIFEST
    content = json.loads(manifest.read_text(encoding="utf-8"))
    content["encoder"] |= {"name": str(snapshots / "gone"), "fingerprint": "0" * 16}
    manifest.write_text(json.dumps(content), encoding="utf-8")
    (snapshots / "gone").mkdir()
    done = gate.publish(snapshots, ids["half"], ANYTHING)
    assert done.served and done.comparison is not None
    assert done.comparison.overall.compared == 42 and done.comparison.overall.queries == 84
    assert any("was asked no texts" in note and "safetensors" in note for note in done.comparison.notes)


def test_a_snapshot_of_another_format_is_not_compared(copy: tuple[Path, dict[str, str]]) -> None:
    snapshots, ids = copy
    published(snapshots, ids["seeds"])
    manifest = snapshots / ids["seeds"] / MANIFEST
    content = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps({**content, "format_version": 0}), encoding="utf-8")
    done = gate.publish(snapshots, ids["some"], Thresholds())
    assert done.served and done.comparison is None and "snapshot format 0" in done.note


def test_saved_questions_with_answers_guard_the_first_hit(copy: tuple[Path, dict[str, str]]) -> None:
    snapshots, ids = copy
    published(snapshots, ids["seeds"])
    opened = Snapshot.open(snapshots / ids["seeds"])
    papers = opened.papers(0, 12)
    opened.close()
    # The last answer is wrong on purpose, and the last paper is unknown
    rows: list[dict[str, object]] = [{"text": paper.abstract[:150], "paper": paper.id[:10]} for paper in papers[:11]]
    rows += [{"text": papers[11].abstract, "paper": papers[0].id}, {"paper": papers[1].id}, {"paper": "f" * 40}]
    query_set.add(snapshots, write_lines(snapshots / "more.jsonl", rows))
    done = gate.publish(snapshots, ids["half"], Thresholds(min_overlap=0))
    assert done.comparison is not None
    found = done.comparison
    assert found.asked == "saved" and found.overall.queries == 13 and found.overall.known_items == 12
    assert found.overall.hit_before == pytest.approx(11 / 12, abs=1e-4)
    assert found.notes == ("1 queries are about papers that one of the two does not hold",)


def test_questions_by_paper_alone_load_no_model(copy: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    snapshots, ids = copy
    opened = Snapshot.open(snapshots / ids["seeds"])
    query_set.add(snapshots, write_lines(tmp_path / "q.jsonl", [{"paper": paper.id} for paper in opened.papers(0, 5)]))
    opened.close()
    published(snapshots, ids["seeds"])
    shutil.rmtree(snapshots / publishing.VECTOR_CACHE)
    found = gate.publish(snapshots, ids["half"], ANYTHING).comparison
    assert found is not None and found.overall.compared == 5
    fingerprint = Manifest.read(snapshots / ids["half"]).encoder.fingerprint
    assert list((snapshots / publishing.VECTOR_CACHE).glob(f"{fingerprint}*.db"))


def test_the_report_is_no_part_of_the_snapshot(copy: tuple[Path, dict[str, str]]) -> None:
    snapshots, ids = copy
    published(snapshots, ids["some"])
    assert published(snapshots, ids["seeds"])
    assert (snapshots / ids["seeds"] / REPORT).is_file() and REPORT not in FILES
    Snapshot.open(snapshots / ids["seeds"], verify=True).close()
    assert publishing.rollback(snapshots).snapshot == ids["some"]  # without a gate
    assert set(publishing.prune(snapshots, keep=0)) == {ids["seeds"], ids["half"]}
    assert not (snapshots / ids["seeds"]).exists()


def test_a_build_that_is_refused_stays_unserved(tmp_path: Path) -> None:
    options = BuildOptions(snapshots=tmp_path / "snapshots")
    first = build([str(SEEDS)], options)
    one = str(sorted(SEEDS.glob("*.txt"))[0])
    refused = build([one], options)
    assert first.published and not refused.published and refused.release is not None
    assert publishing.current(options.snapshots).snapshot == first.manifest.snapshot
    assert Snapshot.open(refused.folder, verify=True).id == refused.manifest.snapshot
    assert build([one], dataclasses.replace(options, force=True)).published
