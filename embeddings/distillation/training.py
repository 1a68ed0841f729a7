"""New rows learnt by imitation: the new language's texts get the vectors that the teacher gives their translations.

Multilingual knowledge distillation (Reimers and Gurevych 2020, Making Monolingual Sentence Embeddings Multilingual
using Knowledge Distillation), of the input embeddings of new tokens alone; every other weight stays. To it comes a
contrast within the batch in which texts of both languages compete, so that neither is favoured in one index.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from embeddings.distillation.recipe import Recipe
from embeddings.encoders.backends.sentence_transformer import Network, text_window, transformer

# Of the contrast (InfoNCE, van den Oord et al. 2018) against 1 - cosine, and its temperature
_CONTRAST_WEIGHT = 0.1
_TEMPERATURE = 0.05
# Of the relations among the texts of a batch against 1 - cosine, from which part of the way on: what only imitates text
# by text drifts to the middle, from where it looks near to everything
_RELATIONS_WEIGHT = 20.0
_RELATIONS_FROM = 0.35
# Of a new token standing as its letters: rows of single letters are needed for words that are not tokens
_SPELLING_RATE = 0.1
_WARM_UP = 0.03
# Tokens up to which a text is read in every epoch; longer ones in proportion less often, they would take all the time
_EVERY_TIME = 20


@dataclass(frozen=True, slots=True)
class Texts:
    """Tokenized texts, one behind the other.

    Attributes:
        tokens: Ids of all, shape (total,).
        starts: Where each begins, and the end of the last, shape (texts + 1,).
    """

    tokens: NDArray[np.int32]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, i: int) -> NDArray[np.int32]:
        return self.tokens[self.starts[i] : self.starts[i + 1]]

    def only(self, chosen: NDArray[np.int64]) -> "Texts":
        """Some of the texts, in the order chosen."""
        return Texts.of([self[i] for i in chosen.tolist()])

    @classmethod
    def of(cls, texts: Sequence[NDArray[np.int32]]) -> "Texts":
        """Put tokenized texts one behind the other."""
        starts = np.concatenate([[0], np.cumsum([len(text) for text in texts])]).astype(np.int64)
        return cls(np.concatenate([np.empty(0, np.int32), *texts]), starts)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each, shape (texts,)."""
        return np.diff(self.starts)


