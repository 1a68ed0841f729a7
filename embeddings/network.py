"""The door to sentence-transformers: models loaded, their words extended. Imports torch, which takes seconds."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from tokenizers import AddedToken, Tokenizer
from torch import nn

from embeddings.errors import EncoderError
from embeddings.extension import Extension
from embeddings.models import ModelFiles

Network = SentenceTransformer
"""A loaded model; beyond this module only called, never constructed."""


def use_threads(threads: int) -> None:
    """Compute with so many processors from now on, in this process."""
    torch.set_num_threads(threads)


def load(files: ModelFiles, *, device: str | None = None, attention: str | None = None) -> Network:
    """Load a model as its folder holds it; `extend` adds what it was taught.

    Args:
        files: See `models.locate`.
        device: `cpu`, `cuda`, …; None takes a GPU if there is one.
        attention: How attention is computed, as transformers names it; None for its own choice.

    Raises:
        EncoderError: The files are no model.
    """
    chosen = {} if attention is None else {"attn_implementation": attention}
    try:
        with _quietly():
            return SentenceTransformer(
                str(files.folder),
                device=device,
                trust_remote_code=False,
                local_files_only=True,
                model_kwargs={"use_safetensors": True, **chosen},
            )
    except Exception as error:
        raise EncoderError(f"the model {files.name} in {files.folder} cannot be loaded: {error}") from error


def save(network: Network, folder: Path) -> None:
    """Write a model as sentence-transformers does, without a card; readable to all."""
    with _quietly():
        network.save(str(folder), create_model_card=False)
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o644)


def extend(network: Network, extension: Extension) -> None:
    """Teach a model the words of an extension, in place; again does no harm.

    Texts without any of them are read as before, to the last bit: the words are cut out of a text before the model's
    own tokenizer sees the rest, the longest first, and every row that was there stays as it is, but for words that the
    model knew already (single Chinese characters, to an English model).

    Raises:
        EncoderError: The rows do not fit the model.
    """
    width = transformer(network).get_input_embeddings().embedding_dim
    if extension.rows.shape[1] != width:
        raise EncoderError(f"the extension's rows have {extension.rows.shape[1]} numbers, the model's {width}")
    ids = add_words(network, extension.words)
    weight = transformer(network).get_input_embeddings().weight
    with torch.no_grad():
        weight[torch.from_numpy(ids)] = torch.from_numpy(extension.rows).to(weight)


def add_words(network: Network, words: Sequence[str]) -> NDArray[np.int64]:
    """Make words tokens of a model; their rows are yet to be filled.

    Returns:
        Their ids, shape (len(words),).
    """
    network.tokenizer.add_tokens([AddedToken(word, normalized=False) for word in words])
    body, tokens = transformer(network), len(network.tokenizer)
    known = body.get_input_embeddings()
    if tokens > known.num_embeddings:
        # As `resize_token_embeddings`, but without drawing half a second of random numbers
        weight = known.weight.new_zeros(tokens, known.embedding_dim)
        weight[: known.num_embeddings] = known.weight.detach()
        body.set_input_embeddings(
            nn.Embedding(tokens, known.embedding_dim, padding_idx=known.padding_idx, _weight=weight)
        )
        body.config.vocab_size = tokens
    return np.array(network.tokenizer.convert_tokens_to_ids(list(words)), dtype=np.int64)


def transformer(network: Network) -> Any:  # noqa: ANN401 (whatever class the model's authors chose)
    """The network itself, without pooling, as transformers loaded it."""
    return network[0].auto_model


def text_window(network: Network) -> int:
    """Tokens of text that a model reads at once, beside its special tokens."""
    return int(network.max_seq_length or 512) - len(network.tokenizer("")["input_ids"])


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the bars that transformers draws."""
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        transformers.utils.logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def own_tokenizer(network: Network) -> Tokenizer:
    """A copy of the model's tokenizer that neither cuts nor pads, apart from the model's own.

    Raises:
        EncoderError: It is of a kind that cannot tell where tokens stand in a text.
    """
    tokenizer: Any = network.tokenizer
    backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
    if not isinstance(backend, Tokenizer):
        raise EncoderError(f"the tokenizer {type(tokenizer).__name__} cannot tell where its tokens stand in the text")
    own = Tokenizer.from_str(backend.to_str())
    own.no_truncation()
    own.no_padding()
    return own
