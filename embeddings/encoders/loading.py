"""Encoders by name, by files or by snapshot: who computes them is decided here.

OpenVINO is taken where it is installed, has a compiled form of the model that passed its check (see `compiling`), and
there is no better device; else torch. Imports torch, which takes seconds, only where torch computes.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from embeddings.encoders import model_files
from embeddings.encoders.backends import compiled_model, openvino_backend
from embeddings.encoders.backends.base import Backend, Computation, Precision
from embeddings.encoders.backends.compiled_model import Compiled
from embeddings.encoders.encoder import Encoder
from embeddings.encoders.encoder_info import EMBEDDED_MODEL
from embeddings.encoders.model_files import ModelFiles
from embeddings.errors import EncoderError

if TYPE_CHECKING:
    from embeddings.snapshots.manifest import Manifest

ON_TORCH = Computation(Backend.TORCH, Precision.F32)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Who computes an encoder.

    Attributes:
        computation: Backend and precision.
        stored: The compiled form, where OpenVINO computes; else None.
    """

    computation: Computation
    stored: Compiled | None

    def cached_as(self, fingerprint: str) -> str:
        """Name of the vector cache."""
        return compiled_model.cache_name(fingerprint, self.computation.precision)

    def load(
        self,
        files: Callable[[], ModelFiles],
        *,
        device: str | None = None,
        max_tokens: int = 0,
        batch_tokens: int | None = None,
        threads: int = 1,
    ) -> Encoder:
        """Load the encoder; for the arguments see `load`.

        Args:
            files: Finds the model's files; only torch needs them.
            device: Where torch computes.
            max_tokens: Most tokens read of a text, 0 for all; those of a compiled form are known.
            batch_tokens: See `Encoder`.
            threads: Processors for one pass through the model.

        Raises:
            EncoderError: It cannot be loaded.
        """
        if self.stored is not None:
            return self.stored.open(self.computation.precision, threads, batch_tokens)
        return load_files(files(), device=device, max_tokens=max_tokens, batch_tokens=batch_tokens, threads=threads)


def load(
    name: str = EMBEDDED_MODEL,
    *,
    revision: str | None = None,
    device: str | None = None,
    max_tokens: int = 0,
    batch_tokens: int | None = None,
    threads: int | None = None,
) -> Encoder:
    """Load a model by name, computed by torch.

    Args:
        name: See `models.locate`.
        revision: See `models.locate`.
        device: `cpu`, `cuda`, …; None takes a GPU if there is one.
        max_tokens: Most tokens read of a text, 0 for all.
        batch_tokens: See `Encoder`.
        threads: Processors for one pass through the model; None leaves torch's own choice.

    Raises:
        EncoderError: There is no such model, it has no safetensors weights, or it cannot encode text.
    """
    files = model_files.locate(name, revision)
    return load_files(files, device=device, max_tokens=max_tokens, batch_tokens=batch_tokens, threads=threads)


def load_files(
    files: ModelFiles,
    *,
    device: str | None = None,
    max_tokens: int = 0,
    batch_tokens: int | None = None,
    threads: int | None = None,
) -> Encoder:
    """Load a model whose files are found already, computed by torch; see `load`.

    Raises:
        EncoderError: The files are no model, or it cannot encode text.
    """
    from embeddings.encoders.backends import sentence_transformer
    from embeddings.encoders.backends.torch_backend import TorchRuntime

    if threads is not None:
        sentence_transformer.use_threads(threads)
    model = sentence_transformer.open_model(files, device=device)
    info = sentence_transformer.describe(model, files, max_tokens)
    return Encoder(
        TorchRuntime(model),
        sentence_transformer.own_tokenizer(model),
        info,
        batch_tokens,
        simplify=sentence_transformer.simplifies(files),
    )


def for_snapshot(
    manifest: "Manifest",
    folder: Path | None = None,
    *,
    backend: Backend = Backend.AUTO,
    precision: Precision = Precision.AUTO,
    model: str | None = None,
    device: str | None = None,
    threads: int = 1,
) -> Encoder:
    """Load the encoder that built a snapshot.

    Args:
        manifest: Of the snapshot.
        folder: Of compiled encoders; None has torch compute.
        backend: Who computes.
        precision: With which numbers; `AUTO` takes those the snapshot was computed with, if this processor has them.
        model: Where the model lies now, if not under the manifest's name.
        device: See `load`.
        threads: See `load`.

    Raises:
        EncoderError: As `load`, or what was asked for cannot be had. That another model was loaded is for
            `compatibility.check_encoder` to find.
    """
    info = manifest.encoder
    chosen = of_snapshot(
        manifest, folder if model is None else None, backend=backend, precision=precision, device=device
    )
    if model is None:
        model, revision = info.name, info.revision
    else:
        revision = None
    return chosen.load(
        lambda: model_files.locate(model, revision), device=device, max_tokens=info.max_tokens, threads=threads
    )


