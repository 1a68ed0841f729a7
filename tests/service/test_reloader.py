"""What is published is served: at once, without a failed request, and never with the wrong encoder."""

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from embeddings.encoders.encoder_info import EMBEDDED_MODEL
from embeddings.errors import EncoderMismatch, SnapshotError
from embeddings.snapshots.folder import FolderSource
from service.api import examples
from service.app import create_app
from service.engine.reloader import Reloader
from service.errors import ShuttingDown
from service.settings import Settings
from service.telemetry.metrics import Metrics
from tests.service.running import Running, assert_problem, running, wait_until

OFTEN_S = 0.01
PUBLISHES = 30


@contextmanager
def following(folder: Path, **more: str) -> Iterator[Running]:
    with running(Settings(snapshots=folder, reload_interval_s=OFTEN_S, model=more.get("model"))) as started:
        yield started


@pytest.fixture
def live(folder: Path) -> Iterator[Reloader]:
    """Opened and watching, without HTTP."""
    opened = Reloader(Settings(snapshots=folder, reload_interval_s=OFTEN_S), Metrics())
    opened.open()
    opened.watch()
    yield opened
    opened.close()


def served_id(client: httpx.Client) -> str:
    snapshot: str = client.get("/readyz").json()["snapshot"]
    return snapshot


def serving(live: Reloader) -> str | None:
    return None if live.current is None else live.current.snapshot.id


class Hammer:
    """Clients that ask without pause and keep what went wrong."""

    def __init__(self, base_url: str, paths: list[str]) -> None:
        self.wrong: list[str] = []
        self.answered = 0
        self.seen: set[str] = set()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(base_url, path)) for path in paths]

    def __enter__(self) -> "Hammer":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, base_url: str, path: str) -> None:
        with httpx.Client(base_url=base_url, timeout=60) as client:
            while not self._stop.is_set():
                try:
                    response = client.get(path)
                except httpx.HTTPError as error:
                    self.wrong.append(repr(error))
                    continue
                answer = response.json()
                if response.status_code != 200 or answer["snapshot"] != response.headers["x-snapshot"]:
                    self.wrong.append(response.text)
                    continue
                self.seen.add(answer["snapshot"])
                self.answered += 1


def test_no_request_fails_while_snapshots_are_published_and_rolled_back(folder: Path, ids: dict[str, str]) -> None:
    both = FolderSource(folder).current().snapshot, ids["few"]
    paper = "86affd4c37d5d63748a1722c317f88fb7795e81b"  # of both
    paths = ["/search?q=graph+networks", f"/papers/{paper}/related?top_k=3", f"/papers/{paper}", "/papers", "/readyz"]
    with following(folder) as service, Hammer(service.base_url, paths) as hammer:
        for i in range(PUBLISHES):
            wanted = both[(i + 1) % 2]
            pointer = FolderSource(folder).publish(wanted) if i % 3 else None
            if pointer is None:
                pointer = FolderSource(folder).publish(wanted) if i == 0 else FolderSource(folder).rollback()
            assert pointer.snapshot == wanted
            wait_until(lambda: served_id(service.client) == wanted)  # noqa: B023 - called before the next turn
    assert hammer.wrong == []
    assert hammer.seen == set(both)
    assert hammer.answered > PUBLISHES


def test_nothing_published_answers_503_until_something_is(tmp_path: Path, snapshots: Path) -> None:
    folder = tmp_path / "empty"
    with following(folder) as service:
        client = service.client
        for path in ("/search?q=graph", f"/papers/{examples.PAPER}", "/papers", "/readyz", "/info"):
            problem = assert_problem(client.get(path), 503, "nothing-published")
            assert "related-papers build" in problem["detail"]
        assert client.get("/livez").status_code == 200
        assert "x-snapshot" not in client.get("/livez").headers
        assert client.get("/metrics").status_code == 200
        shutil.copytree(snapshots, folder)  # the pointer may come before the files it names
        wait_until(lambda: client.get("/readyz").status_code == 200)
        answer = client.get("/search", params={"q": "graph"})
        assert answer.status_code == 200
        assert answer.json()["snapshot"] == FolderSource(snapshots).current().snapshot
        assert "reload_failure" not in client.get("/readyz").json()


