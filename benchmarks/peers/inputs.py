"""What everyone is given: the same vectors, papers and questions, written to files once."""

import gzip
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import generated
from benchmarks.peers.recall import tenth_scores
from embeddings.texts.sentences import sentences

VECTORS = 100_000
QUERIES = 1_000
PAPERS = 3_000  # as many are made up where no corpus is given
TEXTS = 512
_TEXT_WORDS = (100, 140)  # of texts to embed: some 160 tokens, of the 256 that the model reads at once
_QUESTION_WORDS = (5, 15)
_SEEDS = Path(__file__).parent.parent.parent / "seeds"


@dataclass(frozen=True)
class Vectors:
    """Files of unit rows and of queries that are held out, and the score of each query's tenth exact neighbour."""

    path: Path
    queries_path: Path
    tenth_path: Path

    @cached_property
    def rows(self) -> NDArray[np.float32]:
        """Shape (n, 384), mapped."""
        mapped: NDArray[np.float32] = np.load(self.path, mmap_mode="r")
        return mapped

    @cached_property
    def queries(self) -> NDArray[np.float32]:
        """Shape (m, 384)."""
        loaded: NDArray[np.float32] = np.load(self.queries_path)
        return loaded

    @cached_property
    def tenth(self) -> NDArray[np.float32]:
        """Shape (m,)."""
        loaded: NDArray[np.float32] = np.load(self.tenth_path)
        return loaded


@dataclass(frozen=True)
class Papers:
    """A file of papers, `id` and `abstract` each, and how they are asked about."""

    path: Path

    @cached_property
    def all(self) -> list[dict[str, str]]:
        """In order of the file."""
        return [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]

    @cached_property
    def texts(self) -> list[str]:
        """512 abstracts of like length, repeated where there are fewer."""
        least, most = _TEXT_WORDS
        fitting = [paper["abstract"] for paper in self.all if least <= len(paper["abstract"].split()) <= most]
        return (fitting * (TEXTS // max(1, len(fitting)) + 1))[:TEXTS]

    def questions(self, count: int) -> list[tuple[str, str]]:
        """Some words in a row out of an abstract, all different, and the paper that they are from."""
        chance = random.Random(0)
        found: dict[str, str] = {}
        while len(found) < count:
            paper = chance.choice(self.all)
            words = paper["abstract"].split()
            length = chance.randint(*_QUESTION_WORDS)
            start = chance.randrange(max(1, len(words) - length))
            found.setdefault(" ".join(words[start : start + length]), paper["id"])
        return list(found.items())


def make_vectors(folder: Path, count: int = VECTORS) -> Vectors:
    """Vectors like those of abstracts, and queries from the same distribution, unless they are there."""
    made = Vectors(folder / "vectors.npy", folder / "queries.npy", folder / "tenth.npy")
    if not (made.path.is_file() and len(made.rows) == count):
        papers = generated.Papers()
        queries = papers.draw(QUERIES, part=0).vectors
        unfinished = folder / "unfinished.npy"
        papers.write(unfinished, count)
        np.save(made.queries_path, queries)
        np.save(made.tenth_path, tenth_scores(np.load(unfinished, mmap_mode="r"), queries))
        unfinished.replace(made.path)  # last: it says that all are there
        made = Vectors(made.path, made.queries_path, made.tenth_path)
    return made


def make_papers(folder: Path, corpora: Sequence[Path]) -> Papers:
    """Write papers of JSON lines with `abstract`, or made-up ones, of sentences of `seeds/` in another order."""
    abstracts = list(_given(corpora)) if corpora else list(_made_up())
    path = folder / "papers.jsonl"
    lines = (
        json.dumps({"id": f"paper-{i}", "abstract": abstract}, ensure_ascii=False) + "\n"
        for i, abstract in enumerate(dict.fromkeys(abstracts))
    )
    path.write_text("".join(lines), encoding="utf-8")
    return Papers(path)


def _given(corpora: Sequence[Path]) -> Iterator[str]:
    for path in corpora:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8") as file:
            for line in file:
                record: dict[str, Any] = json.loads(line)
                if str(record.get("abstract") or "").strip():
                    yield record["abstract"]


def _made_up() -> Iterator[str]:
    lines = (line for path in sorted(_SEEDS.glob("*.txt")) for line in path.read_text(encoding="utf-8").splitlines())
    said = [sentence for line in lines if line.isascii() for sentence in sentences(line, "en")]
    chance = random.Random(0)
    for _ in range(PAPERS):
        words: list[str] = []
        while len(words) < _TEXT_WORDS[0]:
            words += chance.choice(said).split()
        yield " ".join(words)
