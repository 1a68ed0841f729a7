"""Vectors like those of abstracts, as many as asked: rows drawn from one distribution, however many are drawn.

A paper is where a walk down a tree of topics ends, plus what is its own. The tree has 4^12 leaves, of which some are
far more frequent than others; each step moves less than the one before; directions vary as those of MiniLM do, and lie
askew to the axes, as they do; some regions are denser than others. The parameters were fitted to 6,900 abstracts of
computer science in all-MiniLM-L6-v2: spectrum, cosines of random pairs and of near neighbours among 1,000 to 6,000,
and how many neighbours an inverted file finds in 1 to 16 of 128 lists. 24,000 others agree (`results/generated.json`);
codes find a little less of the generated ones. Compare with vectors of your own:

    python -m benchmarks.generated --like snapshots/ID/embeddings.npy
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import require_committed, write_result
from embeddings import threads
from embeddings.files import create_array
from embeddings.indexes.faiss import assembler, faiss_index
from embeddings.indexes.faiss.evaluation import exact_neighbours

DIMENSION = 384
_BRANCHES = 4
_LEVELS = 12
_DIRECTIONS = 4_096  # of a level; deep down, topics share them
_TOPIC_LEVEL = 5
TOPICS = _BRANCHES**_TOPIC_LEVEL
_CENTRE = 0.52  # what all papers share
_STEP, _SHRINKING = 0.43, 0.78  # of the first level, and from level to level
_ZIPF = 0.86  # how unequal the branches are
_TOPIC_FLAT, _TOPIC_POWER = 8.3, 0.48
_OWN, _OWN_FLAT, _OWN_POWER = 0.86, 7.5, 0.6
_UNEVEN, _REGIONAL = (
    0.45,
    0.24,
)  # deviation of the logarithm of what is a paper's own, paper by paper and region by region
_HASH = np.uint64(11400714819323198485)  # Fibonacci hashing, Knuth 1973
_BLOCK = 20_000
_HELD_OUT = 500
_PROBES = (1, 2, 4, 8, 16)
_CANDIDATES = (1, 2, 4)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Papers.

    Attributes:
        vectors: Shape (n, 384), unit rows.
        topics: Shape (n,): number of each paper's topic, below `TOPICS`.
    """

    vectors: NDArray[np.float32]
    topics: NDArray[np.int64]