def test_a_broken_or_missing_pointer_changes_nothing(folder: Path, ids: dict[str, str]) -> None:
    pointer = FolderSource(folder).pointer_path
    with following(folder) as service:
        client = service.client
        pointer.write_text("{")
        wait_until(lambda: "reload_failure" in client.get("/readyz").json())
        assert "publish a snapshot again" in client.get("/readyz").json()["reload_failure"]["detail"]
        assert client.get("/search", params={"q": "graph"}).json()["snapshot"] == ids["all"]
        pointer.unlink()
        assert client.get("/search", params={"q": "graph"}).json()["snapshot"] == ids["all"]
        FolderSource(folder).publish(ids["few"])
        wait_until(lambda: served_id(client) == ids["few"])
        assert "reload_failure" not in client.get("/readyz").json()


def test_a_pointer_to_nothing_is_not_followed(folder: Path, ids: dict[str, str]) -> None:
    with following(folder) as service:
        pointer = FolderSource(folder).pointer_path
        pointer.write_text(pointer.read_text().replace(ids["all"], "0" * 12))
        wait_until(lambda: "reload_failure" in service.client.get("/readyz").json())
        assert served_id(service.client) == ids["all"]
        assert "related_papers_reload_failures_total 0.0" not in service.client.get("/metrics").text


def test_publishing_the_same_snapshot_again_renews_its_date(live: Reloader, folder: Path, ids: dict[str, str]) -> None:
    pointer = FolderSource(folder).pointer_path
    with live.lease() as before:
        published_at = before.pointer.published_at
        pointer.write_text(pointer.read_text().replace(published_at, "2030-01-01T00:00:00+00:00"))
        wait_until(lambda: before.pointer.published_at != published_at)
        with live.lease() as after:
            assert after is before


def test_the_old_snapshot_is_closed_when_its_last_request_ends(
    live: Reloader, folder: Path, ids: dict[str, str]
) -> None:
    with live.lease() as old:
        with live.lease():
            FolderSource(folder).publish(ids["few"])
            wait_until(lambda: serving(live) == ids["few"])
            with live.lease() as new:
                assert new.snapshot.id == ids["few"]
                assert new.batcher is old.batcher  # the same encoder is not loaded twice
        assert old.snapshot.paper(examples.PAPER).id == examples.PAPER
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        old.snapshot.paper(examples.PAPER)


def test_a_snapshot_of_another_encoder_brings_its_own(live: Reloader, folder: Path, ids: dict[str, str]) -> None:
    with live.lease() as old:
        FolderSource(folder).publish(ids["other"])
        wait_until(lambda: serving(live) == ids["other"])
        with live.lease() as new:
            assert new.encoder.info == new.snapshot.manifest.encoder
            assert new.encoder.info.fingerprint != old.encoder.info.fingerprint
            assert new.batcher.encode_queries(["graph"]).embeddings.shape == (1, 384)
        assert old.batcher.encode_queries(["still open"]).embeddings.shape == (1, 384)
    with pytest.raises(ShuttingDown):
        old.batcher.encode_queries(["closed with the last lease"])


def test_a_snapshot_of_another_encoder_than_prescribed_is_refused(folder: Path, ids: dict[str, str]) -> None:
    with following(folder, model=EMBEDDED_MODEL) as service:
        client = service.client
        FolderSource(folder).publish(ids["other"])
        wait_until(lambda: "reload_failure" in client.get("/readyz").json())
        detail = client.get("/readyz").json()["reload_failure"]["detail"]
        assert EMBEDDED_MODEL in detail and "narrow" in detail
        assert "related_papers_reload_failures_total 0.0" not in client.get("/metrics").text
        assert client.get("/search", params={"q": "graph"}).json()["snapshot"] == ids["all"]
        FolderSource(folder).rollback()
        wait_until(lambda: "reload_failure" not in client.get("/readyz").json())


def test_a_wrong_model_refuses_to_start(snapshots: Path, other_model: Path) -> None:
    with pytest.raises(EncoderMismatch) as caught:
        create_app(Settings(snapshots=snapshots, model=str(other_model)))
    assert EMBEDDED_MODEL in str(caught.value) and str(other_model) in str(caught.value)


def test_a_broken_snapshot_refuses_to_start(folder: Path, ids: dict[str, str]) -> None:
    (folder / ids["all"] / "papers.db").unlink()
    with pytest.raises(SnapshotError, match=r"papers\.db is missing"):
        create_app(Settings(snapshots=folder))


def test_threads_end_with_the_service(folder: Path) -> None:
    before = threading.active_count()
    with following(folder) as service:
        service.client.get("/search", params={"q": "graph"})
        assert threading.active_count() > before
    wait_until(lambda: threading.active_count() <= before)
