"""Description and results of an encoder, as plain values. Pure, light to import."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EMBEDDED_MODEL = "embedded/all-MiniLM-L6-v2-en-zh"
"""The default model: all-MiniLM-L6-v2, extended with Chinese words."""

PLAIN_MODEL = "embedded/all-MiniLM-L6-v2"
"""The unextended all-MiniLM-L6-v2; English."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderInfo:
    """Identity and limits of an encoder; stored with every snapshot.

    Attributes:
        name: Hub id, folder, or `embedded/…`.
        revision: Commit of a hub model, else None.
        fingerprint: 16 hexadecimal digits over weights, tokenizer, configuration, prompts and window: equal
            fingerprints give equal vectors, whatever the names and places of the files.
        dimension: Of the vectors.
        window_tokens: Size of the model's window, special tokens and prompt included.
        max_tokens: Most tokens read of a text, 0 for all.
        query_prompt: Prepended to queries.
        document_prompt: Prepended to papers.
    """

    name: str
    revision: str | None
    fingerprint: str
    dimension: int
    window_tokens: int
    max_tokens: int
    query_prompt: str
    document_prompt: str


@dataclass(frozen=True, slots=True)
class Encoded:
    """Vectors and token counts.

    Attributes:
        embeddings: Shape (n, dimension), float32, rows of length 1.
        tokens_seen: Shape (n,): tokens read, special tokens and prompt not counted.
        tokens_total: Shape (n,): tokens of the texts.
    """

    embeddings: "NDArray[np.float32]"
    tokens_seen: "NDArray[np.int64]"
    tokens_total: "NDArray[np.int64]"
