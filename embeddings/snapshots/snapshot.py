"""One build's directory: written once, checked, then only read. The format is `FORMAT_VERSION`."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.encoders.encoder_info import EncoderInfo
from embeddings.errors import SnapshotError
from embeddings.files import map_array, sha256, sync_file, write_atomically
from embeddings.indexes.bm25 import lexical_index
from embeddings.indexes.faiss import faiss_index
from embeddings.papers import Paper
from embeddings.ranking.calibration import Calibration
from embeddings.snapshots import stored_fields
from embeddings.snapshots.papers_db import PapersDb
from embeddings.snapshots.stored_fields import StoredFields

FORMAT_VERSION = 3

MANIFEST = "manifest.json"
PAPERS = "papers.db"
EMBEDDINGS = "embeddings.npy"
TITLES = "titles.npy"
LANGUAGES = "languages.npy"
INDEX = "dense.faiss"
NEIGHBOUR_ROWS = "neighbours.npy"
NEIGHBOUR_SCORES = "neighbour_scores.npy"
NEIGHBOUR_RELEVANCE = "neighbour_relevance.npy"
PROBES = "probes.npy"
REJECTS = "rejects.jsonl"
FILES = (
    PAPERS,
    EMBEDDINGS,
    TITLES,
    LANGUAGES,
    INDEX,
    NEIGHBOUR_ROWS,
    NEIGHBOUR_SCORES,
    NEIGHBOUR_RELEVANCE,
    *lexical_index.FILES,
    *stored_fields.FILES,
    PROBES,
    REJECTS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a snapshot says of itself.

    Attributes:
        format_version: Of the directory's layout.
        snapshot: Its id, 12 hexadecimal digits over encoder, index, calibration and all files: equal content, equal id.
        built_at: When the build ended, ISO 8601, UTC. Not part of the id.
        encoder: What made the vectors.
        computation: Backend and precision that computed them. Not part of the id.
        counts: Papers, entries, languages, what was rejected and why, texts cut by `--max-tokens`.
        sources: What the build was asked to read.
        index: FAISS factory string, search effort and refine, see `IndexSpec`.
        evaluation: The index against exact search on a sample, and other ways to search it, see `evaluation.tuned`. Not
            part of the id: it holds times.
        duplicates: Threshold, groups and papers in them.
        calibration: How probable relevance makes it that a hit is related; None where that is not known.
        probes: Texts whose vectors are stored, to recognise the encoder by.
        checksums: SHA-256 and size of every file.
        versions: Of the libraries that built it. Not part of the id.
    """

    format_version: int
    snapshot: str
    built_at: str
    encoder: EncoderInfo
    counts: dict[str, Any]
    sources: tuple[str, ...]
    index: dict[str, Any]
    evaluation: dict[str, Any]
    duplicates: dict[str, Any]
    calibration: Calibration | None
    probes: tuple[str, ...]
    checksums: dict[str, dict[str, Any]]
    computation: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """As `manifest.json` holds it."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False, indent=2) + "\n"

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Read a snapshot's manifest.

        Raises:
            SnapshotError: There is none, it is broken, or of a format this version does not read.
        """
        path = folder / MANIFEST
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise SnapshotError(f"{folder} is no snapshot: it has no {MANIFEST}") from None
        except (OSError, ValueError) as error:
            raise SnapshotError(f"{path} cannot be read: {error}") from error
        version = content.get("format_version") if isinstance(content, dict) else None
        if version != FORMAT_VERSION:
            raise SnapshotError(
                f"{folder} has snapshot format {version}, this version reads format {FORMAT_VERSION}; build it anew"
            )
        try:
            content["encoder"] = EncoderInfo(**content["encoder"])
            content["sources"], content["probes"] = tuple(content["sources"]), tuple(content["probes"])
            if content["calibration"] is not None:
                content["calibration"] = Calibration.from_fields(content["calibration"])
            return cls(**content)
        except (KeyError, TypeError, ValueError) as error:
            raise SnapshotError(f"{path} is not a manifest of format {FORMAT_VERSION}: {error}") from error


