"""A snapshot that fails a threshold of the release gate is not served, unless forced."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from embeddings.build.job import BuildOptions, build
from embeddings.release import gate, query_set
from embeddings.release.comparison import PaperCounts, Thresholds
from embeddings.release.gate import REPORT
from embeddings.snapshots.folder import VECTOR_CACHE, FolderSource
from embeddings.snapshots.manifest import MANIFEST, Manifest
from embeddings.snapshots.snapshot import FILES, Snapshot
from tests.conftest import SEEDS
from tests.evaluation.test_qrels import write_lines

NO_LIMITS = Thresholds(min_overlap=0, min_index_recall=0, max_missing_fraction=1, max_hit_loss=1)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Three unpublished snapshots: all seeds; some of them; all seeds, truncated to 48 tokens."""
    folder = tmp_path_factory.mktemp("release")
    some = folder / "some"
    some.mkdir()
    for path in sorted(SEEDS.glob("*.txt"))[:4]:
        shutil.copy(path, some)
    options = BuildOptions(snapshots=folder / "snapshots", publish=False)
    ids = {
        "seeds": build([str(SEEDS)], options).manifest.snapshot,
        "some": build([str(some)], options).manifest.snapshot,
        "truncated": build([str(SEEDS)], dataclasses.replace(options, max_tokens=48)).manifest.snapshot,
    }
    return folder / "snapshots", ids


@pytest.fixture
def copy(built: tuple[Path, dict[str, str]], tmp_path: Path) -> tuple[Path, dict[str, str]]:
    return Path(shutil.copytree(built[0], tmp_path / "snapshots")), built[1]


def published(snapshots: Path, snapshot: str, thresholds: Thresholds | None = None, *, force: bool = False) -> bool:
    return gate.publish(snapshots, snapshot, thresholds or Thresholds(), force=force).served


def test_the_first_snapshot_is_served_without_comparison_and_publishing_it_again_too(
    copy: tuple[Path, dict[str, str]],
) -> None:
    snapshots, ids = copy
    for note in ("no snapshot was served before", "the snapshot is already served"):
        done = gate.publish(snapshots, ids["seeds"][:6], Thresholds())
        assert done.served and done.comparison is None and done.note == note
    assert not (snapshots / ids["seeds"] / REPORT).exists()


def test_added_papers_do_not_lower_the_overlap(copy: tuple[Path, dict[str, str]]) -> None:
    snapshots, ids = copy
    published(snapshots, ids["some"])
    done = gate.publish(snapshots, ids["seeds"], Thresholds())
    assert done.served and done.comparison is not None
    found = done.comparison
    assert found.papers == PaperCounts(before=33, after=42, added=9, removed=0)
    assert found.overall.overlap is not None and found.overall.overlap > 0.9
    assert found.overall.index_recall == 1.0 and set(found.by_language) == {"en", "zh"}


def test_a_snapshot_without_some_papers_is_refused_unless_forced(copy: tuple[Path, dict[str, str]]) -> None:
    snapshots, ids = copy
    published(snapshots, ids["seeds"])
    done = gate.publish(snapshots, ids["some"], Thresholds())
    assert not done.served and FolderSource(snapshots).current().snapshot == ids["seeds"]
    assert (
        "9 of 42 papers are missing (21%), more than --max-missing-fraction 0.10" in done.refusal_message()
        and "--force" in done.refusal_message()
    )
    assert json.loads((snapshots / ids["some"] / REPORT).read_text())["served"] is False
    assert published(snapshots, ids["some"], force=True)
    assert FolderSource(snapshots).current().snapshot == ids["some"]
    assert json.loads((snapshots / ids["some"] / REPORT).read_text())["served"] is True


def test_each_snapshot_is_searched_with_its_own_encoder(copy: tuple[Path, dict[str, str]]) -> None:
    snapshots, ids = copy
    published(snapshots, ids["seeds"])
    done = gate.publish(snapshots, ids["truncated"], Thresholds(min_overlap=0.95))
    assert not done.served and done.comparison is not None
    found = done.comparison
    assert found.overall.compared == 84 and found.overall.overlap is not None and found.overall.overlap < 0.95
    assert found.most_changed[0].rank_biased_overlap <= found.most_changed[-1].rank_biased_overlap < 1
    assert any("--min-overlap 0.95" in failure for failure in found.failures)
    assert published(snapshots, ids["truncated"], Thresholds(min_overlap=0.3))


