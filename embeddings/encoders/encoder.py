"""Texts in, unit rows out. Nothing is cut in silence. Whatever computes: see `Runtime`."""

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

# Texts whose tokens are counted while those before are computed
_GROUP = 64


class Encoder:
    """An embedding model that reads texts whole and says how much it read.

    A text longer than the model's window is cut into windows of nearly equal length at word boundaries; its
    vector is the mean of theirs, weighted by tokens, at length 1. May be used from several threads; they take turns.
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
        """Wrap a loaded model; the functions of `encoders` are the usual way in.

        Args:
            runtime: Loaded.
            tokenizer: The model's; neither cuts nor pads.
            info: What it is.
            batch_tokens: Most tokens, padding included, in one pass through the model: bounds memory. None leaves it
                to the runtime.
            simplify: Whether the model has learnt simplified Chinese only, so that traditional is made so before.

        Raises:
            EncoderError: A prompt leaves no room for a text.
        """
        self.info = info
        self.runtime = runtime
        self._tokenizer = tokenizer
        self._simplify = simplify
        self._batch_tokens = max(batch_tokens or runtime.batch_tokens, info.window_tokens)
        self._prompts: dict[Kind, str] = {"query": info.query_prompt, "document": info.document_prompt}
        self._reserved = {kind: self._taken(kind) for kind in self._prompts}
        self._turn = threading.Lock()

    def encode_documents(self, texts: Sequence[str]) -> Encoded:
        """Embed papers: LaTeX cleaned, the model's document prompt put before.

        Raises:
            EncoderError: A text has nothing to read, or the model gave a vector that has no direction.
        """
        return self._encode(texts, "document")

    def encode_queries(self, texts: Sequence[str]) -> Encoded:
        """Embed queries: cleaned as papers are, the model's query prompt put before.

        Raises:
            EncoderError: As `encode_documents`.
        """
        return self._encode(texts, "query")

    def _encode(self, texts: Sequence[str], kind: Kind) -> Encoded:
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
        """Cut texts into windows and pack them, alike lengths together, a group at a time: what the runtime is given.

        Args:
            texts: All.
            kind: Of the texts.
            counts: Shape (n, 2): receives tokens seen and tokens in all.

        Raises:
            EncoderError: A text has nothing to read.
        """
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        for start in range(0, len(order), _GROUP):
            windows = list(self._windows(texts, order[start : start + _GROUP], kind, counts))
            # All streams share what there is, also where it would fit into one batch
            share = -(-sum(len(window.tokens) for window in windows) // self.runtime.streams)
            yield from batches(windows, min(self._batch_tokens, share), self.runtime.multiple)

    def _windows(
        self, texts: Sequence[str], chosen: Sequence[int], kind: Kind, counts: NDArray[np.int64]
    ) -> Iterator[Window]:
        """Cut some of the texts into windows."""
        read = [self._read(texts[i]) for i in chosen]
        tokens = self._tokens(read, kind)
        reserved = self._reserved[kind]
        # A prompt may share a token with the text that follows it, so that the text is counted by itself
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
        """As the model reads them: prompt before, special tokens around."""
        prompt = self._prompts[kind]
        if len(texts) == 1:  # without the detour through threads
            return [self._tokenizer.encode(prompt + texts[0]).ids]
        return [each.ids for each in self._tokenizer.encode_batch_fast([prompt + text for text in texts])]

    def _read(self, text: str) -> str:
        """What is read of a text: mark-up cleaned away, in the characters that the model knows."""
        cleaned = clean(text)
        return simplified(cleaned) if self._simplify else cleaned

    def _taken(self, kind: Kind) -> int:
        """Tokens of a window that special tokens and prompt take."""
        reserved = len(self._tokenizer.encode(self._prompts[kind]).ids)
        if reserved >= self.info.window_tokens:
            raise EncoderError(f"the {kind} prompt of {self.info.name} fills the window of {self.info.window_tokens}")
        return reserved
