"""Does hybrid search keep up with dense search at a million papers?

Generates a corpus as large as asked, indexes it as a build does, and times the dense leg, the lexical leg and hybrid
search as it is served (title, feedback and smoothing included) on the same queries, one after the other in one thread,
the encoder left out. Words follow a Zipf-Mandelbrot law, so that the commonest terms are in a quarter of all papers;
papers of one topic share words and direction (`benchmarks.generated`). Memory is bounded: everything large lies in
files. A million papers take 6 GB of disk.

    python -m benchmarks.hybrid_scale --papers 1000000
    python -m benchmarks.hybrid_scale --papers 1000000 --folder corpus   # keeps the files, finds them the next time
"""

import argparse
import cProfile
import dataclasses
import itertools
import json
import pstats
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it comes without types

from benchmarks.generated import DIMENSION as _DIMENSION
from benchmarks.generated import TOPICS, Papers, unit
from benchmarks.machine import require_committed, write_result
from embeddings import threads
from embeddings.files import create_array, map_array
from embeddings.indexes.bm25 import lexical_index
from embeddings.indexes.bm25.lexical_index import Bm25Index
from embeddings.indexes.faiss import assembler, faiss_index
from embeddings.indexes.faiss.choice import INDEX_RECALL, choose
from embeddings.indexes.faiss.evaluation import tuned
from embeddings.indexes.faiss.vector_index import FaissVectorIndex
from embeddings.indexes.title_embeddings import packed
from embeddings.queries import NO_FILTERS, Filters, SearchOptions
from embeddings.ranking import pipeline
from embeddings.ranking.candidates import QueryKind, RankingQuery
from embeddings.ranking.weights import WEIGHTS
from embeddings.snapshots import snapshot
from embeddings.snapshots.snapshot import Snapshot

