"""The teacher model: loading, target embeddings, tokenization, and saving the student."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from embeddings.build.build_lock import Progress
from embeddings.distillation.tokenized_texts import TokenizedTexts
from embeddings.encoders.backends import sentence_transformer
from embeddings.encoders.backends.sentence_transformer import Network
from embeddings.encoders.model_files import ModelFiles
from embeddings.encoders.vocabulary_extension import Extension
from embeddings.errors import DistillationError
from embeddings.files import create_array, map_array

_CHECKPOINT_TEXTS = 4096  # texts encoded between two checkpoints


def load(files: ModelFiles, device: str | None = None) -> Network:
    """Load a teacher, in bfloat16 if the processor supports it.

    Only training uses this precision; its embeddings have a cosine above 0.9999 to those in float32.

    Raises:
        EncoderError: The files are not a model.
        DistillationError: The model is not a transformer with a fast tokenizer, which can be extended.
    """
    # Eager attention: the backward pass of torch's fused attention is slow on CPUs
    model = sentence_transformer.open_model(files, device=device, attention="eager")
    if not hasattr(model[0], "auto_model") or not getattr(model.tokenizer, "is_fast", False):
        raise DistillationError(
            f"the teacher {files.name} is not a transformer with a fast tokenizer; its vocabulary cannot be extended"
        )
    return model.to(torch.bfloat16) if model.device.type == "cuda" or _supports_bfloat16() else model


def save_student(files: ModelFiles, extension: Path, folder: Path) -> None:
    """Save the teacher with the new tokens, as an ordinary sentence-transformers folder."""
    model = sentence_transformer.load(files, device="cpu")
    sentence_transformer.extend(model, Extension.load(extension))
    sentence_transformer.save(model, folder)


def embed(model: Network, texts: Sequence[str], folder: Path, progress: Progress) -> NDArray[np.float16]:
    """Embed texts in the teacher's language, resuming an interrupted run.

    Args:
        model: The teacher.
        texts: At least one.
        folder: Scratch folder; keeps the embeddings and their number.
        progress: Called with the stage, the number of embedded texts and their total.

    Returns:
        Float16, shape (len(texts), dimension), rows of length 1, mapped from the file.
    """
    array_file, counter = folder / "targets.npy", folder / "targets.done"
    done = int(counter.read_text()) if counter.is_file() else 0
    if done == 0:
        create_array(array_file, np.float16, (len(texts), model.get_embedding_dimension() or 0))
    array = np.load(array_file, mmap_mode="r+")
    for start in range(done, len(texts), _CHECKPOINT_TEXTS):
        chunk = list(texts[start : start + _CHECKPOINT_TEXTS])
        end = start + len(chunk)
        array[start:end] = model.encode(chunk, batch_size=64, normalize_embeddings=True, show_progress_bar=False)
        array.flush()
        counter.write_text(str(end))
        progress("teacher embeddings", end, len(texts))
    found: NDArray[np.float16] = map_array(array_file)
    return found


def tokenize(model: Network, texts: Sequence[str]) -> TokenizedTexts:
    """Tokenize texts with the model's tokenizer, without truncation and without special tokens."""
    encoded = sentence_transformer.own_tokenizer(model).encode_batch(list(texts), add_special_tokens=False)
    return TokenizedTexts.of([np.array(each.ids, dtype=np.int32) for each in encoded])


def input_embeddings(model: Network) -> NDArray[np.float32]:
    """Copy the model's input embeddings, float32, shape (vocabulary, width)."""
    weight: NDArray[np.float32] = (
        sentence_transformer.transformer(model).get_input_embeddings().weight.detach().float().cpu().numpy()
    )
    return weight.copy()


def _supports_bfloat16() -> bool:
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
