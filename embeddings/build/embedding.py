"""The stage that embeds: computes the vectors that the cache lacks, then writes all vectors in row order."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embeddings.build.build_lock import Progress
from embeddings.build.corpus import Corpus, TextRow
from embeddings.build.executors import Executor
from embeddings.build.plan import BuildPlan, EmbedTask
from embeddings.encoders.vector_cache import VectorCache, text_key
from embeddings.files import create_array
from embeddings.indexes.title_embeddings import packed
from embeddings.snapshots import snapshot
from embeddings.snapshots.encoder_check import PROBES
from embeddings.texts.cleaning import clean


class _Planned(NamedTuple):
    """A task that was handed to the executor.

    Attributes:
        keys: Of its texts.
        papers: How many of the texts are papers, not titles or probes.
        done: Papers up to the end of its chunk.
    """

    keys: list[bytes]
    papers: int
    done: int


class _Texts(NamedTuple):
    """Texts that are embedded together if the cache has none of them.

    Attributes:
        keys: Of the texts.
        read: Positions in `keys` → cleaned texts.
        papers: Whether they are papers, not titles or probes.
        done: Papers up to the end of their chunk.
    """

    keys: list[bytes]
    read: Callable[[Sequence[int]], list[str]]
    papers: bool
    done: int


class Embedding:
    """Embeds the texts, titles and probes of a build."""

    def __init__(self, plan: BuildPlan, corpus: Corpus, cache: VectorCache) -> None:
        """Prepare.

        Args:
            plan: Of the build.
            corpus: All papers of the build.
            cache: Of the plan's encoder.
        """
        self._plan = plan
        self._corpus = corpus
        self._cache = cache
        self._planned: deque[_Planned] = deque()
        # Keys of tasks without a result. A text of a later chunk that equals one of them is not computed again, as if
        # its result were stored already: what a task contains must not depend on how far the executor is
        self._pending: set[bytes] = set()

    def compute(self, executor: Executor, progress: Progress) -> int:
        """Compute the vectors that the cache lacks and store them, one transaction a task.

        Returns:
            Papers that were computed; titles are not counted.
        """
        computed = 0
        for result in executor.run(self._tasks()):
            planned = self._planned.popleft()
            self._cache.put(planned.keys, result.encoded)
            self._pending.difference_update(planned.keys)
            computed += planned.papers
            progress("embedding", planned.done, self._plan.papers)
        return computed

    def write(self, folder: Path, progress: Progress) -> None:
        """Write the vectors of papers, titles and probes, and store the token counts of papers in the corpus."""
        shape = (self._plan.papers, self._plan.info.dimension)
        embeddings = create_array(folder / snapshot.EMBEDDINGS, np.float32, shape)
        titles = create_array(folder / snapshot.TITLES, np.int8, shape)
        for part, rows in zip(self._corpus.text_rows(self._plan.chunk), self._plan.chunks(), strict=True):
            found = self._cache.get([each.text_key for each in part])
            embeddings[rows.start : rows.stop] = found.embeddings
            self._corpus.set_tokens(zip(found.tokens_seen.tolist(), found.tokens_total.tolist(), rows, strict=True))
            self._write_titles(part, titles[rows.start : rows.stop])
            progress("writing vectors", rows.stop, self._plan.papers)
        probes = self._cache.get([text_key(None, text) for text in PROBES])
        np.save(folder / snapshot.PROBES, probes.embeddings)

    def _write_titles(self, part: Sequence[TextRow], target: NDArray[np.int8]) -> None:
        """Write the vectors of titles; rows of papers without a readable title stay zero."""
        keys = {i: each.title_key for i, each in enumerate(part) if each.title_key is not None}
        if keys:
            target[list(keys)] = packed(self._cache.get(list(keys.values())).embeddings)

    def _tasks(self) -> Iterator[EmbedTask]:
        """The probes, then papers and titles of each chunk, as far as the cache lacks them."""
        number = 0
        for texts in self._candidates():
            missing = self._missing(texts.keys)
            if missing:
                keys = [texts.keys[i] for i in missing]
                self._planned.append(_Planned(keys, len(keys) if texts.papers else 0, texts.done))
                self._pending.update(keys)
                yield EmbedTask(number, tuple(texts.read(missing)), self._plan.encoder)
                number += 1

    def _candidates(self) -> Iterator[_Texts]:
        probes = [text_key(None, text) for text in PROBES]
        yield _Texts(probes, lambda chosen: [clean(PROBES[i]) for i in chosen], papers=False, done=0)
        done = 0
        for part in self._corpus.text_rows(self._plan.chunk):
            done += len(part)
            yield _Texts([each.text_key for each in part], partial(self._texts, part), papers=True, done=done)
            titled = [each for each in part if each.title_key is not None]
            keys = [each.title_key for each in titled if each.title_key is not None]
            yield _Texts(keys, partial(self._titles, titled), papers=False, done=done)

    def _texts(self, part: Sequence[TextRow], chosen: Sequence[int]) -> list[str]:
        return self._corpus.texts([part[i].row for i in chosen])

    def _titles(self, part: Sequence[TextRow], chosen: Sequence[int]) -> list[str]:
        return self._corpus.titles([part[i].row for i in chosen])

    def _missing(self, keys: Sequence[bytes]) -> list[int]:
        """Positions of keys that are neither stored nor pending; of equal keys the first."""
        first: dict[bytes, int] = {}
        for i, key in enumerate(keys):
            if key not in self._pending:
                first.setdefault(key, i)
        missing = self._cache.missing(list(first))
        return [i for i, lacking in zip(first.values(), missing.tolist(), strict=True) if lacking]
