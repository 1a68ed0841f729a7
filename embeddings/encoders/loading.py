"""Selects the computation backend of an encoder and loads it: by name, for a build, or for a snapshot.

OpenVINO is selected where it is installed, a compiled form of the model passed its check (see `backends.compilation`),
and there is no GPU; otherwise torch. torch takes seconds to import, and is imported only where it computes.
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
class SelectedBackend:
    """The computation backend selected for a model.

    Attributes:
        computation: Backend and precision.
        stored: The compiled model if the backend is OpenVINO; None for torch.
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
        """Load the encoder; arguments as those of `load`.

        Args:
            files: Locates the model's files; called for torch only.
            device: For torch.
            max_tokens: Most tokens read of a text, 0 for all; a compiled model brings its own value.
            batch_tokens: See `Encoder`.
            threads: Processors for one pass through the model.

        Raises:
            EncoderError: The encoder cannot be loaded.
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
    """Load a model by name, on the torch backend.

    Args:
        name: See `model_files.locate`.
        revision: See `model_files.locate`.
        device: `cpu`, `cuda`, …; None selects a GPU if there is one.
        max_tokens: Most tokens read of a text, 0 for all.
        batch_tokens: See `Encoder`.
        threads: Processors for one pass through the model; None leaves torch's default.

    Raises:
        EncoderError: The model does not exist, has no safetensors weights, or cannot encode text.
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
    """Load a model whose files are already located, on the torch backend; arguments as those of `load`.

    Raises:
        EncoderError: The files are not a model, or it cannot encode text.
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
        folder: Of compiled models; None selects torch.
        backend: As requested.
        precision: As requested; `AUTO` takes that of the snapshot if this processor supports it.
        model: Where the model is now, if not under the name in the manifest.
        device: See `load`.
        threads: See `load`.

    Raises:
        EncoderError: As `load`, or the requested backend or precision is not available. That the model is another one
            is detected by `snapshots.encoder_check`.
    """
    info = manifest.encoder
    selected = of_snapshot(
        manifest, folder if model is None else None, backend=backend, precision=precision, device=device
    )
    if model is None:
        model, revision = info.name, info.revision
    else:
        revision = None
    return selected.load(
        lambda: model_files.locate(model, revision), device=device, max_tokens=info.max_tokens, threads=threads
    )


def of_snapshot(
    manifest: "Manifest",
    folder: Path | None,
    *,
    backend: Backend = Backend.AUTO,
    precision: Precision = Precision.AUTO,
    device: str | None = None,
) -> SelectedBackend:
    """Select the backend for the encoder of a snapshot; arguments and errors as those of `for_snapshot`."""
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
) -> SelectedBackend:
    """Select the backend for the encoder of a build; compile and check the model if that was not done before.

    Args:
        files: The model's files.
        folder: Of the snapshots' compiled models. The user's cache (`compiled_model.shared_folder`) is read first, so
            that a model is compiled once for all snapshot folders.
        texts: Returns texts of the corpus for the check; called only if the model is compiled.
        backend: As requested.
        precision: As requested.
        device: See `load`.
        max_tokens: See `load`.
        threads: Processors to use.

    Raises:
        EncoderError: The files are not a model, or the requested backend or precision is not available.
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
    from embeddings.encoders.backends.compilation import compile_model  # imports torch, and is needed once a model

    made = compile_model(files, shared or folder, texts(), max_tokens=max_tokens, threads=threads)
    return made if shared is None else compiled_model.bring(made, folder)


def computed(manifest: "Manifest") -> Precision:
    """The precision that a snapshot's vectors were computed with; f32 where the manifest does not name it."""
    return Precision(manifest.computation.get("precision", Precision.F32))


def choose(
    stored: Compiled | None,
    *,
    backend: Backend,
    precision: Precision,
    device: str | None,
    built: Precision = Precision.BF16,
) -> SelectedBackend:
    """Select backend and precision from what is available, never from timings, so that builds are reproducible.

    Args:
        stored: The compiled model, if there is one.
        backend: As requested.
        precision: As requested.
        device: As requested.
        built: The lowest precision that `AUTO` may select.

    Raises:
        EncoderError: The requested backend or precision is not available.
    """
    if not may_compile(backend, precision, device):
        return SelectedBackend(ON_TORCH, None)
    passed = [] if stored is None else [each for each in _precisions(precision, built) if stored.passed(each)]
    if passed:
        return SelectedBackend(Computation(Backend.OPENVINO, passed[0]), stored)
    if backend is Backend.OPENVINO or precision is Precision.BF16:
        reason = "there is no compiled form of it; build the snapshot anew" if stored is None else stored.reason()
        raise EncoderError(f"the model cannot be computed by openvino, {precision}: {reason}; or use --backend torch")
    return SelectedBackend(ON_TORCH, None)


def may_compile(backend: Backend, precision: Precision, device: str | None) -> bool:
    """Whether OpenVINO may be selected.

    Raises:
        EncoderError: It was requested by name and is not available.
    """
    wanted = backend is Backend.OPENVINO or precision is Precision.BF16
    if backend is Backend.TORCH:
        if precision is Precision.BF16:
            raise EncoderError("torch computes in f32 here; bf16 needs --backend openvino")
        return False
    if not openvino_backend.installed():
        if wanted:
            raise EncoderError("OpenVINO is not installed: pip install 'related-papers[openvino]'")
        return False
    if device not in (None, "cpu"):
        if wanted:
            raise EncoderError(f"OpenVINO computes on the CPU here, not on {device}; leave --device out")
        return False
    return wanted or device == "cpu" or not _has_gpu()


def _precisions(requested: Precision, built: Precision) -> list[Precision]:
    """Precisions to try, the preferred one first."""
    if requested is not Precision.AUTO:
        return [requested]
    return [Precision.F32] if built is Precision.F32 else openvino_backend.precisions()


def _has_gpu() -> bool:
    """Whether torch would find a GPU; detected without importing torch."""
    return sys.platform == "darwin" or any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/kfd").exists()
