"""The index agrees with numpy, whatever the vectors, the filter and the kind of index."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.errors import BuildError, SnapshotError
from embeddings.indexes.faiss import assembler, faiss_index


def unit_rows(rng_seed: int, count: int, dimension: int = 16) -> NDArray[np.float32]:
    rows = np.random.default_rng(rng_seed).standard_normal((count, dimension)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


@given(rng_seed=st.integers(0, 10_000), count=st.integers(1, 60), top_k=st.integers(1, 80))
def test_nearest_agrees_with_numpy(rng_seed: int, count: int, top_k: int) -> None:
    embeddings, queries = unit_rows(rng_seed, count), unit_rows(rng_seed + 1, 3)
    scores, rows = assembler.build(embeddings, "Flat").nearest(queries, top_k)
    np.testing.assert_allclose(scores, -np.sort(-queries @ embeddings.T, axis=1)[:, :top_k], atol=1e-5)
    assert rows.shape == (3, min(top_k, count))
    assert all(len(set(line)) == len(line) for line in rows.tolist())


@given(rng_seed=st.integers(0, 10_000), count=st.integers(1, 60), share=st.floats(0, 1))
def test_nearest_answers_only_from_the_rows_allowed(rng_seed: int, count: int, share: float) -> None:
    embeddings, query = unit_rows(rng_seed, count), unit_rows(rng_seed + 1, 1)
    among = np.random.default_rng(rng_seed).random(count) < share
    scores, rows = assembler.build(embeddings, "Flat").nearest(query, count, among=among)
    found = rows[0][rows[0] != faiss_index.NO_HIT]
    assert set(found.tolist()) == set(np.flatnonzero(among).tolist())
    assert np.all(np.isneginf(scores[0][rows[0] == faiss_index.NO_HIT]))


KINDS = [
    "Flat",
    "IVF32,RaBitQ",
    "IVF32,RaBitQ2",
    "IVF32_HNSW32,RaBitQ2",
    "IVF32,SQ8",
    "IVF32,RaBitQfs,Refine(SQ8)",
    "IVF32,PQ8x4fsr",
    "IVF32,PQ4x4fs",
    "RR16,IVF32,PQ8x4fsr",
    "HNSW16,SQ8",
    "PCA8,IVF32,Flat",
]


@pytest.mark.parametrize("factory", KINDS)
def test_every_kind_saves_loads_and_filters(tmp_path: Path, factory: str) -> None:
    embeddings = unit_rows(1, 2_000)
    built = assembler.build(embeddings, factory)
    built.save(tmp_path / "dense.faiss")
    loaded = faiss_index.load(tmp_path / "dense.faiss", built.spec, embeddings)
    queries, among = unit_rows(2, 5), np.arange(2_000) % 2 == 0
    (scores, rows), (expected, expected_rows) = loaded.nearest(queries, 10), built.nearest(queries, 10)
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(rows, expected_rows)
    _, rows = loaded.nearest(queries, 10, among=among)
    assert all(row % 2 == 0 for row in rows.ravel().tolist() if row != faiss_index.NO_HIT)


@pytest.mark.parametrize("factory", KINDS)
@given(rng_seed=st.integers(0, 10_000), share=st.floats(0.05, 1), top_k=st.integers(1, 30))
@settings(max_examples=10)
def test_with_the_vectors_and_all_its_effort_every_kind_agrees_with_numpy(
    factory: str, rng_seed: int, share: float, top_k: int
) -> None:
    embeddings, queries = unit_rows(rng_seed, 1_300), unit_rows(rng_seed + 1, 3)
    built = assembler.build(embeddings, factory)
    among = np.random.default_rng(rng_seed).random(len(embeddings)) < share
    searched = built.searched(effort=built.most_effort, refine=len(embeddings))
    scores, rows = searched.nearest(queries, top_k, among=among)
    cosines = np.where(among, queries @ embeddings.T, -np.inf)
    found = rows != faiss_index.NO_HIT
    assert np.all(among[rows[found]]) and np.all(np.isneginf(scores[~found]))
    assert all(len(set(row[hit])) == hit.sum() for row, hit in zip(rows, found, strict=True))
    np.testing.assert_allclose(scores[found], np.take_along_axis(cosines, rows, axis=1)[found], atol=1e-5)
    if not factory.startswith(("HNSW", "IVF32_HNSW")):  # a graph may leave rows out of reach
        np.testing.assert_allclose(scores, -np.sort(-cosines, axis=1)[:, :top_k], atol=1e-5)


def test_what_searches_is_not_changed_by_searching(tmp_path: Path) -> None:
    embeddings, queries = unit_rows(1, 3_000), unit_rows(2, 20)
    built = assembler.build(embeddings, "IVF64,RaBitQ2")
    before = built.nearest(queries, 10)
    built.searched(effort=64, refine=16).nearest(queries, 10, among=np.arange(3_000) % 3 == 0)
    after = built.nearest(queries, 10)
    np.testing.assert_allclose(after[0], before[0], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(after[1], before[1])


def test_a_full_disk_is_an_error_and_not_half_a_file() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OSError, match="No space left"):
        assembler.build(unit_rows(1, 2_000), "Flat").save(Path("/dev/full"))


@pytest.mark.parametrize("factory", ["IVF64,PQ8x4fsr", "IVF64,RaBitQ2", "HNSW16,SQ8"])
@given(rng_seed=st.integers(0, 10_000), admitted=st.integers(0, 40), top_k=st.integers(1, 30))
@settings(max_examples=10)
def test_where_few_are_admitted_none_is_missed(factory: str, rng_seed: int, admitted: int, top_k: int) -> None:
    vectors, queries = unit_rows(5, 6_000), unit_rows(rng_seed, 3)
    among = np.zeros(len(vectors), dtype=np.bool_)
    among[np.random.default_rng(rng_seed).choice(len(vectors), admitted, replace=False)] = True
    scores, rows = assembler.build(vectors, factory).nearest(queries, top_k, among=among)
    cosines = np.where(among, queries @ vectors.T, -np.inf)
    np.testing.assert_allclose(scores, -np.sort(-cosines, axis=1)[:, :top_k], atol=1e-5)
    assert scores.shape == rows.shape == (3, top_k) and np.all(among[rows[rows != faiss_index.NO_HIT]])


@pytest.mark.parametrize("factory", ["IVF64,PQ8x4fsr", "IVF64,RaBitQ2"])
def test_the_same_vectors_give_the_same_index_file(tmp_path: Path, factory: str) -> None:
    embeddings = unit_rows(4, 3_000)
    for name in ("one", "two"):
        assembler.build(embeddings, factory, threads=2).save(tmp_path / name)
    faiss_index.load(tmp_path / "one", faiss_index.IndexSpec(factory)).save(tmp_path / "three")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes() == (tmp_path / "three").read_bytes()


def test_a_file_whose_lists_are_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "dense.faiss"
    assembler.build(unit_rows(4, 3_000), "IVF64,PQ8x4fsr").save(path)
    whole = path.read_bytes()
    for content in (whole[:-8], whole[: len(whole) // 2], whole[:-600] + whole[-520:]):
        path.write_bytes(content)
        with pytest.raises(SnapshotError, match="cannot be read as a FAISS index"):
            faiss_index.load(path, faiss_index.IndexSpec("IVF64,PQ8x4fsr"))


def test_lists_of_fast_scan_are_mapped_and_not_read(tmp_path: Path) -> None:
    embeddings = unit_rows(4, 60_000, 64)
    assembler.build(embeddings, "IVF16,PQ32x4fsr").save(tmp_path / "dense.faiss")
    script = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from embeddings.indexes.faiss import faiss_index as index\n"
        "def private(): return int(next(l for l in open('/proc/self/status') if l.startswith('RssAnon')).split()[1])\n"
        "np.ones((1, 64), 'f4') @ np.ones((64, 1), 'f4'); before = private()\n"
        "index.load(Path(sys.argv[1]), index.IndexSpec('IVF16,PQ32x4fsr')); print(private() - before)"
    )
    if not Path("/proc/self/status").exists():
        pytest.skip("this system does not tell private memory")
    taken = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "dense.faiss")], capture_output=True, text=True, check=True
    )
    assert int(taken.stdout) * 1024 < (tmp_path / "dense.faiss").stat().st_size / 2


def test_a_factory_string_that_cannot_be_made_is_one_clear_error() -> None:
    with pytest.raises(BuildError, match=r"'Nonsense'.*leave --index out"):
        assembler.build(unit_rows(5, 10), "Nonsense")
    with pytest.raises(BuildError, match="need 2496 vectors"):
        assembler.build(unit_rows(5, 100), "IVF64,Flat")


def test_a_query_of_another_dimension_names_both() -> None:
    with pytest.raises(ValueError, match=r"\(1, 383\).*\(16,\)"):
        assembler.build(unit_rows(6, 10), "Flat").nearest(unit_rows(6, 1, 383), 1)


def test_a_file_that_is_no_index_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dense.faiss").write_bytes(b"no index at all, but long enough to be read as one")
    with pytest.raises(SnapshotError, match="cannot be read as a FAISS index"):
        faiss_index.load(tmp_path / "dense.faiss", faiss_index.IndexSpec("Flat"))


@pytest.mark.parametrize("factory", ["IVF64,PQ8x4fsr", "IVF64,RaBitQ2", "IVF64,SQ8", "HNSW16,SQ8"])
def test_a_filter_does_not_cost_recall(factory: str) -> None:
    vectors, queries = unit_rows(5, 6_000), unit_rows(6, 50)
    made = assembler.build(vectors, factory)
    among = np.random.default_rng(7).random(len(vectors)) < 0.1
    truth = np.argsort(-np.where(among, queries @ vectors.T, -2), axis=1)[:, :10]
    _, found = made.nearest(queries, 10, among=among)
    _, unfiltered = made.nearest(queries, 10)
    everything = np.argsort(-(queries @ vectors.T), axis=1)[:, :10]

    def recall(rows: NDArray[np.int64], wanted: NDArray[np.int64]) -> float:
        return float(np.mean([len(set(one) & set(other)) / 10 for one, other in zip(rows, wanted, strict=True)]))

    assert np.all(among[found[found != faiss_index.NO_HIT]])
    assert recall(found, truth) >= recall(unfiltered, everything)
