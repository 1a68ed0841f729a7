"""An index made of shards is the index made at once, byte for byte."""

import itertools
import pickle
from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.errors import BuildError
from embeddings.indexes.faiss import assembler, block_lists, faiss_index
from embeddings.indexes.faiss.assembler import ALIGNMENT, IndexAssembler, shard_bounds
from embeddings.indexes.faiss.choice import EXACT, INDEX_KINDS
from embeddings.indexes.faiss.faiss_index import FaissIndex, IndexSpec
from tests.indexes.test_faiss_index import unit_rows


def content(index: FaissIndex, path: Path) -> bytes:
    index.save(path)
    return path.read_bytes()


@pytest.mark.parametrize("kind", [EXACT, *INDEX_KINDS], ids=lambda kind: f"{kind.factory}{kind.together}")
def test_four_merged_shards_are_written_as_the_bytes_of_one_build(tmp_path: Path, kind: object) -> None:
    embeddings = unit_rows(1, 3 * ALIGNMENT + 1_234, 24)
    factory = kind.named(len(embeddings), 24)  # type: ignore[attr-defined]
    once = assembler.build(embeddings, factory, threads=2)
    merged = assembler.build(embeddings, factory, threads=2, shards=4)
    assert len(merged) == len(embeddings)
    assert content(merged, tmp_path / "merged") == content(once, tmp_path / "once")


@pytest.mark.parametrize("factory", ["IVF16,PQ7x4fsr", "IVF16,SQ8", "SQ8", "RR16,IVF16,PQ8x4fsr"])
def test_other_kinds_are_merged_too(tmp_path: Path, factory: str) -> None:
    embeddings = unit_rows(1, ALIGNMENT + 500, 14 if "PQ7" in factory else 16)
    once, merged = (assembler.build(embeddings, factory, shards=shards) for shards in (1, 2))
    assert content(merged, tmp_path / "merged") == content(once, tmp_path / "once")
    queries = unit_rows(2, 5, embeddings.shape[1])
    for one, other in zip(once.nearest(queries, 10), merged.nearest(queries, 10), strict=True):
        np.testing.assert_array_equal(one, other)


@given(lengths=st.lists(st.sampled_from([0, 1, 31, 32, 33, 64, 127, 128, 256, 300]), min_size=2, max_size=5))
@settings(max_examples=25)
def test_lists_of_any_length_are_joined_in_order(lengths: list[int]) -> None:
    """Also those that end with a full block, where FAISS's own merging corrupts memory."""
    count = max(1, sum(lengths))
    maker = IndexAssembler("IVF1,PQ4x4fsr", 8, count)
    rows = unit_rows(3, count, 8)
    maker.train(unit_rows(4, 700, 8))
    ends = np.cumsum([0, *lengths]).tolist()
    pieces = [rows[start:end] for start, end in itertools.pairwise(ends)]
    merged = maker.merge(maker.add([piece] if len(piece) else []) for piece in [*pieces, rows[ends[-1] :]])
    inverted = faiss.downcast_index(merged)
    ids = faiss.rev_swig_ptr(faiss.downcast_InvertedLists(inverted.invlists).get_ids(0), count)
    np.testing.assert_array_equal(ids, np.arange(count))
    np.testing.assert_array_equal(codes_of(merged, count), codes_of(maker.add([rows]), count))


def codes_of(index: object, count: int) -> NDArray[np.uint8]:
    """The codes of the only list, unpacked by FAISS itself."""
    inverted = faiss.downcast_index(index)
    packer = inverted.get_CodePacker()
    lists = faiss.downcast_InvertedLists(inverted.invlists)
    blocks = -(-count // block_lists.BLOCK)
    packed = faiss.rev_swig_ptr(lists.get_codes(0), blocks * packer.block_size).reshape(blocks, -1)
    return np.array([packer.unpack_1(packed, i) for i in range(count)])


def test_unused_slots_of_a_block_are_written_as_zero(tmp_path: Path) -> None:
    embeddings = unit_rows(5, 700, 16)
    index = assembler.build(embeddings, "IVF1,PQ8x4fsr")
    content(index, tmp_path / "index")
    loaded = faiss_index.load(tmp_path / "index", IndexSpec("IVF1,PQ8x4fsr"))
    inverted = faiss.downcast_index(loaded._index)
    packer = inverted.get_CodePacker()
    lists = faiss.downcast_InvertedLists(inverted.invlists)
    last = faiss.rev_swig_ptr(lists.get_codes(0), 22 * packer.block_size).reshape(22, -1)[21:]
    assert not any(packer.unpack_1(last, i).any() for i in range(700 % 32, 32))
    assert any(packer.unpack_1(last, i).any() for i in range(700 % 32))


def test_a_shard_can_be_pickled(tmp_path: Path) -> None:
    embeddings = unit_rows(6, 2 * ALIGNMENT, 16)
    maker = IndexAssembler("IVF16,PQ8x4fsr", 16, len(embeddings))
    maker.train(embeddings[maker.training_rows()])
    shards = [pickle.loads(pickle.dumps(maker.add([embeddings[a:b]]))) for a, b in shard_bounds(len(embeddings), 2)]
    merged = FaissIndex(maker.merge(shards), IndexSpec("IVF16,PQ8x4fsr"))
    once = assembler.build(embeddings, "IVF16,PQ8x4fsr")
    assert content(merged, tmp_path / "merged") == content(once, tmp_path / "once")


def test_a_kind_that_cannot_be_merged_is_one_clear_error() -> None:
    embeddings = unit_rows(7, ALIGNMENT + 100)
    for factory in ("HNSW16,SQ8", "IVF16,RaBitQfs"):
        with pytest.raises(BuildError, match="shards of this kind cannot be merged"):
            assembler.build(embeddings, factory, shards=2)


def test_missing_rows_are_an_error() -> None:
    maker = IndexAssembler("Flat", 16, 100)
    with pytest.raises(BuildError, match="hold 60 vectors, 100 were announced"):
        maker.merge([maker.add([unit_rows(8, 60)])])


@given(count=st.integers(1, 10**7), shards=st.integers(1, 50))
def test_shards_hold_every_row_once_and_begin_at_multiples(count: int, shards: int) -> None:
    bounds = shard_bounds(count, shards)
    assert bounds[0][0] == 0 and bounds[-1][1] == count and len(bounds) <= shards
    assert all(one[1] == other[0] for one, other in itertools.pairwise(bounds))
    assert all(start % ALIGNMENT == 0 and start < end for start, end in bounds)