class _ExtendedEmbeddings(nn.Module):
    """Input embeddings of which only the rows of new tokens can change."""

    def __init__(self, frozen: nn.Embedding, new_ids: NDArray[np.int64], rows: NDArray[np.float32], size: int) -> None:
        super().__init__()
        self.frozen = frozen
        words, width = rows.shape
        self.new = nn.Embedding(words, width, sparse=True, _weight=torch.from_numpy(rows.copy()))
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
    """Trains new rows; its state can be saved between any two steps, and goes on from there to the same result."""

    def __init__(
        self,
        model: Network,
        new_ids: NDArray[np.int64],
        rows: NDArray[np.float32],
        texts: Texts,
        targets: NDArray[np.float16],
        spellings: Mapping[int, list[int]],
        recipe: Recipe,
    ) -> None:
        """Set up.

        Args:
            model: The teacher, its vocabulary extended; its layers are frozen here, in whatever precision they have.
            new_ids: Ids of the new tokens, shape (new,).
            rows: Their rows to start from, shape (new, width).
            texts: In the new language.
            targets: What the teacher says to their translations, unit rows, shape (len(texts), dimension).
            spellings: New token's id → ids of its letters.
            recipe: How to train.
        """
        self._model = model.requires_grad_(False).eval()
        self._texts, self._targets, self._recipe = texts, targets, recipe
        body = transformer(model)
        self._embeddings = _ExtendedEmbeddings(
            body.get_input_embeddings(), new_ids, rows, body.get_input_embeddings().num_embeddings
        )
        body.set_input_embeddings(self._embeddings.to(model.device))
        self._special = model.tokenizer("")["input_ids"]
        self._spelt = spellings
        self._optimizer = torch.optim.SparseAdam([self._embeddings.new.weight], lr=recipe.rate)
        self._plan = [batch for epoch in range(recipe.epochs) for batch in self._batches(epoch)]
        self._window = text_window(model)
        self._recent: deque[float] = deque(maxlen=100)
        self.done = 0

    @property
    def recent_cosine(self) -> float:
        """Mean cosine to the targets over the last batches, 0 before the first."""
        return float(np.mean(self._recent)) if self._recent else 0.0

    @property
    def steps(self) -> int:
        """Steps in all."""
        return len(self._plan)

    @property
    def rows(self) -> NDArray[np.float32]:
        """The new rows as they are now, shape (new, width)."""
        rows: NDArray[np.float32] = self._embeddings.new.weight.detach().cpu().numpy().copy()
        return rows

    def step(self) -> None:
        """Train on one batch."""
        batch = self._plan[self.done]
        for group in self._optimizer.param_groups:
            group["lr"] = self._recipe.rate * _schedule(self.done / self.steps)
        ids, mask = self._padded(batch)
        given = self._model({"input_ids": ids, "attention_mask": mask})["sentence_embedding"].float()
        given = nn.functional.normalize(given, dim=1)
        wanted = torch.from_numpy(self._targets[batch].astype(np.float32)).to(given.device)
        cosines = (given * wanted).sum(dim=1)
        loss = (1 - cosines).mean() + _CONTRAST_WEIGHT * _contrast(given, wanted)
        if self.done >= _RELATIONS_FROM * self.steps:
            loss = loss + _RELATIONS_WEIGHT * _relations(given, wanted)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()  # type: ignore[no-untyped-call]
        self.done += 1
        self._recent.append(float(cosines.mean().detach()))

    def save(self, path: Path) -> None:
        """Write all that another `Trainer` of the same arguments needs to go on."""
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
        """Go on where `save` was called."""
        state = torch.load(path, weights_only=True)
        with torch.no_grad():
            self._embeddings.new.weight.copy_(state["rows"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.done = state["done"]
        self._recent.extend(state["recent"])

    def _batches(self, epoch: int) -> Iterator[NDArray[np.int64]]:
        """All texts in batches of nearly equal lengths, in an order of this epoch's own."""
        chance = np.random.default_rng([self._recipe.seed, epoch])
        lengths = self._texts.lengths
        read = np.flatnonzero(chance.random(len(lengths)) * lengths < _EVERY_TIME)
        # A little noise, so that a text does not meet the same others in every epoch
        order = read[np.argsort(lengths[read] * chance.uniform(0.9, 1.1, len(read)), kind="stable")]
        batches: list[NDArray[np.int64]] = []
        start, longest = 0, 0
        for end, length in enumerate(lengths[order].tolist()):
            longest = max(longest, length)
            if (end + 1 - start) * _rounded(longest + len(self._special)) > self._recipe.batch_tokens and end > start:
                batches.append(order[start:end])
                start, longest = end, length
        batches.append(order[start:])
        yield from (batches[i] for i in chance.permutation(len(batches)))

    def _padded(self, batch: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        chance = np.random.default_rng([self._recipe.seed, self.done, 1])
        first, last = self._special
        rows = [[first, *self._spell(self._texts[i], chance)[: self._window], last] for i in batch.tolist()]
        width = _rounded(max(map(len, rows)))
        ids = np.zeros((len(rows), width), dtype=np.int64)
        mask = np.zeros((len(rows), width), dtype=np.int64)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
            mask[i, : len(row)] = 1
        return torch.from_numpy(ids).to(self._model.device), torch.from_numpy(mask).to(self._model.device)

    def _spell(self, tokens: NDArray[np.int32], chance: np.random.Generator) -> list[int]:
        spelt = chance.random(len(tokens)) < _SPELLING_RATE
        found: list[int] = []
        for token, apart in zip(tokens.tolist(), spelt.tolist(), strict=True):
            found += self._spelt.get(token, [token]) if apart else [token]
        return found


def _rounded(width: int) -> int:
    """Up to a multiple of 8: what is compiled for each shape is kept, and few shapes take little memory."""
    return -(-width // 8) * 8


def _contrast(given: Tensor, wanted: Tensor) -> Tensor:
    """Each text must find its translation, and the reverse, among all others of both languages."""
    own = torch.eye(len(given), dtype=torch.bool, device=given.device)
    across = given @ wanted.T / _TEMPERATURE
    ours = (given @ given.T / _TEMPERATURE).masked_fill(own, -torch.inf)
    theirs = (wanted @ wanted.T / _TEMPERATURE).masked_fill(own, -torch.inf)
    answers = torch.arange(len(given), device=given.device)
    forth = nn.functional.cross_entropy(torch.cat([across, ours], dim=1), answers)
    back = nn.functional.cross_entropy(torch.cat([across.T, theirs], dim=1), answers)
    return (forth + back) / 2


def _relations(given: Tensor, wanted: Tensor) -> Tensor:
    """Any two texts must be as near as their translations are, in either language or across them (squared error).

    Relational knowledge distillation (Park et al. 2019), on cosines.
    """
    others = 1 - torch.eye(len(given), device=given.device)
    true = wanted @ wanted.T
    errors = (given @ wanted.T - true).square() + (given @ given.T - true).square()
    return (errors * others).sum() / (2 * others.sum().clamp(min=1))


def _schedule(part: float) -> float:
    """Rise, then fall: the share of the highest rate, `part` of the way."""
    if part < _WARM_UP:
        return max(part / _WARM_UP, 0.02)
    return 0.5 * (1 + float(np.cos(np.pi * (part - _WARM_UP) / (1 - _WARM_UP))))
