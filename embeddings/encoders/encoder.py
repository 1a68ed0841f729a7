"""The encoder: texts in, unit vectors and token counts out. Independent of the backend, see `Runtime`."""

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embeddings.encoders.backends.base import Batch, Kind, Runtime, Window, batches
from embeddings.encoders.encoder_info import Encoded, EncoderInfo
from embeddings.encoders.windows import split
from embeddings.errors import EncoderError
from embeddings.texts.chinese import simplified
from embeddings.texts.cleaning import clean

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Texts tokenised at a time, while the backend computes those before
_GROUP = 64


class Encoder:
    """An embedding model that reads texts in full and reports how many tokens it read.

    A text longer than the model's window is split at word boundaries into windows of nearly equal length. Its vector
    is the mean of the windows' vectors, weighted by tokens and normalised. Thread-safe; calls are serialised.
    """

    def __init__(
        self,
        runtime: Runtime,
        tokenizer: "Tokenizer",
        info: EncoderInfo,
        batch_tokens: int | None = None,
        *,
        simplify: bool = False,
    ) -> None:
        """Wrap a loaded model; usually called by the functions of `encoders.loading`.

        Args:
            runtime: A loaded model on a computation backend.
            tokenizer: Of the model, without truncation and padding.
            info: Identity and limits of the encoder.
            batch_tokens: Most tokens of a batch, padding included; bounds memory. None takes the backend's own value.
            simplify: Whether the model knows simplified Chinese only, so that traditional characters are converted.

        Raises:
            EncoderError: A prompt leaves no room for a text.
        """
        self.info = info
        self.runtime = runtime
        self._tokenizer = tokenizer
        self._simplify = simplify
        self._batch_tokens = max(batch_tokens or runtime.batch_tokens, info.window_tokens)
        self._prompts: dict[Kind, str] = {"query": info.query_prompt, "document": info.document_prompt}
        self._reserved = {kind: self._prompt_tokens(kind) for kind in self._prompts}
        self._turn = threading.Lock()

    def encode_documents(self, texts: Sequence[str], *, cleaned: bool = False) -> Encoded:
        """Embed papers, after the model's document prompt.

        Args:
            texts: Of the papers.
            cleaned: Whether the texts went through `texts.cleaning.clean` before, so that it is not done again.

        Raises:
            EncoderError: A text has no token, or the model returned a zero or non-finite vector.
        """
        return self._encode(texts if cleaned else [clean(text) for text in texts], "document")

    def encode_queries(self, texts: Sequence[str]) -> Encoded:
        """Embed queries, cleaned as papers are, after the model's query prompt.

        Raises:
            EncoderError: As `encode_documents`.
        """
        return self._encode([clean(text) for text in texts], "query")

    def _encode(self, texts: Sequence[str], kind: Kind) -> Encoded:
        """Embed cleaned texts."""
        counts = np.zeros((len(texts), 2), dtype=np.int64)
        computed: list[Batch] = []

        def drawn() -> Iterator[Batch]:
            for batch in self.packed(texts, kind, counts):
                computed.append(batch)
                yield batch

        with self._turn:
            vectors = self.runtime.embed(drawn(), kind)
        pooled = np.zeros((len(texts), self.info.dimension), dtype=np.float32)
        for batch, rows in zip(computed, vectors, strict=True):
            rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float32).tiny)
            lengths = np.array([window.length for window in batch], dtype=np.float32)
            np.add.at(pooled, [window.owner for window in batch], rows * lengths[:, None])
        norms = np.linalg.norm(pooled, axis=1, keepdims=True)
        if not np.all(norms > 0) or not np.all(np.isfinite(norms)):
            worst = texts[int(np.argmin(np.nan_to_num(norms, nan=-1.0)))]
            raise EncoderError(f"the model {self.info.name} gave no usable vector for the text {worst[:80]!r}")
        return Encoded(pooled / norms, counts[:, 0], counts[:, 1])

    def packed(self, texts: Sequence[str], kind: Kind, counts: NDArray[np.int64]) -> Iterator[Batch]:
        """Split texts into windows and pack windows of similar length into batches, one group of texts at a time.

        Args:
            texts: Cleaned.
            kind: Decides the prompt.
            counts: Shape (n, 2): receives tokens seen and tokens in total.

        Raises:
            EncoderError: A text has no token.
        """
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        for start in range(0, len(order), _GROUP):
            windows = list(self._windows(texts, order[start : start + _GROUP], kind, counts))
            # Divide the group among all streams, even where it would fit into one batch
            share = -(-sum(len(window.tokens) for window in windows) // self.runtime.streams)
            yield from batches(windows, min(self._batch_tokens, share), self.runtime.multiple)

    def _windows(
        self, texts: Sequence[str], chosen: Sequence[int], kind: Kind, counts: NDArray[np.int64]
    ) -> Iterator[Window]:
        """Split some of the texts into windows."""
        read = [simplified(texts[i]) if self._simplify else texts[i] for i in chosen]
        tokens = self._tokens(read, kind)
        reserved = self._reserved[kind]
        # A prompt may share a token with the text that follows it, so the text is also counted without the prompt
        alone = self._tokenizer.encode_batch_fast(read, add_special_tokens=False) if self._prompts[kind] else None
        for i, owner in enumerate(chosen):
            total = len(tokens[i]) - reserved if alone is None else len(alone[i].ids)
            if total == 0:
                raise EncoderError(f"the text {texts[owner][:80]!r} has nothing to read")
            budget = self.info.window_tokens - reserved
            if total <= min(budget, self.info.max_tokens or total):
                counts[owner] = total
                yield Window(owner, read[i], tokens[i], total)
                continue
            spans = self._tokenizer.encode(read[i], add_special_tokens=False).offsets
            pieces = split(read[i], spans, budget, self.info.max_tokens or None)
            counts[owner] = pieces.tokens_seen, pieces.tokens_total
            for window in zip(pieces.windows, self._tokens(pieces.windows, kind), pieces.lengths, strict=True):
                yield Window(owner, *window)

    def _tokens(self, texts: Sequence[str], kind: Kind) -> list[list[int]]:
        """Token ids as the model receives them: with the prompt and special tokens."""
        prompt = self._prompts[kind]
        if len(texts) == 1:  # without the overhead of the thread pool
            return [self._tokenizer.encode(prompt + texts[0]).ids]
        return [each.ids for each in self._tokenizer.encode_batch_fast([prompt + text for text in texts])]

    def _prompt_tokens(self, kind: Kind) -> int:
        """Tokens of a window taken by the prompt and special tokens."""
        reserved = len(self._tokenizer.encode(self._prompts[kind]).ids)
        if reserved >= self.info.window_tokens:
            raise EncoderError(f"the {kind} prompt of {self.info.name} fills the window of {self.info.window_tokens}")
        return reserved
