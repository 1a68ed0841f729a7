"""What an encoder is and what it returns, without loading one: light to import. Pure values."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EMBEDDED_MODEL = "embedded/all-MiniLM-L6-v2-en-zh"
"""The default: all-MiniLM-L6-v2, taught to read Chinese."""

PLAIN_MODEL = "embedded/all-MiniLM-L6-v2"
"""The same before; reads English."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderInfo:
    """What decides the vectors of an encoder; stored with every snapshot.

    Attributes:
        name: Hub id, folder, or `embedded/…`.
        revision: Commit of a hub model, else None.
        fingerprint: 16 hexadecimal digits over weights, tokenizer, configuration, prompts and window: equal
            fingerprints give equal vectors, wherever the files lie and whatever they are called.
        dimension: Length of a vector.
        window_tokens: Tokens the model reads at once, special tokens and prompt included.
        max_tokens: Most tokens of a text that are read, 0 for all.
        query_prompt: Put before queries.
        document_prompt: Put before papers.
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
    """Vectors and what was read for them.

    Attributes:
        embeddings: Shape (n, dimension), float32, rows of length 1.
        tokens_seen: Shape (n,): tokens read, special tokens and prompt not counted.
        tokens_total: Shape (n,): tokens the texts have.
    """

    embeddings: "NDArray[np.float32]"
    tokens_seen: "NDArray[np.int64]"
    tokens_total: "NDArray[np.int64]"
