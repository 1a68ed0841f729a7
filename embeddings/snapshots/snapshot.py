"""An open snapshot, and `seal`, which finishes one. The manifest is in `manifest.py`."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embeddings.errors import SnapshotError
from embeddings.files import map_array, sha256, sync_file, write_atomically
from embeddings.indexes.bm25 import lexical_index
from embeddings.indexes.faiss import faiss_index
from embeddings.indexes.faiss.vector_index import FaissVectorIndex
from embeddings.papers import Paper
from embeddings.snapshots import stored_fields
from embeddings.snapshots.filter_masks import FilterMasks
from embeddings.snapshots.manifest import MANIFEST, Manifest
from embeddings.snapshots.papers_db import PapersDb
from embeddings.snapshots.source import Pointer, SnapshotSource
from embeddings.snapshots.stored_fields import StoredFields

PAPERS = "papers.db"
EMBEDDINGS = "embeddings.npy"
TITLES = "titles.npy"
LANGUAGES = "languages.npy"
INDEX = "dense.faiss"
NEIGHBOUR_ROWS = "neighbours.npy"
NEIGHBOUR_SIMILARITIES = "neighbour_similarities.npy"
NEIGHBOUR_SCORES = "neighbour_scores.npy"
PROBES = "probes.npy"
REJECTS = "rejects.jsonl"
FILES = (
    PAPERS,
    EMBEDDINGS,
    TITLES,
    LANGUAGES,
    INDEX,
    NEIGHBOUR_ROWS,
    NEIGHBOUR_SIMILARITIES,
    NEIGHBOUR_SCORES,
    *lexical_index.FILES,
    *stored_fields.FILES,
    PROBES,
    REJECTS,
)
"""All files of a snapshot but the manifest; each has a checksum in it."""

_OPENING_TRIES = 5


class Snapshot:
    """An open snapshot: papers, embeddings, indexes and stored neighbours of one build. Safe from many threads.

    Attributes:
        folder: Its directory.
        manifest: Its manifest.
        papers_db: Papers by row and by id.
        stored_fields: What a hit shows of each paper, as JSON.
        embeddings: Of all papers, shape (papers, dimension), unit length.
        titles: Of all titles, shape (papers, dimension), see `title_embeddings`; zero where there is no title.
        languages: ISO 639-1 codes in ASCII, shape (papers,).
        neighbour_rows: Rows of the stored neighbours, shape (papers, neighbours), best first.
        neighbour_similarities: Their cosines, in [-1, 1], same shape.
        neighbour_scores: Their scores, same shape.
        probe_embeddings: Embeddings of `manifest.probes`, shape (probes, dimension).
        masks: Computes which rows filters admit.
        index: The vector index, over `embeddings`.
        lexical: The lexical index.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        """Open the files without checking them; use `open`."""
        self.folder = folder
        self.manifest = manifest
        self.papers_db = PapersDb(folder / PAPERS)
        self.embeddings: NDArray[np.float32] = map_array(folder / EMBEDDINGS, scattered=True)
        self.titles: NDArray[np.int8] = map_array(folder / TITLES, scattered=True)
        self.languages: NDArray[np.bytes_] = map_array(folder / LANGUAGES)
        self.neighbour_rows: NDArray[np.int32] = map_array(folder / NEIGHBOUR_ROWS)
        self.neighbour_similarities: NDArray[np.float32] = map_array(folder / NEIGHBOUR_SIMILARITIES)
        self.neighbour_scores: NDArray[np.float32] = map_array(folder / NEIGHBOUR_SCORES)
        self.probe_embeddings: NDArray[np.float32] = map_array(folder / PROBES)
        # Manifests without `refine` describe indexes for which 4 is enough
        spec = faiss_index.IndexSpec(
            manifest.index["factory"], manifest.index["effort"], manifest.index.get("refine", 4)
        )
        self.masks = FilterMasks(self.papers_db)
        opened = faiss_index.load(folder / INDEX, spec, self.embeddings)
        self.index = FaissVectorIndex(opened, self.embeddings, self.masks.mask)
        self.lexical = lexical_index.Bm25Index.load(folder, self.masks.mask)
        self.stored_fields = StoredFields(folder)

    @classmethod
    def open(cls, folder: Path, *, verify: bool = False) -> "Snapshot":
        """Open a snapshot and check that its files belong together.

        Args:
            folder: Its directory.
            verify: Also read every file and compare checksums, see `Manifest.check_files`.

        Raises:
            SnapshotError: It is missing, incomplete or changed, or its files do not belong together.
        """
        manifest = Manifest.read(folder)
        for name in FILES:
            if name not in manifest.checksums:
                raise SnapshotError(f"{folder / MANIFEST} lists no file {name}; build the snapshot anew")
        manifest.check_files(folder, verify=verify)
        snapshot = cls(folder, manifest)
        try:
            snapshot._check_shapes()
        except SnapshotError:
            snapshot.close()
            raise
        return snapshot

    @property
    def id(self) -> str:
        """The id of the snapshot."""
        return self.manifest.snapshot

    def __len__(self) -> int:
        return len(self.papers_db)

    def paper(self, reference: str) -> Paper:
        """Read one paper; for `reference` and errors see `PapersDb.find`."""
        return self.papers_db.by_rows([self.papers_db.row(reference)])[0]

    def papers(self, offset: int, limit: int) -> list[Paper]:
        """Read papers in row order, at most `limit`, starting at row `offset`."""
        return self.papers_db.page(offset, limit)

    def vectors(self, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
        """Read embeddings, shape (len(rows), dimension)."""
        return self.index.vectors(rows)

    def close(self) -> None:
        """Close the database. Mapped files are unmapped when the object is deleted."""
        self.papers_db.close()

    def _check_shapes(self) -> None:
        papers, dimension = len(self.papers_db), self.manifest.encoder.dimension
        shapes: dict[str, tuple[object, object]] = {
            EMBEDDINGS: (self.embeddings.shape, (papers, dimension)),
            TITLES: (self.titles.shape, (papers, dimension)),
            LANGUAGES: (self.languages.shape, (papers,)),
            INDEX: ((len(self.index), self.index.dimension), (papers, dimension)),
            lexical_index.LENGTHS: (len(self.lexical), papers),
            stored_fields.ENDS: (len(self.stored_fields), papers),
            NEIGHBOUR_ROWS: (self.neighbour_rows.shape, self.neighbour_similarities.shape),
            NEIGHBOUR_SIMILARITIES: (self.neighbour_similarities.shape[:1], (papers,)),
            NEIGHBOUR_SCORES: (self.neighbour_scores.shape, self.neighbour_similarities.shape),
            PROBES: (self.probe_embeddings.shape, (len(self.manifest.probes), dimension)),
        }
        for name, (found, expected) in shapes.items():
            if found != expected:
                raise SnapshotError(
                    f"{self.folder / name} has shape {found}, expected {expected} for the {papers} papers of "
                    f"{PAPERS}; build the snapshot anew"
                )


def open_current(source: SnapshotSource) -> tuple[Snapshot, Pointer]:
    """Open the served snapshot.

    Raises:
        NothingPublished: There is no pointer.
        SnapshotError: The snapshot cannot be opened.
    """
    for _ in range(_OPENING_TRIES):
        pointer = source.current()
        try:
            return Snapshot.open(source.fetch(pointer.snapshot)), pointer
        except SnapshotError:
            # Between reading the pointer and opening, another may have been published and this one pruned
            if source.current().snapshot == pointer.snapshot:
                raise
    raise SnapshotError(f"another snapshot was published during each of {_OPENING_TRIES} attempts to open one")


def seal(folder: Path, manifest: Manifest) -> Manifest:
    """Finish a snapshot: compute checksums and id, write the manifest; all files are on the disk afterwards.

    Args:
        folder: Contains all of `FILES`.
        manifest: Complete except for `snapshot` and `checksums`.

    Returns:
        The complete manifest.
    """
    checksums = {}
    for name in FILES:
        path = folder / name
        sync_file(path)
        checksums[name] = {"sha256": sha256(path), "bytes": path.stat().st_size}
    sealed = dataclasses.replace(manifest, snapshot=manifest.identity(checksums), checksums=checksums)
    write_atomically(folder / MANIFEST, sealed.to_json().encode())
    return sealed