def of_snapshot(
    manifest: "Manifest",
    folder: Path | None,
    *,
    backend: Backend = Backend.AUTO,
    precision: Precision = Precision.AUTO,
    device: str | None = None,
) -> Chosen:
    """Who computes the encoder of a snapshot; arguments and errors as those of `for_snapshot`."""
    stored = None if folder is None else compiled_model.read(folder, manifest.encoder.fingerprint)
    return choose(stored, backend=backend, precision=precision, device=device, built=computed(manifest))


def for_build(
    files: ModelFiles,
    folder: Path,
    texts: Callable[[], Sequence[str]],
    *,
    backend: Backend,
    precision: Precision,
    device: str | None,
    max_tokens: int,
    threads: int,
) -> Chosen:
    """Who computes the encoder of a build; the model is compiled and checked if that was not done before.

    Args:
        files: The model's.
        folder: Of the snapshots' compiled encoders. The user's own folder (`compiled.shared_folder`) spares other
            snapshots the work.
        texts: Some that are going to be read, to compare by; called if they are needed.
        backend: As asked for.
        precision: As asked for.
        device: See `load`.
        max_tokens: See `load`.
        threads: Processors to use.

    Raises:
        EncoderError: The files are no model, or what was asked for by name cannot be had.
    """
    stored = None
    if may_compile(backend, precision, device):
        stored = _compiled(files, folder, texts, max_tokens, threads)
    return choose(stored, backend=backend, precision=precision, device=device)


def _compiled(
    files: ModelFiles, folder: Path, texts: Callable[[], Sequence[str]], max_tokens: int, threads: int
) -> Compiled:
    fingerprint, native = files.fingerprint(max_tokens), openvino_backend.precisions()
    shared = compiled_model.shared_folder()
    for place in (folder, shared):
        found = None if place is None else compiled_model.read(place, fingerprint)
        if found is not None and found.current(native):
            return found if place == folder else compiled_model.bring(found, folder)
    from embeddings.encoders.backends.compilation import compile_model  # torch takes seconds, and this is done once

    made = compile_model(files, shared or folder, texts(), max_tokens=max_tokens, threads=threads)
    return made if shared is None else compiled_model.bring(made, folder)


def computed(manifest: "Manifest") -> Precision:
    """With which numbers a snapshot was computed; those before there was a choice, with 32 bits."""
    return Precision(manifest.computation.get("precision", Precision.F32))


def choose(
    stored: Compiled | None,
    *,
    backend: Backend,
    precision: Precision,
    device: str | None,
    built: Precision = Precision.BF16,
) -> Chosen:
    """Decide who computes, and with which numbers: by what is there, never by timing, so that builds repeat.

    Args:
        stored: The model's compiled form, if there is one.
        backend: As asked for.
        precision: As asked for.
        device: As asked for.
        built: The most saving numbers that `AUTO` may take.

    Raises:
        EncoderError: What was asked for by name cannot be had.
    """
    if not may_compile(backend, precision, device):
        return Chosen(ON_TORCH, None)
    passed = [] if stored is None else [each for each in _precisions(precision, built) if stored.passed(each)]
    if passed:
        return Chosen(Computation(Backend.OPENVINO, passed[0]), stored)
    if backend is Backend.OPENVINO or precision is Precision.BF16:
        reason = "no compiled form of it is there; build the snapshot anew" if stored is None else stored.reason()
        raise EncoderError(f"the model cannot be computed by openvino, {precision}: {reason}; or use --backend torch")
    return Chosen(ON_TORCH, None)


def may_compile(backend: Backend, precision: Precision, device: str | None) -> bool:
    """Whether OpenVINO comes into question.

    Raises:
        EncoderError: It was asked for by name and does not.
    """
    wanted = backend is Backend.OPENVINO or precision is Precision.BF16
    if backend is Backend.TORCH:
        if precision is Precision.BF16:
            raise EncoderError("torch computes with f32 here; bf16 needs --backend openvino")
        return False
    if not openvino_backend.installed():
        if wanted:
            raise EncoderError("OpenVINO is not installed: pip install 'related-papers[openvino]'")
        return False
    if device not in (None, "cpu"):
        if wanted:
            raise EncoderError(f"OpenVINO computes on the processor here, not on {device}; leave --device out")
        return False
    return wanted or device == "cpu" or not _has_gpu()


def _precisions(asked: Precision, built: Precision) -> list[Precision]:
    """What to try, the best first."""
    if asked is not Precision.AUTO:
        return [asked]
    return [Precision.F32] if built is Precision.F32 else openvino_backend.precisions()


def _has_gpu() -> bool:
    """Whether torch would find something better than the processor; asked without importing torch."""
    return sys.platform == "darwin" or any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/kfd").exists()
