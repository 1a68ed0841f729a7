"""Files that are there whole or not at all, even after a power cut; and arrays mapped into memory."""

import hashlib
import math
import mmap
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.errors import SnapshotError

# numpy parses headers as Python, and CPython up to 3.11.7 mixes up parsers in several threads (gh-106905)
_one_header_at_a_time = threading.Lock()


def write_atomically(path: Path, data: bytes) -> None:
    """Put a small file in place by renaming; whoever reads sees the old content or the new, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Wait until a file's content is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until a folder's list of names is on the disk: renames in it are durable afterwards."""
    sync_file(folder)


def sha256(path: Path) -> str:
    """Checksum of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def create_array(path: Path, kind: type[np.generic], shape: tuple[int, ...]) -> NDArray[Any]:
    """Make an array in a file, to be filled; what is written is on the disk after `sync_file`.

    Raises:
        OSError: The disk has no room for it. Found out later, while filling it, that would kill the process.
    """
    if not math.prod(shape):  # nothing cannot be mapped
        np.save(path, np.empty(shape, dtype=kind))
        return np.empty(shape, dtype=kind)
    try:
        created: NDArray[Any] = np.lib.format.open_memmap(path, mode="w+", dtype=kind, shape=shape)
        if hasattr(os, "posix_fallocate"):
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except OSError:
        path.unlink()  # a part of it would keep the disk full
        raise
    return created


def map_bytes(path: Path) -> bytes | mmap.mmap:
    """Map a file into memory, shared by all processes that do; an empty one cannot be mapped and is read.

    Raises:
        SnapshotError: The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""
    except OSError as error:
        raise SnapshotError(f"{path} cannot be read: {error}; build the snapshot anew") from error


def map_array(path: Path, *, scattered: bool = False) -> NDArray[Any]:
    """Map an array file into memory, shared by all processes that do; an empty one cannot be mapped and is read.

    Args:
        path: The file.
        scattered: Rows will be read here and there. The system then reads no more than them: it would read 128 KB for
            a row of 1.5, and where memory is less than the file, push out with that what is needed next.

    Raises:
        SnapshotError: The file is missing or holds no array.
    """
    try:
        with _one_header_at_a_time:
            try:
                mapped: NDArray[Any] = np.load(path, mmap_mode="r")
            except ValueError:
                mapped = np.load(path)
    except (OSError, ValueError, EOFError) as error:
        raise SnapshotError(f"{path} cannot be read: {error}; build the snapshot anew") from error
    if scattered and isinstance(mapped.base, mmap.mmap) and hasattr(mmap, "MADV_RANDOM"):
        mapped.base.madvise(mmap.MADV_RANDOM)
    return np.asarray(mapped)  # slicing numpy's own class of mapped arrays takes longer than reading a few numbers