_BLOCK = 20_000
_LENGTH = 120
_TOPIC_TERMS = 200
_FLATTEST = 15  # of Zipf-Mandelbrot: the commonest term is in a quarter of all papers
_REPEATED = 1 / 3  # of a paper's terms, how many it has said before
_TOPICAL = 0.4
_EFFORT = 64
_COMMON = 500  # terms that are in more than 1 % of all papers each
_ADMITTED = 0.1  # of the papers, where a filter is timed
_TOKENS = "tokens.npy"
_SPEC = "index.json"


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked: a unit vector and terms."""

    vector: NDArray[np.float32]
    terms: list[str]


class _Generated(Snapshot):
    """The parts of a snapshot that retrieval reads, without papers and neighbours."""

    def __init__(self, folder: Path, effort: int | None = None) -> None:
        self.embeddings = map_array(folder / snapshot.EMBEDDINGS)
        self.titles = map_array(folder / snapshot.TITLES)
        self.languages = map_array(folder / snapshot.LANGUAGES)
        spec = faiss_index.IndexSpec(**json.loads((folder / _SPEC).read_text())["spec"])
        opened = faiss_index.load(
            folder / snapshot.INDEX, dataclasses.replace(spec, effort=effort or spec.effort), self.embeddings
        )
        self.index = FaissVectorIndex(opened, self.embeddings, self._mask)
        self.lexical = Bm25Index.load(folder, self._mask)
        self._admitted = np.random.default_rng(2).random(len(self)) < _ADMITTED

    def _mask(self, filters: Filters, _exclude: Collection[int]) -> NDArray[np.bool_] | None:
        """There are no papers to filter by: any filter admits the same random rows."""
        return None if filters == NO_FILTERS else self._admitted

    def __len__(self) -> int:
        return len(self.embeddings)


def main() -> None:
    """Measure, and write `results/hybrid_scale.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--papers", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--folder", type=Path, help="Where the corpus is kept; left out, it is thrown away.")
    parser.add_argument("--profile", action="store_true", help="Print where the time of hybrid search goes.")
    asked = parser.parse_args()
    require_committed()
    with tempfile.TemporaryDirectory() as thrown_away:
        folder = asked.folder or Path(thrown_away)
        folder.mkdir(parents=True, exist_ok=True)
        made = generate(folder, asked.papers)
        corpus = _Generated(folder)
        result = {"papers": asked.papers, **made, "index": dataclasses.asdict(corpus.index.index.spec)}
        for name, asking in (
            ("titles", queries(folder, asked.queries, (5, 16))),
            ("common_words", queries(folder, asked.queries, (5, 16), common=_COMMON)),
            ("abstracts", queries(folder, max(asked.queries // 5, 1), (_LENGTH, _LENGTH + 1))),
        ):
            with threadpool_limits(1):
                result[name] = measure(corpus, asking)
            print(name, json.dumps(result[name], indent=2))
            if asked.profile:
                _profile(corpus, asking)
        asking = queries(folder, asked.queries, (5, 16))
        name = f"titles_with_effort_{_EFFORT}"
        with threadpool_limits(1):
            result[name] = measure(_Generated(folder, _EFFORT), asking)
        print(name, json.dumps(result[name], indent=2))
    write_result("hybrid_scale", result)


def generate(folder: Path, papers: int) -> dict[str, float]:
    """Write and index a corpus, unless it is there; what it took, in seconds and MB."""
    path = folder / _SPEC
    if not path.is_file():
        took = {"generate_s": _timed(lambda: _write(folder, papers))}
        took["lexical_s"] = _timed(lambda: lexical_index.build(_term_lists(folder), papers, folder))
        began = time.perf_counter()
        embeddings, processors = map_array(folder / snapshot.EMBEDDINGS), threads.available()
        dense = assembler.build(embeddings, choose(papers, _DIMENSION), threads=processors)
        dense, evaluation = tuned(dense, embeddings, INDEX_RECALL, threads=processors)
        dense.save(folder / snapshot.INDEX)
        took["dense_s"] = round(time.perf_counter() - began, 1)
        took["index_recall_at_10"] = evaluation["index_recall_at_10"]
        took["lexical_mb"] = round(sum((folder / name).stat().st_size for name in lexical_index.FILES) / 1e6)
        path.write_text(json.dumps({"spec": dataclasses.asdict(dense.spec), "took": took}))
    recorded: dict[str, float] = json.loads(path.read_text())["took"]
    if len(map_array(folder / snapshot.EMBEDDINGS)) != papers:
        raise SystemExit(f"{folder} holds another number of papers than {papers}; name another folder")
    return recorded


def queries(folder: Path, count: int, lengths: tuple[int, int], common: int | None = None) -> list[Query]:
    """Ask for random papers: some of their terms, in order, and a vector near theirs.

    Args:
        folder: Of the corpus.
        count: How many queries.
        lengths: Fewest terms, and one more than the most; a term is said once.
        common: Only of the so many commonest terms, where enough of them are in the paper.
    """
    random = np.random.default_rng(1)
    distribution = Papers()
    embeddings, tokens = map_array(folder / snapshot.EMBEDDINGS), map_array(folder / _TOKENS)
    asking = []
    for row in random.choice(len(embeddings), count, replace=False):
        own = np.flatnonzero(tokens[row] < (common or _vocabulary(len(tokens))))
        chosen = random.choice(own, min(int(random.integers(*lengths)), len(own)), replace=False)
        near = unit(embeddings[row][None] + 0.7 * distribution.own(random, 1))
        said = dict.fromkeys(tokens[row, np.sort(chosen)].tolist())
        asking.append(Query(near[0], [_name(number) for number in said]))
    return asking


def measure(corpus: Snapshot, asking: list[Query]) -> dict[str, object]:
    """Time each leg and both together, query by query: what disturbs the machine disturbs all alike.

    In processor time of the one thread: it does not wait for disk or network, and waiting for a processor is not its
    fault.
    """
    depth, candidates = SearchOptions().top_k + 1, WEIGHTS[QueryKind.TEXT].candidates
    filters = Filters(language=("en",))
    runs: dict[str, Callable[[Query], object]] = {
        "dense": lambda query: pipeline.dense(_ranking(query, corpus), depth, corpus),
        "dense_candidates": lambda query: pipeline.dense(_ranking(query, corpus), candidates, corpus),
        "lexical": lambda query: pipeline.lexical(_ranking(query, corpus), candidates, corpus),
        "hybrid": lambda query: pipeline.search(_ranking(query, corpus), depth, corpus),
        "every_score": lambda query: corpus.lexical.scores(query.terms),
        "dense_filtered": lambda query: pipeline.dense(_ranking(query, corpus, filters), depth, corpus),
        "hybrid_filtered": lambda query: pipeline.search(_ranking(query, corpus, filters), depth, corpus),
    }
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for measured, query in itertools.product((False, True), asking):  # the first round warms up
        for name, run in runs.items():
            began = time.thread_time()
            run(query)
            if measured:
                taken[name].append((time.thread_time() - began) * 1000)
    found = {
        f"{name}_ms": {"p50": _percentile(times, 50), "p99": _percentile(times, 99)} for name, times in taken.items()
    }
    ratios = {
        f"{name}_over_{base}": {
            f"p{percent}": round(_percentile(taken[name], percent) / _percentile(taken[base], percent), 2)
            for percent in (50, 99)
        }
        for name, base in (("lexical", "dense"), ("hybrid", "dense"), ("hybrid_filtered", "dense_filtered"))
    }
    terms = float(np.mean([len(query.terms) for query in asking]))
    return {"queries": len(asking), "terms": round(terms, 1), **found, **ratios}


def _write(folder: Path, papers: int) -> None:
    """Vectors, titles, languages, and the numbers of the terms of each paper."""
    random = np.random.default_rng(0)
    distribution = Papers()
    # Ranks of a topic's words: uniform on a logarithmic scale, so that all words together still follow Zipf's law
    vocabulary = _vocabulary(papers)
    words = np.exp(random.uniform(np.log(50), np.log(vocabulary), (TOPICS, _TOPIC_TERMS))).astype(np.int32)
    vectors = create_array(folder / snapshot.EMBEDDINGS, np.float32, (papers, _DIMENSION))
    titles = create_array(folder / snapshot.TITLES, np.int8, (papers, _DIMENSION))
    tokens = create_array(folder / _TOKENS, np.int32, (papers, _LENGTH))
    np.save(folder / snapshot.LANGUAGES, np.full(papers, b"en", dtype="S8"))
    for start in range(0, papers, _BLOCK):
        random = np.random.default_rng((3, start))
        count = min(_BLOCK, papers - start)
        drawn = distribution.draw(count, 1 + start // _BLOCK)
        block, topic = drawn.vectors, drawn.topics
        vectors[start : start + count] = block
        titles[start : start + count] = packed(unit(block + 0.7 * distribution.own(random, count)))
        said = _ranks(random.random((count, _LENGTH)), vocabulary)
        of_topic = words[topic[:, None], _ranks(random.random((count, _LENGTH)), _TOPIC_TERMS)]
        said = np.where(random.random((count, _LENGTH)) < _TOPICAL, of_topic, said)
        before = (random.random((count, _LENGTH)) * np.arange(_LENGTH)).astype(np.int64)
        repeated = np.take_along_axis(said, before, axis=1)
        tokens[start : start + count] = np.where(random.random((count, _LENGTH)) < _REPEATED, repeated, said)


def _vocabulary(papers: int) -> int:
    return max(20 * int(np.sqrt(papers) * 40), 1_000)  # Heaps' law: 800,000 terms in a million papers


def _ranks(uniform: NDArray[np.float64], most: int) -> NDArray[np.int32]:
    """Zipf-Mandelbrot: the chance of rank r is in proportion to 1 / (r + 15)."""
    ranks = _FLATTEST * ((most + _FLATTEST) / _FLATTEST) ** uniform - _FLATTEST
    return np.minimum(ranks, most - 1).astype(np.int32)


def _term_lists(folder: Path) -> Iterator[list[str]]:
    tokens = map_array(folder / _TOKENS)
    random = np.random.default_rng(4)
    names = np.array([_name(number) for number in range(_vocabulary(len(tokens)))], dtype=object)
    for start in range(0, len(tokens), _BLOCK):
        block = names[tokens[start : start + _BLOCK]].tolist()
        lengths = np.clip(random.normal(_LENGTH, _LENGTH / 4, len(block)), 20, _LENGTH * 2)
        for paper, length in zip(block, lengths.astype(int).tolist(), strict=True):
            yield (paper + paper)[:length]


def _name(number: int) -> str:
    return f"{number:x}"


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return round(time.perf_counter() - began, 1)


def _percentile(times: list[float], percent: int) -> float:
    return round(float(np.percentile(times, percent)), 2)


def _ranking(query: Query, corpus: Snapshot, filters: Filters = NO_FILTERS) -> RankingQuery:
    return RankingQuery(
        kind=QueryKind.TEXT,
        vector=query.vector,
        terms=tuple(query.terms),
        max_lexical=corpus.lexical.max_score(query.terms),
        language="en",
        filters=filters,
    )


def _profile(corpus: Snapshot, asking: list[Query]) -> None:
    with cProfile.Profile() as profile:
        for query in asking:
            pipeline.search(_ranking(query, corpus), SearchOptions().top_k + 1, corpus)
    pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
