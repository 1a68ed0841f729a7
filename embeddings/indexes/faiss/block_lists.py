"""Inverted lists of 4-bit fast-scan codes: written so that they can be memory-mapped, and merged.

FAISS memory-maps the inverted lists of other index kinds, but reads those of fast-scan kinds (`IndexIVFPQFastScan`)
into the private memory of every process. Their blocks of 32 codes have the same layout on disk as in memory, so FAISS's
`OnDiskInvertedLists` can serve them from the file once it knows their offsets.

File layout: the index with empty lists, as FAISS writes it; zero bytes up to a multiple of 64; for each list its
blocks, then its ids; and a footer of 8-byte little-endian integers: the length of each list, the offset of the first
list, and the mark `RPLISTS1`.
"""

import os
from io import BufferedWriter
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

BLOCK = 32
"""Codes in a block, compared together in registers. The last block of a list may hold fewer, and is padded."""

_MARK = np.frombuffer(b"RPLISTS1", dtype="<i8")
_ID_BYTES = 8
_ALIGNMENT = 64
_NIBBLE_BITS = 4


def has_blocks(index: Any) -> bool:
    """Whether an index stores its codes in blocks of 4-bit codes."""
    return isinstance(_inverted_index(index), faiss.IndexIVFPQFastScan)


def write(index: Any, file: BufferedWriter) -> None:
    """Write an index for which `has_blocks` holds.

    The unused slots of each last block are written as zero. FAISS never initialises them, so that without this step
    two equal builds, or a merged and a single build, would differ in bytes that no search reads.

    Raises:
        OSError: The file cannot be written.
    """
    inverted = _inverted_index(index)
    lists = inverted.invlists
    empty = faiss.BlockInvertedLists(inverted.nlist, BLOCK, BLOCK * inverted.code_size)
    inverted.invlists = empty
    try:
        faiss.write_index(index, faiss.PyCallbackIOWriter(file.write))
    finally:
        inverted.invlists = lists
    lists = faiss.downcast_InvertedLists(lists)
    owner = _slots(inverted) // _nibbles(inverted)
    start = file.tell() + -file.tell() % _ALIGNMENT
    file.write(bytes(start - file.tell()))
    lengths = np.array([lists.list_size(number) for number in range(inverted.nlist)], dtype="<i8")
    for number, length in enumerate(lengths.tolist()):
        if length:
            codes = _codes(inverted, lists, number, length)
            file.write(codes[:-1].data)
            file.write(_padded_with_zeros(codes[-1], owner, (length - 1) % BLOCK + 1).data)
            ids = np.full(len(codes) * BLOCK, -1, dtype="<i8")
            ids[:length] = faiss.rev_swig_ptr(lists.get_ids(number), length)
            file.write(ids.data)
    file.write(np.concatenate([lengths, [start], _MARK]).astype("<i8").tobytes())


