"""The model that teaches: its vectors of its own language, its tokens, and itself with what was learnt."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from embeddings.build.build_lock import Progress
from embeddings.distillation.training import Texts
from embeddings.encoders.backends import sentence_transformer
from embeddings.encoders.backends.sentence_transformer import Network
from embeddings.encoders.model_files import ModelFiles
from embeddings.encoders.vocabulary_extension import Extension
from embeddings.errors import DistillationError
from embeddings.files import create_array, map_array

_CHUNK = 4096  # texts between two moments that a killed training can go on from


def load(files: ModelFiles, device: str | None = None) -> Network:
    """Load a teacher, in half precision where the processor computes with it.

    Only what is imitated goes through it so; imitation does not see the difference (cosine above 0.9999).

    Raises:
        EncoderError: The files are no model.
        DistillationError: It is no transformer whose tokenizer takes new words.
    """
    # The plain attention: the way back through torch's fused one is slow on processors
    model = sentence_transformer.open_model(files, device=device, attention="eager")
    if not hasattr(model[0], "auto_model") or not getattr(model.tokenizer, "is_fast", False):
        raise DistillationError(
            f"the teacher {files.name} is no transformer with a fast tokenizer; its vocabulary cannot be extended"
        )
    return model.to(torch.bfloat16) if model.device.type == "cuda" or _computes_in_half() else model


def assemble(files: ModelFiles, extension: Path, folder: Path) -> None:
    """Save the teacher with the words it has learnt, an ordinary sentence-transformers folder."""
    model = sentence_transformer.load(files, device="cpu")
    sentence_transformer.extend(model, Extension.load(extension))
    sentence_transformer.save(model, folder)


def vectors(model: Network, texts: Sequence[str], folder: Path, progress: Progress) -> NDArray[np.float16]:
    """Embed texts in the teacher's language, going on where an earlier run was killed.

    Args:
        model: The teacher.
        texts: At least one.
        folder: Keeps the vectors, and how many there are.
        progress: Told how many are done.

    Returns:
        Shape (len(texts), dimension), rows of length 1.
    """
    kept, counter = folder / "targets.npy", folder / "targets.done"
    done = int(counter.read_text()) if counter.is_file() else 0
    if done == 0:
        create_array(kept, np.float16, (len(texts), model.get_embedding_dimension() or 0))
    array = np.load(kept, mmap_mode="r+")
    for start in range(done, len(texts), _CHUNK):
        chunk = list(texts[start : start + _CHUNK])
        end = start + len(chunk)
        array[start:end] = model.encode(chunk, batch_size=64, normalize_embeddings=True, show_progress_bar=False)
        array.flush()
        counter.write_text(str(end))
        progress("asking the teacher", end, len(texts))
    found: NDArray[np.float16] = map_array(kept)
    return found


def tokenize(model: Network, texts: Sequence[str]) -> Texts:
    """Cut texts into the model's tokens, whole, without special ones."""
    encoded = sentence_transformer.own_tokenizer(model).encode_batch(list(texts), add_special_tokens=False)
    return Texts.of([np.array(each.ids, dtype=np.int32) for each in encoded])


def input_embeddings(model: Network) -> NDArray[np.float32]:
    """What the model's tokens are to its first layer, shape (vocabulary, width)."""
    weight: NDArray[np.float32] = (
        sentence_transformer.transformer(model).get_input_embeddings().weight.detach().float().cpu().numpy()
    )
    return weight.copy()


def _computes_in_half() -> bool:
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
