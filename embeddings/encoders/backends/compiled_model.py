"""Compiled models on disk: all that is needed to encode with OpenVINO, without torch."""

import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from embeddings.encoders.backends import openvino_backend
from embeddings.encoders.backends.base import Precision
from embeddings.encoders.backends.openvino_backend import MODEL, WEIGHTS, OpenVinoRuntime
from embeddings.encoders.encoder import Encoder
from embeddings.encoders.encoder_info import EncoderInfo
from embeddings.errors import EncoderError
from embeddings.files import sync_file, sync_folder, write_atomically

TOKENIZER = "tokenizer.json"
DESCRIPTION = "encoder.json"
FORMAT = 1

_ABANDONED_S = 24 * 3600  # a compilation takes a minute

# Limits of the check against torch in f32. Ranks change where cosines are nearly equal: 1 % of the top ten may
LEAST_COSINE = 0.999
LEAST_KEPT = 0.99


@dataclass(frozen=True, slots=True)
class Check:
    """Agreement of a precision with torch in f32.

    Attributes:
        least_cosine: Lowest cosine between the two vectors of a text.
        same_top_10: Fraction of the ten nearest texts that are the same, ties ignored.
        texts: Texts compared.
    """

    least_cosine: float
    same_top_10: float
    texts: int

    @property
    def passed(self) -> bool:
        """Whether the precision may be used."""
        return self.least_cosine >= LEAST_COSINE and self.same_top_10 >= LEAST_KEPT


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A compiled model.

    Attributes:
        folder: Of its files.
        info: Of the encoder.
        simplify: See `Encoder`.
        padding: Id of the padding token.
        openvino: Version that converted the model.
        checks: Results by precision.
        refused: Why the model could not be converted; None if it was converted.
        sizes: Bytes of each file.
    """

    folder: Path
    info: EncoderInfo
    simplify: bool
    padding: int
    openvino: str
    checks: dict[Precision, Check]
    refused: str | None
    sizes: dict[str, int]

    def passed(self, precision: Precision) -> bool:
        """Whether a precision may be used."""
        check = self.checks.get(precision)
        return self.refused is None and check is not None and check.passed

    def current(self, precisions: Sequence[Precision]) -> bool:
        """Whether it was converted by the installed version, and all precisions of this CPU were checked."""
        checked = self.refused is not None or all(precision in self.checks for precision in precisions)
        return checked and self.openvino == openvino_backend.version()

    def reason(self) -> str:
        """Why no precision may be used."""
        if self.refused is not None:
            return self.refused
        return "; ".join(
            f"{name} reaches a cosine of {check.least_cosine:.4f} and keeps {check.same_top_10:.0%} of the ten nearest"
            for name, check in self.checks.items()
        )

    def open(self, precision: Precision, threads: int, batch_tokens: int | None = None) -> Encoder:
        """Load the model.

        Args:
            precision: Not `AUTO`.
            threads: Processors to use.
            batch_tokens: See `Encoder`.

        Raises:
            EncoderError: The model cannot be loaded.
        """
        try:
            runtime = OpenVinoRuntime(self.folder, precision, threads, self.padding)
            tokenizer = Tokenizer.from_file(str(self.folder / TOKENIZER))
        except Exception as error:  # tokenizers raises plain Exception
            raise EncoderError(
                f"the compiled model in {self.folder} cannot be loaded: {error}; delete the folder and build again"
            ) from error
        return Encoder(runtime, tokenizer, self.info, batch_tokens, simplify=self.simplify)

    def to_json(self) -> str:
        """Content of `encoder.json`."""
        fields = asdict(self)
        del fields["folder"]
        return json.dumps({"format": FORMAT, **fields}, ensure_ascii=False, indent=2) + "\n"


def read(folder: Path, fingerprint: str) -> Compiled | None:
    """Read a compiled model.

    Args:
        folder: Of compiled models.
        fingerprint: See `EncoderInfo`.

    Returns:
        None if it does not exist, is incomplete, or has a format that this version does not read; it can be compiled
        again.
    """
    own = folder / fingerprint
    try:
        content: dict[str, Any] = json.loads((own / DESCRIPTION).read_text(encoding="utf-8"))
        if content.pop("format") != FORMAT:
            return None
        content["info"] = EncoderInfo(**content["info"])
        content["checks"] = {Precision(name): Check(**check) for name, check in content["checks"].items()}
        found = Compiled(folder=own, **content)
        whole = all((own / name).stat().st_size == size for name, size in found.sizes.items())
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return found if whole else None


def shared_folder() -> Path | None:
    """The user's cache of compiled models (XDG base directories), for all snapshot folders; None if not writable."""
    try:
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folder = Path(home, "related-papers", "encoders")
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # no home directory, or no permission
        return None
    return folder if os.access(folder, os.W_OK) else None


def bring(found: Compiled, folder: Path) -> Compiled:
    """Copy a compiled model to another folder, by hard links where both are on one file system.

    Args:
        found: Returned by `read`.
        folder: Of compiled models; the target.
    """
    work = scratch(folder, found.folder.name)
    shutil.copytree(found.folder, work, copy_function=_link, dirs_exist_ok=True)
    return adopt(replace(found, folder=work), folder / found.folder.name)


def scratch(folder: Path, fingerprint: str) -> Path:
    """Create a folder to compile a model in, and delete those that killed processes left a day ago or earlier."""
    for left in folder.glob(".*.*"):
        if left.is_dir() and time.time() - left.stat().st_mtime > _ABANDONED_S:
            shutil.rmtree(left, ignore_errors=True)
    work = folder / f".{fingerprint}.{os.getpid()}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    return work


def adopt(found: Compiled, place: Path) -> Compiled:
    """Rename a finished folder to its place, durably; an existing folder is replaced."""
    for name in found.sizes:
        sync_file(found.folder / name)
    write_atomically(found.folder / DESCRIPTION, found.to_json().encode())
    shutil.rmtree(place, ignore_errors=True)
    found.folder.rename(place)
    sync_folder(place.parent)
    return replace(found, folder=place)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def cache_name(fingerprint: str, precision: Precision) -> str:
    """Name of the vector cache. f32 vectors of both backends share one: they agree to the sixth digit."""
    return fingerprint if precision is Precision.F32 else f"{fingerprint}-{precision}"


def measured(folder: Path) -> dict[str, int]:
    """Sizes of the files of a converted model."""
    return {name: (folder / name).stat().st_size for name in (MODEL, WEIGHTS, TOKENIZER)}
