"""Loads, extends and converts sentence-transformers models. Imports torch, which takes seconds."""

import warnings
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

from embeddings.encoders.backends import openvino_backend
from embeddings.encoders.encoder_info import EncoderInfo
from embeddings.encoders.model_files import ModelFiles
from embeddings.encoders.vocabulary_extension import Extension
from embeddings.errors import EncoderError

# For models without a limit (word vectors): longer than any abstract, and short enough to bound a batch
_LONGEST_WINDOW = 8192

Network = SentenceTransformer
"""A loaded model. Other modules call it, only this one constructs it."""


def use_threads(threads: int) -> None:
    """Set the number of threads that torch uses in this process."""
    torch.set_num_threads(threads)


def load(files: ModelFiles, *, device: str | None = None, attention: str | None = None) -> Network:
    """Load a model from its folder, without its vocabulary extension (see `open_model`).

    Args:
        files: See `model_files.locate`.
        device: `cpu`, `cuda`, …; None selects a GPU if there is one.
        attention: Attention implementation, as transformers names it; None for its default.

    Raises:
        EncoderError: The files are not a model.
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


def open_model(files: ModelFiles, *, device: str | None = None, attention: str | None = None) -> Network:
    """Load a model with its vocabulary extension, if it has one; see `load`.

    Raises:
        EncoderError: The files are not a model, or the extension does not fit it.
    """
    network = load(files, device=device, attention=attention)
    if files.extension is not None:
        extend(network, Extension.load(files.extension))
    return network


def simplifies(files: ModelFiles) -> bool:
    """Whether a model knows simplified Chinese only, so that traditional characters must be converted."""
    return files.extension is not None and Extension.load(files.extension).chinese


def describe(network: Network, files: ModelFiles, max_tokens: int) -> EncoderInfo:
    """Describe what decides the vectors of a model.

    Args:
        network: Loaded from `files`.
        files: Of the model; their name is the encoder's.
        max_tokens: Most tokens read of a text, 0 for all.

    Raises:
        EncoderError: The model does not state the dimension of its vectors.
    """
    dimension = network.get_embedding_dimension()
    if not dimension:
        raise EncoderError(
            f"the model {files.name} does not state the dimension of its vectors; is it an embedding model?"
        )
    return EncoderInfo(
        name=files.name,
        revision=files.revision,
        fingerprint=files.fingerprint(max_tokens),
        dimension=dimension,
        window_tokens=_window_tokens(network),
        max_tokens=max_tokens,
        query_prompt=_prompt(network, "query"),
        document_prompt=_prompt(network, "document"),
    )


def convert(network: Network, folder: Path) -> None:
    """Convert a model for OpenVINO: token ids in, one vector for each text out.

    Raises:
        EncoderError: The model cannot be converted.
    """
    if not hasattr(network[0], "auto_model"):
        raise EncoderError(f"a {type(network[0]).__name__} can be computed by torch only")
    if any(not getattr(module, "include_prompt", True) for module in network):
        raise EncoderError("its pooling leaves prompts out, which torch alone computes")
    example = torch.ones((2, 16), dtype=torch.int64)
    try:
        with _quietly(), warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")  # tracing warns of every fixed shape; the check detects wrong results
            openvino_backend.convert(_Whole(network), {"input_ids": example, "attention_mask": example}, folder)
    except OSError:
        raise
    except Exception as error:  # of any type: torch computes the model then
        raise EncoderError(f"OpenVINO cannot convert it: {str(error).strip().splitlines()[0][:200]}") from error


def padding(network: Network) -> int:
    """Id of the padding token."""
    return int(getattr(network.tokenizer, "pad_token_id", None) or 0)


class _Whole(nn.Module):
    """All modules of a model as one function."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self._network = network.eval()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        given = {"input_ids": input_ids, "attention_mask": attention_mask}
        pooled: torch.Tensor = self._network(given)["sentence_embedding"]
        return pooled


