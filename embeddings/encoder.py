"""Texts in, unit rows out. Nothing is cut in silence.

Imports torch, which takes seconds: whoever must start fast imports this module where it is needed.
"""

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embeddings import models, network
from embeddings.chinese import simplified
from embeddings.encoder_info import EMBEDDED_MODEL, Encoded, EncoderInfo
from embeddings.errors import EncoderError
from embeddings.extension import Extension
from embeddings.models import ModelFiles
from embeddings.network import Network
from embeddings.text import clean
from embeddings.windows import split

# For models without a limit (word vectors): long enough for any abstract, short enough to bound a batch
_LONGEST_WINDOW = 8192


class Encoder:
    """A sentence-transformers model that reads texts whole and says how much it read.

    A text longer than the model's window is cut into windows of nearly equal length at word boundaries; its
    vector is the mean of theirs, weighted by tokens, at length 1. May be used from several threads; they take turns.
    """

    def __init__(
        self,
        model: Network,
        info: EncoderInfo,
        batch_tokens: int = 8192,
        *,
        simplify: bool = False,
    ) -> None:
        """Wrap a loaded model; `load` is the usual way in.

        Args:
            model: Loaded.
            info: What it is.
            batch_tokens: Most tokens, padding included, in one pass through the model: bounds memory.
            simplify: Whether the model has learnt simplified Chinese only, so that traditional is made so before.
        """
        self._simplify = simplify
        self.info = info
        self._model = model
        self._batch_tokens = max(batch_tokens, info.window_tokens)
        self._tokenizer = network.own_tokenizer(model)
        self._turn = threading.Lock()

    @classmethod
    def load(
        cls,
        name: str = EMBEDDED_MODEL,
        *,
        revision: str | None = None,
        device: str | None = None,
        max_tokens: int = 0,
        batch_tokens: int = 8192,
        threads: int | None = None,
    ) -> "Encoder":
        """Load a model by name.

        Args:
            name: See `models.locate`.
            revision: See `models.locate`.
            device: `cpu`, `cuda`, …; None takes a GPU if there is one.
            max_tokens: Most tokens read of a text, 0 for all.
            batch_tokens: See `Encoder`.
            threads: Processors for one pass through the model; None leaves torch's own choice.

        Raises:
            EncoderError: There is no such model, it has no safetensors weights, or it cannot encode text.
        """
        files = models.locate(name, revision)
        return cls.open(files, device=device, max_tokens=max_tokens, batch_tokens=batch_tokens, threads=threads)

    @classmethod
    def open(
        cls,
        files: ModelFiles,
        *,
        device: str | None = None,
        max_tokens: int = 0,
        batch_tokens: int = 8192,
        threads: int | None = None,
    ) -> "Encoder":
        """Load a model whose files are found already.

        Args:
            files: See `models.locate`.
            device: See `load`.
            max_tokens: See `load`.
            batch_tokens: See `Encoder`.
            threads: See `load`.

        Raises:
            EncoderError: The files are no model, or it cannot encode text.
        """
        if threads is not None:
            network.use_threads(threads)
        model = network.load(files, device=device)
        extension = None if files.extension is None else Extension.load(files.extension)
        if extension is not None:
            network.extend(model, extension)
        window = _window_tokens(model)
        prompts = {kind: _prompt(model, kind) for kind in ("query", "document")}
        dimension = model.get_embedding_dimension()
        if not dimension:
            raise EncoderError(
                f"the model {files.name} does not say how long its vectors are; is it an embedding model?"
            )
        info = EncoderInfo(
            name=files.name,
            revision=files.revision,
            fingerprint=files.fingerprint(max_tokens),
            dimension=dimension,
            window_tokens=window,
            max_tokens=max_tokens,
            query_prompt=prompts["query"],
            document_prompt=prompts["document"],
        )
        return cls(model, info, batch_tokens, simplify=extension is not None and extension.chinese)

    @classmethod
    def for_snapshot(
        cls, info: EncoderInfo, *, model: str | None = None, device: str | None = None, threads: int | None = None
    ) -> "Encoder":
        """Load the encoder that built a snapshot.

        Args:
            info: From the snapshot's manifest.
            model: Where the model lies now, if not under the manifest's name.
            device: See `load`.
            threads: See `load`.

        Raises:
            EncoderError: As `load`. That another model was loaded is for `compatibility.check_encoder` to find.
        """
        revision = info.revision if model is None else None
        name = info.name if model is None else model
        return cls.load(name, revision=revision, device=device, max_tokens=info.max_tokens, threads=threads)

    @property
    def device(self) -> str:
        """Where the model computes, as torch names it."""
        return str(self._model.device)

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

    def _encode(self, texts: Sequence[str], kind: str) -> Encoded:
        budget = self._budget(kind)
        windows: list[str] = []
        owners: list[int] = []
        lengths: list[int] = []
        tokens = np.zeros((len(texts), 2), dtype=np.int64)
        for i, text in enumerate(map(self._read, texts)):
            pieces = split(text, self._spans(text), budget, self.info.max_tokens or None)
            tokens[i] = pieces.tokens_seen, pieces.tokens_total
            windows.extend(pieces.windows)
            lengths.extend(pieces.lengths)
            owners.extend([i] * len(pieces.windows))
        if len(texts) and not tokens[:, 1].all():
            raise EncoderError(f"the text {texts[int(np.argmin(tokens[:, 1]))][:80]!r} has nothing to read")
        with self._turn:
            vectors = self._forward(windows, lengths, kind)
        pooled = np.zeros((len(texts), self.info.dimension), dtype=np.float32)
        np.add.at(pooled, owners, vectors * np.array(lengths, dtype=np.float32)[:, None])
        norms = np.linalg.norm(pooled, axis=1, keepdims=True)
        if not np.all(norms > 0) or not np.all(np.isfinite(norms)):
            worst = texts[int(np.argmin(np.nan_to_num(norms, nan=-1.0)))]
            raise EncoderError(f"the model {self.info.name} gave no usable vector for the text {worst[:80]!r}")
        return Encoded((pooled / norms).astype(np.float32), tokens[:, 0], tokens[:, 1])

    def _forward(self, windows: Sequence[str], lengths: Sequence[int], kind: str) -> NDArray[np.float32]:
        """Run windows through the model, alike lengths together, at most `batch_tokens` with padding at a time."""
        encode = self._model.encode_query if kind == "query" else self._model.encode_document
        vectors = np.empty((len(windows), self.info.dimension), dtype=np.float32)
        overhead = self.info.window_tokens - self._budget(kind)
        order = sorted(range(len(windows)), key=lambda i: -lengths[i])  # the longest first: no surprise at the end
        start = 0
        while start < len(order):
            # Sorted downwards, the first of a batch decides its padded width
            width = lengths[order[start]] + overhead
            batch = order[start : start + max(1, self._batch_tokens // width)]
            vectors[batch] = encode(
                [windows[i] for i in batch],
                batch_size=len(batch),
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
            start += len(batch)
        return vectors

    def _read(self, text: str) -> str:
        """What is read of a text: mark-up cleaned away, in the characters that the model knows."""
        cleaned = clean(text)
        return simplified(cleaned) if self._simplify else cleaned

    def _spans(self, text: str) -> list[tuple[int, int]]:
        """Where each token begins and ends in the text."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).offsets)

    def _budget(self, kind: str) -> int:
        """Tokens of text that fit into one window beside special tokens and prompt."""
        prompt = self.info.query_prompt if kind == "query" else self.info.document_prompt
        reserved = len(self._tokenizer.encode(prompt, add_special_tokens=True).ids)
        if reserved >= self.info.window_tokens:
            raise EncoderError(f"the {kind} prompt of {self.info.name} fills the window of {self.info.window_tokens}")
        return self.info.window_tokens - reserved


def _window_tokens(model: Network) -> int:
    """Tokens the model reads at once: the length its authors set, or a large one where they set none.

    Wider windows than that measured no better (docs/decisions/0003).
    """
    stated = model.max_seq_length
    return int(stated) if stated and stated < _LONGEST_WINDOW else _LONGEST_WINDOW


def _prompt(model: Network, kind: str) -> str:
    """The prompt that `encode_query` and `encode_document` put before a text."""
    names = ("query",) if kind == "query" else ("document", "passage", "corpus")
    # An empty prompt counts: it keeps the default prompt away
    found = next((model.prompts[name] for name in names if name in model.prompts), None)
    if found is None and model.default_prompt_name is not None:
        found = model.prompts.get(model.default_prompt_name)
    return found or ""
