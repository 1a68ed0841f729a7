"""One small file says what is served; it changes at once or not at all."""

import json
import shutil
import threading
from pathlib import Path

import pytest

from embeddings.build.job import BuildOptions, build
from embeddings.errors import NothingPublished, SnapshotError
from embeddings.snapshots import publishing
from tests.build.test_job import write_corpus


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A folder with three snapshots, none published, and their ids in the order of building."""
    folder = tmp_path_factory.mktemp("publishing")
    options = BuildOptions(snapshots=folder / "snapshots", publish=False)
    ids = [
        build([str(write_corpus(folder / "corpus.jsonl", 5, changed))], options).manifest.snapshot
        for changed in range(3)
    ]
    return folder / "snapshots", ids


@pytest.fixture
def three(built: tuple[Path, list[str]], tmp_path: Path) -> tuple[Path, list[str]]:
    """A copy to publish from."""
    return Path(shutil.copytree(built[0], tmp_path / "snapshots")), built[1]


def test_publishing_and_rolling_back_move_the_pointer(three: tuple[Path, list[str]]) -> None:
    snapshots, (one, two, three_) = three
    with pytest.raises(NothingPublished, match="related-papers build"):
        publishing.current(snapshots)
    for identity in (one, two, three_):
        publishing.publish(snapshots, identity[:5])
    assert publishing.current(snapshots).previous == (two, one)
    assert publishing.rollback(snapshots).snapshot == two
    assert publishing.rollback(snapshots).snapshot == one
    with pytest.raises(SnapshotError, match="no earlier snapshot"):
        publishing.rollback(snapshots)
    opened, pointer = publishing.open_current(snapshots)
    assert opened.id == pointer.snapshot == one
    opened.close()


def test_publishing_again_renews_the_date_and_keeps_the_history(three: tuple[Path, list[str]]) -> None:
    snapshots, (one, two, _) = three
    for identity in (one, two, two):
        publishing.publish(snapshots, identity)
    assert publishing.current(snapshots).previous == (one,)


def test_a_damaged_snapshot_is_never_published(three: tuple[Path, list[str]]) -> None:
    snapshots, (one, two, _) = three
    publishing.publish(snapshots, one)
    content = bytearray((snapshots / two / "embeddings.npy").read_bytes())
    content[-1] ^= 1
    (snapshots / two / "embeddings.npy").write_bytes(content)
    with pytest.raises(SnapshotError, match="has changed"):
        publishing.publish(snapshots, two)
    assert publishing.current(snapshots).snapshot == one


def test_unknown_and_ambiguous_ids_list_what_there_is(three: tuple[Path, list[str]]) -> None:
    snapshots, ids = three
    for wrong in ("zzz", ""):
        with pytest.raises(SnapshotError, match=f"there are: .*{ids[0]}"):
            publishing.publish(snapshots, wrong)


def test_prune_keeps_what_is_served_and_what_was(three: tuple[Path, list[str]]) -> None:
    snapshots, (one, two, three_) = three
    for identity in (one, two):
        publishing.publish(snapshots, identity)
    assert publishing.prune(snapshots, keep=1) == [three_]
    assert publishing.prune(snapshots, keep=0) == [one]
    assert [manifest.snapshot for manifest in publishing.listed(snapshots)] == [two]
    with pytest.raises(SnapshotError):
        publishing.rollback(snapshots)


def test_a_broken_pointer_is_said_and_mended_by_publishing(three: tuple[Path, list[str]]) -> None:
    snapshots, (one, _, _) = three
    publishing.pointer_path(snapshots).write_text("{")
    with pytest.raises(SnapshotError, match="publish a snapshot again"):
        publishing.current(snapshots)
    publishing.publish(snapshots, one)
    assert publishing.current(snapshots).snapshot == one


def test_readers_always_see_a_whole_pointer_while_publishers_race(three: tuple[Path, list[str]]) -> None:
    snapshots, ids = three
    publishing.publish(snapshots, ids[0])
    stop = threading.Event()
    broken: list[str] = []

    def read() -> None:
        while not stop.is_set():
            content = json.loads(publishing.pointer_path(snapshots).read_text())
            if content["snapshot"] not in ids:
                broken.append(content)

    def move(identity: str) -> None:
        for _ in range(10):
            publishing.publish(snapshots, identity)

    reader = threading.Thread(target=read)
    movers = [threading.Thread(target=move, args=(identity,)) for identity in ids]
    for thread in (reader, *movers):
        thread.start()
    for thread in movers:
        thread.join()
    stop.set()
    reader.join()
    assert not broken and set(publishing.current(snapshots).previous) < set(ids)