def save(network: Network, folder: Path) -> None:
    """Save a model in the format of sentence-transformers, without a model card; readable for all users."""
    with _quietly():
        network.save(str(folder), create_model_card=False)
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o644)


def extend(network: Network, extension: Extension) -> None:
    """Add the words of an extension to a model, in place. Idempotent.

    Texts without any of the words keep their vectors to the last bit: added words are split off, the longest first,
    before the model's own tokenizer reads the rest, and existing rows are unchanged, except for words that the model
    had already (single Chinese characters in an English model).

    Raises:
        EncoderError: The rows do not fit the model.
    """
    width = transformer(network).get_input_embeddings().embedding_dim
    if extension.rows.shape[1] != width:
        raise EncoderError(f"the extension's rows have {extension.rows.shape[1]} numbers, the model's have {width}")
    ids = add_words(network, extension.words)
    weight = transformer(network).get_input_embeddings().weight
    with torch.no_grad():
        weight[torch.from_numpy(ids)] = torch.from_numpy(extension.rows).to(weight)


def add_words(network: Network, words: Sequence[str]) -> NDArray[np.int64]:
    """Add words to the tokenizer and the input embeddings of a model; the caller fills their rows.

    Returns:
        Their ids, shape (len(words),).
    """
    network.tokenizer.add_tokens([AddedToken(word, normalized=False) for word in words])
    body, tokens = transformer(network), len(network.tokenizer)
    known = body.get_input_embeddings()
    if tokens > known.num_embeddings:
        # As `resize_token_embeddings`, which would spend half a second on random initial values
        weight = known.weight.new_zeros(tokens, known.embedding_dim)
        weight[: known.num_embeddings] = known.weight.detach()
        body.set_input_embeddings(
            nn.Embedding(tokens, known.embedding_dim, padding_idx=known.padding_idx, _weight=weight)
        )
        body.config.vocab_size = tokens
    return np.array(network.tokenizer.convert_tokens_to_ids(list(words)), dtype=np.int64)


def transformer(network: Network) -> Any:  # noqa: ANN401 (its class depends on the model)
    """The transformer of the model, without pooling."""
    return network[0].auto_model


def text_window(network: Network) -> int:
    """Tokens of text that fit the model's window, special tokens not counted."""
    return int(network.max_seq_length or 512) - len(network.tokenizer("")["input_ids"])


@contextmanager
def _quietly() -> Iterator[None]:
    """Disable the progress bars and warnings of transformers."""
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    verbosity = transformers.utils.logging.get_verbosity()
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        transformers.utils.logging.set_verbosity(verbosity)
        transformers.utils.logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def own_tokenizer(network: Network) -> Tokenizer:
    """A copy of the model's tokenizer, without truncation and padding.

    Raises:
        EncoderError: The tokenizer does not report the offsets of tokens.
    """
    tokenizer: Any = network.tokenizer
    backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
    if not isinstance(backend, Tokenizer):
        raise EncoderError(f"the tokenizer {type(tokenizer).__name__} does not report the offsets of its tokens")
    own = Tokenizer.from_str(backend.to_str())
    own.no_truncation()
    own.no_padding()
    return own


def _window_tokens(network: Network) -> int:
    """Size of the model's window in tokens: as its authors set it, or a large one where they set none.

    Wider windows than the authors' measured no better (docs/decisions/0003).
    """
    stated = network.max_seq_length
    return int(stated) if stated and stated < _LONGEST_WINDOW else _LONGEST_WINDOW


def _prompt(network: Network, kind: str) -> str:
    """The prompt that `encode_query` and `encode_document` prepend."""
    names = ("query",) if kind == "query" else ("document", "passage", "corpus")
    # An empty prompt counts: it overrides the default prompt
    found = next((network.prompts[name] for name in names if name in network.prompts), None)
    if found is None and network.default_prompt_name is not None:
        found = network.prompts.get(network.default_prompt_name)
    return found or ""