class Papers:
    """The distribution. The same part drawn twice is the same."""

    def __init__(self) -> None:
        """Set up the tree."""
        random = np.random.default_rng(0)
        self._topic_spread, self._own_spread = _spectrum(_TOPIC_FLAT, _TOPIC_POWER), _spectrum(_OWN_FLAT, _OWN_POWER)
        self._centre = unit(random.standard_normal((1, DIMENSION), dtype=np.float32))
        self._steps = [
            unit(random.standard_normal((_DIRECTIONS, DIMENSION), dtype=np.float32) * self._topic_spread)
            for _ in range(_LEVELS)
        ]
        self._density = random.standard_normal(_DIRECTIONS)
        chances = (np.arange(_BRANCHES) + 1.0) ** -_ZIPF
        self._branches = np.cumsum(chances / chances.sum())[:-1]
        # Codes give every axis as many bits; an encoder has no axis that matters more
        self._axes = np.linalg.qr(random.standard_normal((DIMENSION, DIMENSION)))[0].astype(np.float32)

    def draw(self, count: int, part: int) -> Drawn:
        """Draw papers; another part has others."""
        random = np.random.default_rng((7, part))
        vectors = np.repeat(np.float32(_CENTRE) * self._centre, count, axis=0)
        path = np.zeros(count, dtype=np.uint64)
        topics, wide = np.zeros(count, dtype=np.int64), np.zeros(count)
        for level, steps in enumerate(self._steps):
            branch = np.searchsorted(self._branches, random.random(count))
            path = path * np.uint64(_BRANCHES) + branch.astype(np.uint64) + np.uint64(1)
            direction = (path * _HASH >> np.uint64(52)).astype(np.int64)
            if level < _TOPIC_LEVEL:
                topics = topics * _BRANCHES + branch
            if level == _TOPIC_LEVEL - 1:
                wide = self._density[direction]
            vectors += np.float32(_STEP * _SHRINKING**level) * steps[direction]
        own = unit(random.standard_normal((count, DIMENSION), dtype=np.float32) * self._own_spread)
        spread = _OWN * np.exp(_UNEVEN * random.standard_normal(count) + _REGIONAL * wide)
        return Drawn(unit((vectors + spread[:, None].astype(np.float32) * own) @ self._axes), topics)

    def own(self, random: np.random.Generator, count: int) -> NDArray[np.float32]:
        """Unit rows in directions such as papers have of their own."""
        drawn = random.standard_normal((count, DIMENSION), dtype=np.float32) * self._own_spread
        return unit(np.asarray(drawn @ self._axes, dtype=np.float32))

    def write(self, path: Path, count: int) -> None:
        """Write vectors to a file, in bounded memory. Part 0 is never among them: it is for queries."""
        vectors = create_array(path, np.float32, (count, DIMENSION))
        for start in range(0, count, _BLOCK):
            vectors[start : start + _BLOCK] = self.draw(min(_BLOCK, count - start), 1 + start // _BLOCK).vectors


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length 1."""
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _spectrum(flat: float, power: float) -> NDArray[np.float32]:
    """Standard deviations that fall as those of encoders do, direction by direction."""
    return ((np.arange(DIMENSION) + flat) ** -power).astype(np.float32)


def main() -> None:
    """Compare with real vectors, and write `results/generated.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--like", type=Path, required=True, help="Real vectors, such as a snapshot's embeddings.npy.")
    asked = parser.parse_args()
    require_committed()
    real = np.load(asked.like)
    real = real[np.random.default_rng(0).permutation(len(real))]
    drawn = Papers().draw(len(real), 1).vectors
    found = {"vectors": len(real), "real": described(real), "generated": described(drawn)}
    print(found)
    write_result("generated", found)


def described(vectors: NDArray[np.float32]) -> dict[str, object]:
    """What makes vectors easy or hard to index; the first 500 are the queries, the others the corpus."""
    queries, corpus = vectors[:_HELD_OUT], np.ascontiguousarray(vectors[_HELD_OUT:])
    variances = np.linalg.eigvalsh(np.cov(corpus[:6_000].T))[::-1]
    shares = np.cumsum(variances) / variances.sum()
    pairs = queries @ corpus[:2_000].T
    lists = int(2 ** round(np.log2(1.5 * np.sqrt(len(corpus)))))
    made = assembler.build(corpus, f"IVF{lists},Flat", threads=threads.available())
    truth = exact_neighbours(corpus, queries)
    found = {
        str(probed): made.searched(effort=probed).nearest(queries, 10, threads=threads.available())[0]
        for probed in _PROBES
    }
    coded = assembler.build(corpus, f"IVF{lists},PQ{DIMENSION // 2}x4fsr", threads=threads.available())
    candidates = {
        str(each): coded.searched(effort=lists, refine=each).nearest(queries, 10, threads=threads.available())[0]
        for each in _CANDIDATES
    }
    return {
        "variance_in_first": {str(most): round(float(shares[most - 1]), 3) for most in (10, 50, 200)},
        "cosine_of_two": {"mean": round(float(pairs.mean()), 3), "deviation": round(float(pairs.std()), 3)},
        "cosine_of_neighbour": {
            str(part): {
                str(rank): round(float(exact_neighbours(corpus[:part], queries)[:, rank - 1].mean()), 3)
                for rank in (1, 10)
            }
            for part in (1_000, 3_000, len(corpus))
        },
        "lists": lists,
        "recall_at_10_of_lists": {
            probed: round(faiss_index.recall(scores, truth), 3) for probed, scores in found.items()
        },
        "recall_at_10_of_codes": {
            each: round(faiss_index.recall(scores, truth), 3) for each, scores in candidates.items()
        },
    }


if __name__ == "__main__":
    main()
