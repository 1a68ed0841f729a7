"""An encoder by value: what a task of a build names its encoder by, wherever it runs."""

from dataclasses import dataclass
from pathlib import Path

from embeddings.encoders.backends import compiled_model
from embeddings.encoders.backends.base import Backend, Computation
from embeddings.encoders.encoder import Encoder
from embeddings.encoders.loading import SelectedBackend
from embeddings.encoders.model_files import ModelFiles
from embeddings.errors import EncoderError


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderReference:
    """Everything that is needed to load an encoder in another process. Picklable and hashable.

    Together with the texts of a batch it decides the vectors to the last bit, on processors of one type.

    Attributes:
        files: The model's files. Must be readable where the encoder is loaded by torch.
        fingerprint: Of the model, see `EncoderInfo`.
        computation: Backend and precision.
        compiled: Folder of compiled models, for OpenVINO. Must be readable where the encoder is loaded.
        device: See `load`.
        max_tokens: See `load`.
        batch_tokens: See `Encoder`.
        threads: Processors for one pass through the model. Part of the reference because batches are divided among
            them: another number would give other batches, and vectors that differ in their last bits.
    """

    files: ModelFiles
    fingerprint: str
    computation: Computation
    compiled: Path
    device: str | None
    max_tokens: int
    batch_tokens: int | None
    threads: int

    @property
    def cached_as(self) -> str:
        """Name of the vector cache."""
        return compiled_model.cache_name(self.fingerprint, self.computation.precision)

    def load(self) -> Encoder:
        """Load the encoder.

        Raises:
            EncoderError: It cannot be loaded, or the files are now those of another model.
        """
        stored = None
        if self.computation.backend is Backend.OPENVINO:
            stored = compiled_model.read(self.compiled, self.fingerprint)
            if stored is None:
                raise EncoderError(f"{self.compiled} holds no compiled model {self.fingerprint}; build again")
        encoder = SelectedBackend(self.computation, stored).load(
            lambda: self.files,
            device=self.device,
            max_tokens=self.max_tokens,
            batch_tokens=self.batch_tokens,
            threads=self.threads,
        )
        if encoder.info.fingerprint != self.fingerprint:
            raise EncoderError(
                f"the model {self.files.name} has fingerprint {encoder.info.fingerprint} here, the build was planned "
                f"with {self.fingerprint}; use the same model files on all machines"
            )
        return encoder