def test_without_the_served_encoder_only_queries_by_paper_are_compared(copy: tuple[Path, dict[str, str]]) -> None:
    snapshots, ids = copy
    published(snapshots, ids["seeds"])
    shutil.rmtree(snapshots / VECTOR_CACHE)
    manifest = snapshots / ids["seeds"] / MANIFEST
    content = json.loads(manifest.read_text(encoding="utf-8"))
    content["encoder"] |= {"name": str(snapshots / "gone"), "fingerprint": "0" * 16}
    manifest.write_text(json.dumps(content), encoding="utf-8")
    (snapshots / "gone").mkdir()
    done = gate.publish(snapshots, ids["truncated"], NO_LIMITS)
    assert done.served and done.comparison is not None
    assert done.comparison.overall.compared == 42 and done.comparison.overall.queries == 84
    assert any("text queries were not run" in note and "safetensors" in note for note in done.comparison.notes)


def test_a_served_snapshot_of_another_format_is_not_compared(copy: tuple[Path, dict[str, str]]) -> None:
    snapshots, ids = copy
    published(snapshots, ids["seeds"])
    manifest = snapshots / ids["seeds"] / MANIFEST
    content = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps({**content, "format_version": 0}), encoding="utf-8")
    done = gate.publish(snapshots, ids["some"], Thresholds())
    assert done.served and done.comparison is None and "snapshot format 0" in done.note


def test_saved_queries_with_answers_measure_hit_at_1(copy: tuple[Path, dict[str, str]]) -> None:
    snapshots, ids = copy
    published(snapshots, ids["seeds"])
    opened = Snapshot.open(snapshots / ids["seeds"])
    papers = opened.papers(0, 12)
    opened.close()
    # The answer of the last text query is wrong on purpose, and the last paper is in neither snapshot
    rows: list[dict[str, object]] = [{"text": paper.abstract[:150], "paper": paper.id[:10]} for paper in papers[:11]]
    rows += [{"text": papers[11].abstract, "paper": papers[0].id}, {"paper": papers[1].id}, {"paper": "f" * 40}]
    query_set.add(snapshots, write_lines(snapshots / "more.jsonl", rows))
    done = gate.publish(snapshots, ids["truncated"], Thresholds(min_overlap=0))
    assert done.comparison is not None
    found = done.comparison
    assert found.query_source == "saved" and found.overall.queries == 13 and found.overall.known_items == 12
    assert found.overall.hit_before == pytest.approx(11 / 12, abs=1e-4)
    assert found.notes == ("1 queries were skipped: their paper is missing from one of the snapshots",)


def test_queries_by_paper_load_no_model(copy: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    snapshots, ids = copy
    opened = Snapshot.open(snapshots / ids["seeds"])
    query_set.add(snapshots, write_lines(tmp_path / "q.jsonl", [{"paper": paper.id} for paper in opened.papers(0, 5)]))
    opened.close()
    published(snapshots, ids["seeds"])
    shutil.rmtree(snapshots / VECTOR_CACHE)
    found = gate.publish(snapshots, ids["truncated"], NO_LIMITS).comparison
    assert found is not None and found.overall.compared == 5
    fingerprint = Manifest.read(snapshots / ids["truncated"]).encoder.fingerprint
    assert list((snapshots / VECTOR_CACHE).glob(f"{fingerprint}*.db"))


def test_the_report_is_not_part_of_the_snapshot(copy: tuple[Path, dict[str, str]]) -> None:
    snapshots, ids = copy
    published(snapshots, ids["some"])
    assert published(snapshots, ids["seeds"])
    assert (snapshots / ids["seeds"] / REPORT).is_file() and REPORT not in FILES
    Snapshot.open(snapshots / ids["seeds"], verify=True).close()
    assert FolderSource(snapshots).rollback().snapshot == ids["some"]  # rollback runs no gate
    assert set(FolderSource(snapshots).prune(keep=0)) == {ids["seeds"], ids["truncated"]}
    assert not (snapshots / ids["seeds"]).exists()


def test_a_refused_build_is_kept_but_not_served(tmp_path: Path) -> None:
    options = BuildOptions(snapshots=tmp_path / "snapshots")
    first = build([str(SEEDS)], options)
    one = str(sorted(SEEDS.glob("*.txt"))[0])
    refused = build([one], options)
    assert first.published and not refused.published and refused.release is not None
    assert FolderSource(options.snapshots).current().snapshot == first.manifest.snapshot
    assert Snapshot.open(refused.folder, verify=True).id == refused.manifest.snapshot
    assert build([one], dataclasses.replace(options, force=True)).published
