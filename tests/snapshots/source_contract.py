"""What every `SnapshotSource` promises: subclass `SourceContract` and override the fixture `empty`."""

import multiprocessing
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from embeddings.errors import NothingPublished, PublishConflict, SnapshotError
from embeddings.snapshots.snapshot import Snapshot, open_current
from embeddings.snapshots.source import NO_POINTER, PointerToken, SnapshotSource


def wins(source: SnapshotSource, snapshot: str, expected: PointerToken) -> bool:
    """Publish conditionally; whether that succeeded."""
    try:
        source.publish(snapshot, expected=expected)
    except PublishConflict:
        return False
    return True


class SourceContract:
    @pytest.fixture
    def empty(self, tmp_path: Path) -> SnapshotSource:
        """A source without snapshots; each implementation overrides this."""
        raise NotImplementedError

    @pytest.fixture
    def damage(self, empty: SnapshotSource) -> Callable[[str], None]:
        """Change one byte of the embeddings of an installed snapshot; each implementation overrides this."""
        raise NotImplementedError

    @pytest.fixture
    def source(self, empty: SnapshotSource, sealed: dict[str, Path]) -> SnapshotSource:
        """A source with three snapshots, none published."""
        for identity, folder in sealed.items():
            empty.install(folder, identity)
        return empty

    @pytest.fixture
    def ids(self, built: dict[str, Path]) -> list[str]:
        """Their ids in the order of building."""
        return list(built)

    def test_an_empty_source_lists_and_serves_nothing(self, empty: SnapshotSource) -> None:
        assert empty.manifests() == [] and empty.token() == NO_POINTER
        for operation in (empty.current, empty.rollback, lambda: empty.prune(0)):
            with pytest.raises(NothingPublished, match="related-papers build"):
                operation()

    def test_installed_snapshots_are_listed_and_fetched_whole(self, source: SnapshotSource, ids: list[str]) -> None:
        assert {manifest.snapshot for manifest in source.manifests()} == set(ids)
        built_at = [manifest.built_at for manifest in source.manifests()]
        assert built_at == sorted(built_at, reverse=True)
        for identity in ids:
            opened = Snapshot.open(source.fetch(identity, verify=True), verify=True)
            assert opened.id == identity and len(opened) == 5
            opened.close()

    def test_fetch_verifies(self, source: SnapshotSource, ids: list[str], damage: Callable[[str], None]) -> None:
        damage(ids[0])
        with pytest.raises(SnapshotError, match=r"embeddings\.npy has changed"):
            source.fetch(ids[0], verify=True)
        with pytest.raises(SnapshotError, match="not a snapshot"):
            source.fetch("0" * 12)

    def test_installing_again_keeps_an_intact_snapshot_and_replaces_a_damaged_one(
        self,
        source: SnapshotSource,
        ids: list[str],
        damage: Callable[[str], None],
        built: dict[str, Path],
        tmp_path: Path,
    ) -> None:
        damage(ids[0])
        for identity in ids[:2]:
            source.install(Path(shutil.copytree(built[identity], tmp_path / "again" / identity)), identity)
            source.fetch(identity, verify=True)
        assert len(source.manifests()) == 3

    def test_publishing_and_rolling_back_move_the_pointer(self, source: SnapshotSource, ids: list[str]) -> None:
        one, two, three = ids
        for identity in ids:
            assert source.publish(identity[:5]).snapshot == identity
        assert source.current().snapshot == three and source.current().previous == (two, one)
        assert source.rollback().snapshot == two
        assert source.rollback().snapshot == one
        with pytest.raises(SnapshotError, match="no earlier snapshot"):
            source.rollback()
        opened, pointer = open_current(source)
        assert opened.id == pointer.snapshot == one and pointer == source.current()
        opened.close()

    def test_publishing_again_renews_the_pointer_and_keeps_the_history(
        self, source: SnapshotSource, ids: list[str]
    ) -> None:
        one, two, _ = ids
        for identity in (one, two, two):
            source.publish(identity)
        assert source.current().snapshot == two and source.current().previous == (one,)

    def test_a_damaged_snapshot_is_never_published_nor_rolled_back_to(
        self, source: SnapshotSource, ids: list[str], damage: Callable[[str], None]
    ) -> None:
        one, two, _ = ids
        source.publish(two)
        source.publish(one)
        damage(two)
        with pytest.raises(SnapshotError, match="has changed"):
            source.publish(two)
        with pytest.raises(SnapshotError, match="has changed"):
            source.rollback()
        assert source.current().snapshot == one

    def test_unknown_and_ambiguous_ids_list_what_there_is(self, source: SnapshotSource, ids: list[str]) -> None:
        for wrong in ("zzz", ""):
            with pytest.raises(SnapshotError, match=f"there are: .*{ids[0]}"):
                source.publish(wrong)

    def test_a_stale_expectation_is_refused_and_changes_nothing(self, source: SnapshotSource, ids: list[str]) -> None:
        one, two, three = ids
        source.publish(one, expected=NO_POINTER)
        stale = source.token()
        source.publish(two, expected=stale)
        before = source.current()
        for expected in (NO_POINTER, stale):
            with pytest.raises(PublishConflict, match=two):
                source.publish(three, expected=expected)
            with pytest.raises(PublishConflict, match=two):
                source.rollback(expected=expected)
        assert source.current() == before
        assert source.rollback(expected=source.token()).snapshot == one

    def test_publishing_and_rolling_back_never_return_to_an_earlier_token(
        self, source: SnapshotSource, ids: list[str]
    ) -> None:
        one, two, _ = ids
        tokens = {source.token()}
        for identity in (one, one, two, None, two, None):
            source.publish(identity) if identity else source.rollback()
            tokens.add(source.token())
        assert len(tokens) == 7

    def test_the_token_changes_exactly_when_the_pointer_changes(self, source: SnapshotSource, ids: list[str]) -> None:
        source.publish(ids[0])
        token = source.token()
        source.fetch(ids[1], verify=True)
        source.manifests()
        source.prune(keep=0)
        with pytest.raises(SnapshotError):
            source.rollback()
        assert source.token() == token
        source.publish(ids[0])
        assert source.token() != token

    def test_of_racing_threads_exactly_one_publishes(self, source: SnapshotSource, ids: list[str]) -> None:
        for _ in range(5):
            token = source.token()
            barrier = threading.Barrier(6)

            def race(i: int, token: PointerToken = token, barrier: threading.Barrier = barrier) -> bool:
                barrier.wait()
                return wins(source, ids[i % 3], token)

            with ThreadPoolExecutor(6) as pool:
                assert sum(pool.map(race, range(6))) == 1

    def test_of_racing_processes_exactly_one_publishes(self, source: SnapshotSource, ids: list[str]) -> None:
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
            for _ in range(3):
                token = source.token()
                assert sum(pool.map(wins, [source] * 4, [*ids, ids[0]], [token] * 4)) == 1

    def test_readers_always_see_a_whole_pointer_while_publishers_race(
        self, source: SnapshotSource, ids: list[str]
    ) -> None:
        source.publish(ids[0])
        stop = threading.Event()
        seen: list[str] = []

        def read() -> None:
            while not stop.is_set():
                seen.append(source.current().snapshot)

        def publish(identity: str) -> None:
            for _ in range(10):
                source.publish(identity)

        with ThreadPoolExecutor(4) as pool:
            reader = pool.submit(read)
            publishers = [pool.submit(publish, identity) for identity in ids]
            for each in publishers:
                each.result()
            stop.set()
            reader.result()
        assert set(seen) <= set(ids) and set(source.current().previous) < set(ids)

    def test_prune_keeps_what_is_served_and_what_was(self, source: SnapshotSource, ids: list[str]) -> None:
        one, two, three = ids
        for identity in (one, two):
            source.publish(identity)
        assert source.prune(keep=1) == [three]
        assert source.prune(keep=0) == [one]
        assert [manifest.snapshot for manifest in source.manifests()] == [two]
        with pytest.raises(SnapshotError):
            source.rollback()

    def test_prune_never_deletes_the_served_snapshot_while_publishers_race(
        self, source: SnapshotSource, ids: list[str]
    ) -> None:
        source.publish(ids[0])

        def publish(identity: str) -> None:
            try:
                source.publish(identity)
            except SnapshotError:
                pass  # pruned before it could be published

        with ThreadPoolExecutor(4) as pool:
            running = [pool.submit(publish, identity) for identity in ids]
            source.prune(keep=0)
            for each in running:
                each.result()
        source.fetch(source.current().snapshot, verify=True)