class Snapshot:
    """An open snapshot: papers, vectors, index and neighbours that belong together. Safe from many threads."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        """Open the parts; `open` is the way in, it checks that they agree."""
        self.folder = folder
        self.manifest = manifest
        self.papers_db = PapersDb(folder / PAPERS)
        self.embeddings: NDArray[np.float32] = map_array(folder / EMBEDDINGS, scattered=True)
        self.titles: NDArray[np.int8] = map_array(folder / TITLES, scattered=True)
        self.languages: NDArray[np.bytes_] = map_array(folder / LANGUAGES)
        self.neighbour_rows: NDArray[np.int32] = map_array(folder / NEIGHBOUR_ROWS)
        self.neighbour_scores: NDArray[np.float32] = map_array(folder / NEIGHBOUR_SCORES)
        self.neighbour_relevance: NDArray[np.float32] = map_array(folder / NEIGHBOUR_RELEVANCE)
        self.probe_embeddings: NDArray[np.float32] = map_array(folder / PROBES)
        # Manifests that do not know it are of indexes that need little of it
        spec = faiss_index.IndexSpec(
            manifest.index["factory"], manifest.index["effort"], manifest.index.get("refine", 4)
        )
        self.index = faiss_index.load(folder / INDEX, spec, self.embeddings)
        self.lexical = lexical_index.LexicalIndex.load(folder)
        self.stored_fields = StoredFields(folder)

    @classmethod
    def open(cls, folder: Path, *, verify: bool = False) -> "Snapshot":
        """Open a snapshot and check that its parts agree.

        Args:
            folder: Its directory.
            verify: Read every file and compare its checksum too.

        Raises:
            SnapshotError: It is missing, incomplete, changed, or its parts disagree.
        """
        manifest = Manifest.read(folder)
        for name in FILES:
            _check_file(folder / name, manifest.checksums.get(name), verify=verify)
        snapshot = cls(folder, manifest)
        snapshot._check_shapes()
        return snapshot

    @property
    def id(self) -> str:
        """The snapshot's id."""
        return self.manifest.snapshot

    def __len__(self) -> int:
        return len(self.papers_db)

    def paper(self, reference: str) -> Paper:
        """Read one paper; for `reference` and errors see `PapersDb.row`."""
        return self.papers_db.by_rows([self.papers_db.row(reference)])[0]

    def papers(self, offset: int, limit: int) -> list[Paper]:
        """Read papers in the order of the corpus."""
        return self.papers_db.page(offset, limit)

    def vectors(self, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
        """Read embeddings, shape (len(rows), dimension)."""
        return np.asarray(self.embeddings[np.asarray(rows, dtype=np.int64)])

    def close(self) -> None:
        """Close the database; mapped files go with the object."""
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
            NEIGHBOUR_ROWS: (self.neighbour_rows.shape, self.neighbour_scores.shape),
            NEIGHBOUR_SCORES: (self.neighbour_scores.shape[:1], (papers,)),
            NEIGHBOUR_RELEVANCE: (self.neighbour_relevance.shape, self.neighbour_scores.shape),
            PROBES: (self.probe_embeddings.shape, (len(self.manifest.probes), dimension)),
        }
        for name, (found, expected) in shapes.items():
            if found != expected:
                self.close()
                raise SnapshotError(
                    f"{self.folder / name} has shape {found}, {expected} belongs to the {papers} papers of "
                    f"{PAPERS}; build the snapshot anew"
                )


def seal(folder: Path, manifest: Manifest) -> Manifest:
    """Finish a snapshot under construction: checksums, id, manifest; every file on the disk when this returns.

    Args:
        folder: Holds all of `FILES`.
        manifest: Complete but for `snapshot` and `checksums`.
    """
    checksums = {}
    for name in FILES:
        path = folder / name
        sync_file(path)
        checksums[name] = {"sha256": sha256(path), "bytes": path.stat().st_size}
    sealed = dataclasses.replace(manifest, snapshot=_identity(manifest, checksums), checksums=checksums)
    write_atomically(folder / MANIFEST, sealed.to_json().encode())
    return sealed


def _identity(manifest: Manifest, checksums: dict[str, dict[str, Any]]) -> str:
    """Name content by content: what was built, not when, from which folder or with which library versions."""
    named = {name: entry["sha256"] for name, entry in sorted(checksums.items())}
    calibration = None if manifest.calibration is None else dataclasses.asdict(manifest.calibration)
    parts = [FORMAT_VERSION, manifest.encoder.fingerprint, manifest.index, manifest.probes, calibration, named]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def _check_file(path: Path, recorded: dict[str, Any] | None, *, verify: bool) -> None:
    if recorded is None:
        raise SnapshotError(f"{path.parent / MANIFEST} knows no file {path.name}; build the snapshot anew")
    if not path.is_file():
        raise SnapshotError(f"{path} is missing; build the snapshot anew, or publish another")
    size = path.stat().st_size
    if size != recorded["bytes"]:
        raise SnapshotError(f"{path} has {size} bytes, the manifest says {recorded['bytes']}; build the snapshot anew")
    if verify and (found := sha256(path)) != recorded["sha256"]:
        raise SnapshotError(f"{path} has changed: its SHA-256 is {found[:12]}…, {recorded['sha256'][:12]}… was written")
