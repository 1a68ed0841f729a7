"""Atomic and durable writing of files, checksums, and memory-mapped arrays."""

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

# numpy parses headers as Python; in CPython up to 3.11.7 that is not thread-safe (gh-106905)
_header_lock = threading.Lock()


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a small file by renaming: readers see the old or the new content, never a part. Durable on return."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Flush the content of a file to the disk (fsync)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Flush the entries of a folder to the disk (fsync): renames in it are durable afterwards."""
    sync_file(folder)


def sha256(path: Path) -> str:
    """Compute the SHA-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def create_array(path: Path, kind: type[np.generic], shape: tuple[int, ...]) -> NDArray[Any]:
    """Create a memory-mapped array in a new file; its content is durable after `sync_file`.

    Raises:
        OSError: The disk has too little space. The space is allocated here, because running out of it while writing
            to mapped memory kills the process (SIGBUS).
    """
    if not math.prod(shape):  # an empty file cannot be mapped
        np.save(path, np.empty(shape, dtype=kind))
        return np.empty(shape, dtype=kind)
    try:
        created: NDArray[Any] = np.lib.format.open_memmap(path, mode="w+", dtype=kind, shape=shape)
        if hasattr(os, "posix_fallocate"):
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except OSError:
        path.unlink()  # free the space that was allocated
        raise
    return created


def map_bytes(path: Path) -> bytes | mmap.mmap:
    """Map a file into memory, shared between processes; an empty file, which cannot be mapped, is read.

    Raises:
        SnapshotError: The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""
    except OSError as error:
        raise SnapshotError(f"{path} cannot be read: {error}; build the snapshot anew") from error


def map_array(path: Path, *, scattered: bool = False) -> NDArray[Any]:
    """Map an array file into memory, shared between processes; an empty array, which cannot be mapped, is read.

    Args:
        path: The file.
        scattered: Rows will be read in random order; read-ahead is turned off (MADV_RANDOM). Otherwise the system
            reads 128 KB for a row of 1.5 KB, which evicts pages that are needed if memory is smaller than the file.

    Raises:
        SnapshotError: The file is missing or does not contain an array.
    """
    try:
        with _header_lock:
            try:
                mapped: NDArray[Any] = np.load(path, mmap_mode="r")
            except ValueError:
                mapped = np.load(path)
    except (OSError, ValueError, EOFError) as error:
        raise SnapshotError(f"{path} cannot be read: {error}; build the snapshot anew") from error
    if scattered and isinstance(mapped.base, mmap.mmap) and hasattr(mmap, "MADV_RANDOM"):
        mapped.base.madvise(mmap.MADV_RANDOM)
    return np.asarray(mapped)  # slicing numpy.memmap is slower than reading a few numbers
