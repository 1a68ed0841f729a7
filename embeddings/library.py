"""The functions of the Python API that combine several modules: build, open, encode."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from embeddings.encoders.encoder_info import EMBEDDED_MODEL

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from embeddings.build.options import BuildOptions, BuildReport
    from embeddings.search.searcher import Searcher
    from embeddings.snapshots.snapshot import Snapshot


def build_snapshot(sources: Sequence[str], options: "BuildOptions | None" = None) -> "BuildReport":
    """Build a snapshot, and publish it if it passes the release gate.

    The build can be interrupted at any time and started again: it continues, and its result is the same.

    Args:
        sources: Files, folders, patterns or addresses.
        options: Folder of snapshots, model, index and others; None takes the defaults.

    Raises:
        RelatedPapersError: A source cannot be read, nothing can be built from it, or the options are invalid.
    """
    from embeddings.build.job import BuildOptions, build

    return build(sources, BuildOptions() if options is None else options)


def open_snapshot(snapshots: str | PathLike[str] = "snapshots", snapshot: str | None = None) -> "Snapshot":
    """Open a snapshot.

    Args:
        snapshots: Folder of snapshots.
        snapshot: Its id or the beginning of its id; None opens the published snapshot.

    Raises:
        SnapshotError: There is no such snapshot, or it cannot be used.
    """
    from embeddings.snapshots.folder import FolderSource
    from embeddings.snapshots.snapshot import Snapshot, open_current

    source = FolderSource(Path(snapshots))
    if snapshot is None:
        return open_current(source)[0]
    return Snapshot.open(source.fetch(source.resolve(snapshot)))


def open_searcher(snapshots: str | PathLike[str] = "snapshots", snapshot: str | None = None) -> "Searcher":
    """Open a snapshot for searching.

    The encoder is loaded when the first text is embedded; papers related to a paper need none. `searcher.snapshot`
    is the open snapshot; `searcher.snapshot.close()` closes it.

    Args:
        snapshots: Folder of snapshots.
        snapshot: Its id or the beginning of its id; None opens the published snapshot.

    Raises:
        SnapshotError: There is no such snapshot, or it cannot be used.
    """
    from embeddings.search.query_encoder import QueryEncoder
    from embeddings.search.searcher import Searcher

    opened = open_snapshot(snapshots, snapshot)
    return Searcher(opened, QueryEncoder(opened))


def encode(texts: Sequence[str], model: str = EMBEDDED_MODEL) -> "NDArray[np.float32]":
    """Embed texts as papers are embedded, on torch in 32 bits.

    Each call loads the model: pass many texts in one call.

    Args:
        texts: Abstracts or sentences.
        model: Hub id or folder of a sentence-transformers model; the default is installed with the package.

    Returns:
        Shape (n, dimension), float32, rows of length 1.

    Raises:
        EncoderError: The model does not exist or cannot encode text.
    """
    from embeddings.encoders import loading

    return loading.load(model).encode_documents(texts).embeddings
