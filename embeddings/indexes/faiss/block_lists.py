"""Inverted lists of fast-scan codes at the end of an index's file, mapped, so that all processes share them.

FAISS maps the lists of other kinds of index, but would read those of fast-scan kinds into every process. Their blocks
of 32 codes lie on disk as they do in memory, so its `OnDiskInvertedLists` serves them where they are, once it is told
where that is. FAISS's second door, beside `index`.

The file: the index with empty lists, as FAISS writes it; each list's blocks, then its ids; the lengths of the lists,
where they begin, and a mark, all of 8 bytes, little-endian.
"""

import os
from io import BufferedWriter
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

BLOCK = 32
"""Codes that are compared together; the last block of a list is filled up."""

_MARK = np.frombuffer(b"RPLISTS1", dtype="<i8")
_ID_BYTES = 8
_ALIGNMENT = 64


def has_blocks(index: Any) -> bool:
    """Whether an index keeps its codes in such lists."""
    return isinstance(_scanned(index), faiss.IndexIVFPQFastScan)


def write(index: Any, file: BufferedWriter) -> None:
    """Write an index that has such lists.

    Raises:
        OSError: It cannot be written.
    """
    scanned = _scanned(index)
    lists = scanned.invlists
    empty = faiss.BlockInvertedLists(scanned.nlist, BLOCK, BLOCK * scanned.code_size)
    scanned.invlists = empty
    try:
        faiss.write_index(index, faiss.PyCallbackIOWriter(file.write))
    finally:
        scanned.invlists = lists
    lists = faiss.downcast_InvertedLists(lists)
    start = file.tell() + -file.tell() % _ALIGNMENT
    file.write(bytes(start - file.tell()))
    lengths = np.array([lists.list_size(number) for number in range(scanned.nlist)], dtype="<i8")
    for number, (length, filled) in enumerate(zip(lengths.tolist(), _filled(lengths).tolist(), strict=True)):
        if length:
            file.write(faiss.rev_swig_ptr(lists.get_codes(number), filled * scanned.code_size).data)
            ids = np.full(filled, -1, dtype="<i8")
            ids[:length] = faiss.rev_swig_ptr(lists.get_ids(number), length)
            file.write(ids.data)
    file.write(np.concatenate([lengths, [start], _MARK]).astype("<i8").tobytes())


def attach(index: Any, path: Path) -> None:
    """Give an index read from a file that `write` wrote its lists, mapped.

    Raises:
        RuntimeError: The file has none, or is not whole.
    """
    scanned = _scanned(index)
    size = path.stat().st_size
    count = scanned.nlist + 2
    with path.open("rb") as file:
        file.seek(max(0, size - count * 8))
        end = np.frombuffer(file.read(), dtype="<i8")
    if len(end) != count or end[-1] != _MARK[0] or np.any(end < 0):
        raise RuntimeError("its inverted lists are missing")
    lengths, start = end[:-2], int(end[-2])
    filled = _filled(lengths)
    offsets = start + np.cumsum(filled * (scanned.code_size + _ID_BYTES))
    if offsets[-1] + count * 8 != size:
        raise RuntimeError("its inverted lists are not whole")
    lists = faiss.OnDiskInvertedLists()
    lists.nlist, lists.code_size = scanned.nlist, scanned.code_size
    lists.filename, lists.totsize, lists.read_only = os.fspath(path), size, True
    lists.prefetch_nthread = 0  # it would start threads for every search
    for length, room, offset in zip(lengths.tolist(), filled.tolist(), [start, *offsets.tolist()[:-1]], strict=True):
        entry = faiss.OnDiskOneList()
        entry.size, entry.capacity, entry.offset = length, room, offset
        lists.lists.push_back(entry)
    lists.do_mmap()
    scanned.replace_invlists(lists, True)
    lists.this.disown()


def _filled(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Lengths with the last block filled up."""
    return -(-lengths // BLOCK) * BLOCK


def _scanned(index: Any) -> Any:
    """The part of a composed index that has lists; None if it has none."""
    inverted = faiss.try_extract_index_ivf(index)
    return None if inverted is None else faiss.downcast_index(inverted)
