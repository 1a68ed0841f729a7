"""The manifest of a snapshot: `manifest.json`, its fields, and the checks of the files it lists."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embeddings.encoders.encoder_info import EncoderInfo
from embeddings.errors import SnapshotError
from embeddings.files import sha256
from embeddings.ranking.calibration import Calibration

FORMAT_VERSION = 4

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The description of a snapshot.

    Attributes:
        format_version: Version of the directory layout.
        snapshot: The id, 12 hexadecimal digits: a hash of encoder, index, calibration, probes and all files. Equal
            content gives an equal id.
        built_at: When the build ended, ISO 8601, UTC. Not part of the id.
        encoder: The encoder that computed the embeddings.
        computation: Backend and precision of that computation. Not part of the id.
        counts: Papers, entries, papers by language, rejected records by reason, papers truncated by `--max-tokens`,
            dropped extra fields by name.
        sources: The sources as given to the build.
        index: FAISS factory string, search effort and refine factor, see `IndexSpec`.
        evaluation: The index compared with exact search on a sample, and alternative search parameters, see
            `evaluation.tuned`. Not part of the id, because it holds timings.
        duplicates: Threshold, number of groups and number of papers in them.
        calibration: Maps a ranking value to the probability that a hit is related; None if the encoder has none.
        probes: Texts whose embeddings are stored, to verify the query encoder.
        checksums: SHA-256 and size in bytes of every file.
        versions: Versions of the libraries used by the build. Not part of the id.
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
        """Serialise as `manifest.json`."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, location: str) -> "Manifest":
        """Parse a manifest.

        Args:
            text: Content of `manifest.json`.
            location: Folder or URL of the snapshot, for messages.

        Raises:
            SnapshotError: It is not JSON, not a manifest, or of a format that this version does not read.
        """
        try:
            content = json.loads(text)
        except ValueError as error:
            raise SnapshotError(f"{location}/{MANIFEST} cannot be read: {error}") from error
        version = content.get("format_version") if isinstance(content, dict) else None
        if version != FORMAT_VERSION:
            raise SnapshotError(
                f"{location} has snapshot format {version}, this version reads format {FORMAT_VERSION}; build it anew"
            )
        try:
            content["encoder"] = EncoderInfo(**content["encoder"])
            content["sources"], content["probes"] = tuple(content["sources"]), tuple(content["probes"])
            if content["calibration"] is not None:
                content["calibration"] = Calibration.from_fields(content["calibration"])
            return cls(**content)
        except (KeyError, TypeError, ValueError) as error:
            raise SnapshotError(
                f"{location}/{MANIFEST} is not a manifest of format {FORMAT_VERSION}: {error}"
            ) from error

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Read the manifest of a snapshot folder.

        Raises:
            SnapshotError: There is none, or `from_json` refuses it.
        """
        path = folder / MANIFEST
        try:
            return cls.from_json(path.read_bytes(), str(folder))
        except FileNotFoundError:
            raise SnapshotError(f"{folder} is not a snapshot: it has no {MANIFEST}") from None
        except OSError as error:
            raise SnapshotError(f"{path} cannot be read: {error}") from error

    def identity(self, checksums: Mapping[str, Mapping[str, Any]]) -> str:
        """Compute the id from the content: independent of build time, source folder and library versions.

        Args:
            checksums: As in the attribute of the same name; only the hashes are used.

        Returns:
            12 hexadecimal digits.
        """
        hashes = {name: entry["sha256"] for name, entry in sorted(checksums.items())}
        calibration = None if self.calibration is None else dataclasses.asdict(self.calibration)
        parts = [self.format_version, self.encoder.fingerprint, self.index, self.probes, calibration, hashes]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]

    def check_files(self, folder: Path, *, verify: bool = False) -> None:
        """Check that the files of a snapshot are those that were built.

        Args:
            folder: Directory of the snapshot.
            verify: Read every file and compare its SHA-256, and recompute the id from the manifest. Otherwise only
                sizes are compared.

        Raises:
            SnapshotError: A file is missing or differs, or the manifest was changed.
        """
        for name, recorded in self.checksums.items():
            _check_file(folder / name, recorded, verify=verify)
        if verify and (found := self.identity(self.checksums)) != self.snapshot:
            raise SnapshotError(
                f"{folder / MANIFEST} has changed: its content has the id {found}, it says {self.snapshot}"
            )


def _check_file(path: Path, recorded: Mapping[str, Any], *, verify: bool) -> None:
    try:
        size = path.stat().st_size
        if size != recorded["bytes"]:
            raise SnapshotError(
                f"{path} has {size} bytes, the manifest says {recorded['bytes']}; build the snapshot anew"
            )
        found = sha256(path) if verify else recorded["sha256"]
    except FileNotFoundError:
        raise SnapshotError(f"{path} is missing; build the snapshot anew, or publish another") from None
    except OSError as error:
        raise SnapshotError(f"{path} cannot be read: {error}; build the snapshot anew") from error
    if found != recorded["sha256"]:
        raise SnapshotError(
            f"{path} has changed: its SHA-256 is {found[:12]}…, the manifest says {recorded['sha256'][:12]}…"
        )