def attach(index: Any, path: Path) -> None:
    """Give an index read from a file that `write` wrote its inverted lists, memory-mapped.

    Raises:
        RuntimeError: The file has no inverted lists, or is truncated.
    """
    inverted = _inverted_index(index)
    size = path.stat().st_size
    count = inverted.nlist + 2
    with path.open("rb") as file:
        file.seek(max(0, size - count * 8))
        end = np.frombuffer(file.read(), dtype="<i8")
    if len(end) != count or end[-1] != _MARK[0] or np.any(end < 0):
        raise RuntimeError("its inverted lists are missing")
    lengths, start = end[:-2], int(end[-2])
    capacities = -(-lengths // BLOCK) * BLOCK
    offsets = start + np.cumsum(capacities * (inverted.code_size + _ID_BYTES))
    if offsets[-1] + count * 8 != size:
        raise RuntimeError("its inverted lists are truncated")
    lists = faiss.OnDiskInvertedLists()
    lists.nlist, lists.code_size = inverted.nlist, inverted.code_size
    lists.filename, lists.totsize, lists.read_only = os.fspath(path), size, True
    lists.prefetch_nthread = 0  # otherwise every search starts prefetch threads
    begins = [start, *offsets.tolist()[:-1]]
    for length, capacity, offset in zip(lengths.tolist(), capacities.tolist(), begins, strict=True):
        entry = faiss.OnDiskOneList()
        entry.size, entry.capacity, entry.offset = length, capacity, offset
        lists.lists.push_back(entry)
    lists.do_mmap()
    inverted.replace_invlists(lists, True)
    lists.this.disown()


def append(index: Any, other: Any) -> None:
    """Append the lists of one inverted index to those of another; ids of the second continue those of the first.

    FAISS's own `merge_from` is not used: `BlockInvertedLists::add_entries` (1.15.1) tests whether a list ends with a
    full block by its length modulo the block's size in *bytes*, and then copies more bytes than there are, which
    corrupts memory.

    Args:
        index: An `IndexIVFPQFastScan` with lists in memory; receives the codes.
        other: An index of the same training; unchanged.
    """
    slots, nibbles = _slots(index), _nibbles(index)
    lists, added = (faiss.downcast_InvertedLists(each.invlists) for each in (index, other))
    for number in range(index.nlist):
        more = added.list_size(number)
        if not more:
            continue
        length = lists.list_size(number)
        codes = np.concatenate(
            [
                _unpacked(_codes(index, lists, number, length), slots, nibbles)[:length],
                _unpacked(_codes(other, added, number, more), slots, nibbles)[:more],
            ]
        )
        lists.resize(number, length + more)
        _codes(index, lists, number, length + more)[:] = _packed(codes, slots, nibbles)
        ids = faiss.rev_swig_ptr(lists.get_ids(number), length + more)
        ids[length:] = faiss.rev_swig_ptr(added.get_ids(number), more) + index.ntotal
    index.ntotal += other.ntotal


def _inverted_index(index: Any) -> Any:
    """The inverted index inside a composed index; None if there is none."""
    inverted = faiss.try_extract_index_ivf(index)
    return None if inverted is None else faiss.downcast_index(inverted)


def _nibbles(inverted: Any) -> int:
    """4-bit numbers in one code."""
    return 2 * int(inverted.code_size)


def _slots(inverted: Any) -> NDArray[np.int64]:
    """How FAISS orders the 4-bit numbers within a block.

    Learnt from FAISS's own packer, by packing numbers that spell out their positions, so that the layout is not
    written down a second time here.

    Returns:
        Shape (BLOCK * nibbles,): for each nibble of a block, low before high within a byte, the code it belongs to
        times the nibbles of a code, plus its position in that code.
    """
    packer, count = inverted.get_CodePacker(), _nibbles(inverted)
    numbers = np.arange(BLOCK * count).reshape(BLOCK, count)
    slots = np.zeros(BLOCK * count, dtype=np.int64)
    for shift in range(0, 32, _NIBBLE_BITS):
        digits = (numbers >> shift & 15).astype(np.uint8)
        block = np.zeros((1, packer.block_size), dtype=np.uint8)
        for i, digit in enumerate(digits):
            packer.pack_1(_joined(digit), i, block)
        slots |= _split(block[0]).astype(np.int64) << shift
    return slots


def _codes(inverted: Any, lists: Any, number: int, length: int) -> NDArray[np.uint8]:
    """The blocks of a list, shape (blocks, bytes of a block); a view of FAISS's memory."""
    blocks = -(-length // BLOCK)
    width = BLOCK * int(inverted.code_size)
    if not blocks:
        return np.empty((0, width), dtype=np.uint8)
    view: NDArray[np.uint8] = faiss.rev_swig_ptr(lists.get_codes(number), blocks * width)
    return view.reshape(blocks, width)


def _padded_with_zeros(block: NDArray[np.uint8], owner: NDArray[np.int64], used: int) -> NDArray[np.uint8]:
    """Set the unused slots of a block to zero.

    Args:
        block: Shape (bytes of a block,).
        owner: Shape (nibbles of a block,): which of the block's codes each nibble belongs to.
        used: Codes in the block, 1 to BLOCK.
    """
    return _joined(np.where(owner < used, _split(block), np.uint8(0)))


def _unpacked(blocks: NDArray[np.uint8], slots: NDArray[np.int64], nibbles: int) -> NDArray[np.uint8]:
    """Blocks into 4-bit numbers, shape (blocks * BLOCK, nibbles), one code a row."""
    codes = np.empty((len(blocks), len(slots)), dtype=np.uint8)
    codes[:, slots] = _split(blocks)
    return codes.reshape(-1, nibbles)


def _packed(codes: NDArray[np.uint8], slots: NDArray[np.int64], nibbles: int) -> NDArray[np.uint8]:
    """The inverse of `_unpacked`; the last block is filled up with zeros."""
    blocks = -(-len(codes) // BLOCK)
    filled = np.zeros((blocks * BLOCK, nibbles), dtype=np.uint8)
    filled[: len(codes)] = codes
    return _joined(filled.reshape(blocks, -1)[:, slots])


def _split(packed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bytes into nibbles along the last axis, low before high."""
    return np.stack([packed & 15, packed >> _NIBBLE_BITS], axis=-1).reshape(*packed.shape[:-1], 2 * packed.shape[-1])


def _joined(nibbles: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The inverse of `_split`."""
    return np.ascontiguousarray(nibbles[..., 0::2] | nibbles[..., 1::2] << _NIBBLE_BITS)
