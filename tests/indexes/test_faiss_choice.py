"""The index is chosen by size and memory, and takes no more than it was given."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.errors import BuildError, InvalidOption
from embeddings.indexes.faiss import assembler
from embeddings.indexes.faiss.choice import EXACT, INDEX_KINDS, IndexKind, bytes_of, choose, lists
from tests.indexes.test_faiss_index import unit_rows


def test_small_corpora_are_searched_exactly_and_large_ones_in_lists() -> None:
    assert choose(1, 384) == choose(42, 384) == choose(20_000, 384) == "Flat"
    assert choose(20_001, 384) == "IVF128,PQ192x4fsr"
    assert choose(1_000_000, 384) == "IVF1024,PQ192x4fsr"
    assert choose(10_000_000, 384) == "IVF4096,PQ192x4fsr"
    assert choose(1_000_000, 383) == "IVF1024,RaBitQ2"


def test_less_memory_takes_a_smaller_kind() -> None:
    assert choose(1_000_000, 384, bytes_of("1GB")) == "IVF1024,PQ192x4fsr"
    assert choose(1_000_000, 384, bytes_of("100MB")) == "IVF1024,PQ96x4fsr"
    assert choose(1_000_000, 383, bytes_of("100MB")) == "IVF1024,RaBitQ"
    assert choose(40_000, 384, bytes_of("20MB")) == "IVF256,PQ192x4fsr"
    assert choose(10_000_000, 384, bytes_of("3GB")) == "IVF4096,PQ192x4fsr"


def test_too_little_memory_says_what_would_fit() -> None:
    with pytest.raises(
        BuildError, match=r"1,000,000 vectors of 384.*1,000,000 bytes.*IVF1024,PQ96x4fsr, takes.*to 60MB"
    ):
        choose(1_000_000, 384, bytes_of("1MB"))
    assert choose(1_000_000, 384, bytes_of("60MB")) == "IVF1024,PQ96x4fsr"


@given(count=st.integers(1, 10**9), dimension=st.integers(1, 4_096), budget=st.integers(0, 10**13))
def test_what_is_chosen_fits_or_nothing_does(count: int, dimension: int, budget: int) -> None:
    possible = [kind for kind in (EXACT, *INDEX_KINDS) if kind.possible(dimension)]
    sizes = {kind.named(count, dimension): kind.size(count, dimension) for kind in possible}
    try:
        assert sizes[choose(count, dimension, budget)] <= budget
    except BuildError:
        assert all(size > budget for name, size in sizes.items() if name != "Flat")


@given(count=st.integers(1, 10**9))
def test_lists_grow_with_the_corpus_and_can_be_learnt(count: int) -> None:
    assert 1 <= lists(count) <= lists(2 * count) <= 4 * lists(count)
    assert lists(count) == 1 or 39 * lists(count) <= count


@pytest.mark.parametrize("kind", [EXACT, *INDEX_KINDS], ids=lambda kind: f"{kind.factory}{kind.together}")
@given(count=st.integers(16, 3_000), dimension=st.integers(1, 60))  # 16 levels need 16 vectors
def test_an_index_is_no_larger_than_was_said(
    kind: IndexKind, count: int, dimension: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path: Path = tmp_path_factory.mktemp("size") / "dense.faiss"
    dimension *= kind.together or 1
    assembler.build(unit_rows(1, count, dimension), kind.named(count, dimension)).save(path)
    assert path.stat().st_size <= kind.size(count, dimension) <= 2 * path.stat().st_size + 20_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [("4096", 4096), ("3GB", 3 * 10**9), ("1.5 GiB", 1_610_612_736), ("500mb", 5 * 10**8), ("7 B", 7)],
)
def test_amounts_of_memory_are_read(text: str, expected: int) -> None:
    assert bytes_of(text) == expected


@pytest.mark.parametrize("text", ["", "GB", "3XB", "-1GB", "1e9", "3 GB of it"])
def test_what_is_no_amount_of_memory_is_refused(text: str) -> None:
    with pytest.raises(InvalidOption, match="write 3GB"):
        bytes_of(text)


def test_the_sizes_of_codes_are_those_of_faiss() -> None:
    rows = np.eye(48, 48, dtype=np.float32)
    for kind in INDEX_KINDS:
        held = assembler.build(rows, kind.named(48, 48))
        assert len(held) == 48 and kind.code_bytes(384) in (48, 56, 96, 116)
