"""Files are there whole or not at all."""

import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from embeddings import files
from embeddings.errors import SnapshotError


def test_an_array_is_read_as_it_was_filled(tmp_path: Path) -> None:
    for shape in ((3, 2), (0, 2), (1, 0)):
        array = files.create_array(tmp_path / "array.npy", np.float32, shape)
        array[...] = 7
        files.sync_file(tmp_path / "array.npy")
        found = files.map_array(tmp_path / "array.npy")
        assert found.shape == shape and found.dtype == np.float32 and np.all(found == 7)


def test_room_is_taken_before_an_array_is_filled(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))  # as good as a disk that is nearly full
    try:
        with pytest.raises(OSError, match="File too large"):
            files.create_array(tmp_path / "array.npy", np.float32, (1_000_000,))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())


def test_what_is_no_array_is_refused(tmp_path: Path) -> None:
    (tmp_path / "array.npy").write_bytes(b"no array")
    for name in ("array.npy", "missing.npy"):
        with pytest.raises(SnapshotError, match="build the snapshot anew"):
            files.map_array(tmp_path / name)


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    for content in (b"old", b"newer"):
        files.write_atomically(tmp_path / "pointer", content)
        assert (tmp_path / "pointer").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["pointer"]


def test_arrays_can_be_mapped_from_many_threads_at_once(tmp_path: Path) -> None:
    for i in range(8):
        np.save(tmp_path / f"{i}.npy", np.full((3, i + 1), i))
    with ThreadPoolExecutor(8) as pool:
        shapes = list(pool.map(lambda i: files.map_array(tmp_path / f"{i % 8}.npy").shape, range(2000)))
    assert shapes == [(3, i % 8 + 1) for i in range(2000)]


def test_an_array_read_here_and_there_is_not_read_ahead(tmp_path: Path) -> None:
    if not Path("/proc/self/smaps").exists():
        pytest.skip("this system does not tell how files are mapped")

    def flags(name: str) -> str:
        of_file = Path("/proc/self/smaps").read_text().partition(f"/{name}\n")[2]
        return of_file.partition("VmFlags:")[2].partition("\n")[0]

    written = np.arange(100_000, dtype=np.float32).reshape(1000, 100)
    for name, scattered in (("ahead.npy", False), ("scattered.npy", True)):
        np.save(tmp_path / name, written)
        mapped = files.map_array(tmp_path / name, scattered=scattered)
        assert (" rr " in flags(name)) == scattered
        np.testing.assert_array_equal(mapped[[7, 990]], written[[7, 990]])
