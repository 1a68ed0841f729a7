"""Trains the input embeddings of new tokens by imitation of the teacher.

Multilingual knowledge distillation (Reimers and Gurevych 2020, Making Monolingual Sentence Embeddings Multilingual
using Knowledge Distillation), restricted to the input embeddings of new tokens; all other weights stay frozen. Two
terms are added to the imitation loss, 1 - cosine: InfoNCE within the batch, whose negatives are in both languages so
that neither is favoured in a common index; and a relational loss.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from embeddings.distillation import losses
from embeddings.distillation.recipe import Recipe
from embeddings.distillation.tokenized_texts import TokenizedTexts
from embeddings.encoders.backends.sentence_transformer import Network, text_window, transformer

_INFO_NCE_WEIGHT = 0.1  # relative to the imitation loss
# The relational loss is added after this fraction of the steps. Imitating each text alone moves embeddings towards the
# mean, where they are similar to all others
_RELATIONAL_WEIGHT = 20.0
_RELATIONAL_FROM = 0.35
# Probability that a new token is replaced by its characters: words without a token need the rows of single characters
_SPELLING_PROBABILITY = 0.1
_WARM_UP = 0.03
# Texts up to this many tokens are read in every epoch; longer ones with a probability inverse to their length, because
# they would take most of the time
_FULL_RATE_TOKENS = 20


class _ExtendedEmbeddings(nn.Module):
    """Input embeddings of which only the rows of new tokens are trained."""

    def __init__(self, frozen: nn.Embedding, new_ids: NDArray[np.int64], rows: NDArray[np.float32], size: int) -> None:
        super().__init__()
        self.frozen = frozen
        new_tokens, width = rows.shape
        self.new = nn.Embedding(new_tokens, width, sparse=True, _weight=torch.from_numpy(rows.copy()))
        slots = torch.full((size,), -1)
        slots[torch.from_numpy(new_ids)] = torch.arange(len(new_ids))
        self.register_buffer("slots", slots)

    def forward(self, ids: Tensor) -> Tensor:
        slots = self.slots[ids]  # type: ignore[index]
        known = slots < 0
        vectors = self.frozen(torch.where(known, ids, 0))
        out: Tensor = vectors.index_put((~known,), self.new(slots[~known]).to(vectors.dtype))
        return out


class Trainer:
    """Trains the rows of new tokens. Training resumed from a saved state gives the same result."""

    def __init__(
        self,
        model: Network,
        new_ids: NDArray[np.int64],
        rows: NDArray[np.float32],
        texts: TokenizedTexts,
        targets: NDArray[np.float16],
        spellings: Mapping[int, list[int]],
        recipe: Recipe,
    ) -> None:
        """Freeze the model and plan the batches.

        Args:
            model: The teacher with the extended vocabulary, in any precision.
            new_ids: Ids of the new tokens, shape (new,).
            rows: Their initial input embeddings, shape (new, width).
            texts: Texts in the new language.
            targets: The teacher's embeddings of their translations, shape (len(texts), dimension), length 1.
            spellings: Id of a new token → ids of its characters.
            recipe: Hyperparameters.
        """
        self._model = model.requires_grad_(False).eval()
        self._texts, self._targets, self._recipe = texts, targets, recipe
        body = transformer(model)
        self._embeddings = _ExtendedEmbeddings(
            body.get_input_embeddings(), new_ids, rows, body.get_input_embeddings().num_embeddings
        )
        body.set_input_embeddings(self._embeddings.to(model.device))
        self._special = model.tokenizer("")["input_ids"]
        self._spellings = spellings
        self._optimizer = torch.optim.SparseAdam([self._embeddings.new.weight], lr=recipe.learning_rate)
        self._plan = [batch for epoch in range(recipe.epochs) for batch in self._batches(epoch)]
        self._window = text_window(model)
        self._recent: deque[float] = deque(maxlen=100)
        self.done = 0

    @property
    def recent_cosine(self) -> float:
        """Mean cosine to the targets over the last 100 batches; 0 before the first."""
        return float(np.mean(self._recent)) if self._recent else 0.0

    @property
    def steps(self) -> int:
        """Total number of steps."""
        return len(self._plan)

    @property
    def texts(self) -> int:
        """Number of training texts."""
        return len(self._texts)

    @property
    def rows(self) -> NDArray[np.float32]:
        """Current input embeddings of the new tokens, shape (new, width)."""
        rows: NDArray[np.float32] = self._embeddings.new.weight.detach().cpu().numpy().copy()
        return rows

    def step(self) -> None:
        """Train on one batch."""
        batch = self._plan[self.done]
        for group in self._optimizer.param_groups:
            group["lr"] = self._recipe.learning_rate * _schedule(self.done / self.steps)
        ids, mask = self._padded(batch)
        student = self._model({"input_ids": ids, "attention_mask": mask})["sentence_embedding"].float()
        student = nn.functional.normalize(student, dim=1)
        teacher = torch.from_numpy(self._targets[batch].astype(np.float32)).to(student.device)
        cosines = (student * teacher).sum(dim=1)
        loss = (1 - cosines).mean() + _INFO_NCE_WEIGHT * losses.info_nce(student, teacher)
        if self.done >= _RELATIONAL_FROM * self.steps:
            loss = loss + _RELATIONAL_WEIGHT * losses.relational(student, teacher)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()  # type: ignore[no-untyped-call]
        self.done += 1
        self._recent.append(float(cosines.mean().detach()))

    def save(self, path: Path) -> None:
        """Save the state, for a `Trainer` with the same arguments to resume."""
        state = {
            "done": self.done,
            "recent": list(self._recent),
            "rows": self._embeddings.new.weight,
            "optimizer": self._optimizer.state_dict(),
        }
        temporary = path.with_suffix(".tmp")
        torch.save(state, temporary)
        temporary.replace(path)

    def load(self, path: Path) -> None:
        """Resume from a state that `save` wrote."""
        state = torch.load(path, weights_only=True)
        with torch.no_grad():
            self._embeddings.new.weight.copy_(state["rows"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.done = state["done"]
        self._recent.extend(state["recent"])

    def _batches(self, epoch: int) -> Iterator[NDArray[np.int64]]:
        """Group texts of similar length into batches, in an order that differs between epochs."""
        rng = np.random.default_rng([self._recipe.rng_seed, epoch])
        lengths = self._texts.lengths
        read = np.flatnonzero(rng.random(len(lengths)) * lengths < _FULL_RATE_TOKENS)
        # Noise on the lengths varies the composition of the batches between epochs
        order = read[np.argsort(lengths[read] * rng.uniform(0.9, 1.1, len(read)), kind="stable")]
        batches: list[NDArray[np.int64]] = []
        start, longest = 0, 0
        for end, length in enumerate(lengths[order].tolist()):
            longest = max(longest, length)
            if (end + 1 - start) * _rounded(longest + len(self._special)) > self._recipe.batch_tokens and end > start:
                batches.append(order[start:end])
                start, longest = end, length
        batches.append(order[start:])
        yield from (batches[i] for i in rng.permutation(len(batches)))

    def _padded(self, batch: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Token ids and attention mask of a batch, int64, shape (batch, width), padded with 0."""
        rng = np.random.default_rng([self._recipe.rng_seed, self.done, 1])
        first, last = self._special
        rows = [[first, *self._spell(self._texts[i], rng)[: self._window], last] for i in batch.tolist()]
        width = _rounded(max(map(len, rows)))
        ids = np.zeros((len(rows), width), dtype=np.int64)
        mask = np.zeros((len(rows), width), dtype=np.int64)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
            mask[i, : len(row)] = 1
        return torch.from_numpy(ids).to(self._model.device), torch.from_numpy(mask).to(self._model.device)

    def _spell(self, tokens: NDArray[np.int32], rng: np.random.Generator) -> list[int]:
        """Replace randomly chosen new tokens by their characters."""
        chosen = rng.random(len(tokens)) < _SPELLING_PROBABILITY
        found: list[int] = []
        for token, spell in zip(tokens.tolist(), chosen.tolist(), strict=True):
            found += self._spellings.get(token, [token]) if spell else [token]
        return found


def _rounded(width: int) -> int:
    """Round up to a multiple of 8. Kernels are cached for each shape, so that fewer shapes take less memory."""
    return -(-width // 8) * 8


def _schedule(progress: float) -> float:
    """Fraction of the peak learning rate: linear warm-up, then cosine decay. `progress` is in [0, 1)."""
    if progress < _WARM_UP:
        return max(progress / _WARM_UP, 0.02)
    return 0.5 * (1 + float(np.cos(np.pi * (progress - _WARM_UP) / (1 - _WARM_UP))))
