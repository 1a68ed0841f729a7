"""The batch job, top to bottom: read, embed what is new, index, relate, seal, publish."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embeddings import database, readers, threads
from embeddings.build.build_lock import Progress, alone, work_folder
from embeddings.build.corpus import Corpus
from embeddings.build.neighbours import NEIGHBOURS, DuplicateGroups, neighbours
from embeddings.encoders import loading, model_files
from embeddings.encoders.backends.base import Backend, Computation, Precision
from embeddings.encoders.cached_encoder import CachedEncoder
from embeddings.encoders.encoder_info import EMBEDDED_MODEL, EncoderInfo
from embeddings.encoders.loading import Chosen
from embeddings.encoders.model_files import ModelFiles
from embeddings.encoders.vector_cache import VectorCache, text_key
from embeddings.files import create_array, map_array
from embeddings.indexes.bm25 import lexical_index
from embeddings.indexes.faiss import faiss_index
from embeddings.indexes.faiss.choice import INDEX_RECALL, choose
from embeddings.indexes.faiss.evaluation import tuned
from embeddings.indexes.faiss.faiss_index import FaissIndex
from embeddings.indexes.title_embeddings import packed
from embeddings.ranking.calibration import Calibration, of_encoder
from embeddings.release import gate
from embeddings.release.comparison import Thresholds
from embeddings.release.gate import ReleaseDecision
from embeddings.snapshots import publishing, snapshot, stored_fields
from embeddings.snapshots.encoder_check import PROBES
from embeddings.snapshots.papers_db import PaperStore
from embeddings.snapshots.snapshot import Manifest
from embeddings.texts.cleaning import clean
from embeddings.texts.terms import terms

if TYPE_CHECKING:
    from embeddings.encoders.encoder import Encoder

# Near-duplicates: docs/decisions/0004 has the measurements
LEAST_DUPLICATE_SCORE = 0.94
LEAST_TWIN_SCORE = 0.84

# Papers of the corpus by which a compiled model is compared with the original
_COMPARED = 64

_CORPUS = "corpus.db"
_VERSIONED = ("sentence-transformers", "torch", "transformers")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """What a build may be told.

    Attributes:
        snapshots: Folder of all snapshots; also holds the vector cache.
        model: See `encoders.load`.
        revision: See `encoders.load`.
        device: See `encoders.load`.
        backend: Who computes, see `encoders.choose`.
        precision: With which numbers.
        max_tokens: Most tokens read of a paper, 0 for all.
        batch_tokens: Most tokens in one pass through the model, padding included; bounds memory. None leaves it to the
            backend.
        format: Of all sources; None recognises each.
        columns: Our field → the sources' column.
        strict: Stop at the first record that cannot be used.
        index: FAISS factory string; None chooses by size and memory.
        memory_budget: Bytes the index may take; None sets no limit. Not together with `index`.
        recall: Index recall@10 the search is tuned to, in [0, 1].
        calibration: Of the model; None takes that of an embedded one.
        publish: Serve the result, if it passes the gate.
        thresholds: Of the gate, see `release`.
        force: Serve the result even if it does not pass.
        wait: Wait for another build in the same folder to end, instead of giving up.
        chunk: Papers embedded between two commits to the cache. Batches are planned within a chunk and a chunk is
            committed whole, so a build that was killed plans the same batches as one that was not, and its vectors are
            the same bytes.
    """

    snapshots: Path = Path("snapshots")
    model: str = EMBEDDED_MODEL
    revision: str | None = None
    device: str | None = None
    backend: Backend = Backend.AUTO
    precision: Precision = Precision.AUTO
    max_tokens: int = 0
    batch_tokens: int | None = None
    format: readers.Format | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False
    index: str | None = None
    memory_budget: int | None = None
    recall: float = INDEX_RECALL
    calibration: Calibration | None = None
    publish: bool = True
    thresholds: Thresholds = field(default_factory=Thresholds)
    force: bool = False
    wait: bool = True
    chunk: int = 256


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did.

    Attributes:
        manifest: Of the snapshot.
        folder: Where it is.
        embedded: Papers that went through the model; the others' vectors were in the cache.
        published: Whether it is served now.
        release: What the gate said; None where it was not asked for.
    """

    manifest: Manifest
    folder: Path
    embedded: int
    published: bool
    release: ReleaseDecision | None = None


def build(
    sources: Sequence[str], options: BuildOptions, progress: Progress = lambda stage, done, total: None
) -> BuildReport:
    """Build a snapshot, and publish it if it passes the gate (see `release`).

    May be killed at any moment and started again: it goes on where it was, and the result is the same.

    Raises:
        CorpusError: The sources cannot be read, hold no paper, or `strict` met a record that cannot be used.
        EncoderError: The model cannot be loaded or used.
        BuildError: The index cannot be made, or none fits into the memory.
        BuildInProgress: Another build runs in the same folder, and `wait` is not set.
    """
    options.snapshots.mkdir(parents=True, exist_ok=True)
    with alone(options.snapshots, wait=options.wait, progress=progress), work_folder(options.snapshots) as work:
        with (work / snapshot.REJECTS).open("w", encoding="utf-8") as rejects:
            corpus = Corpus(work / _CORPUS, rejects)
            entries = readers.read(sources, format=options.format, columns=options.columns)
            for read in corpus.add_all(entries, strict=options.strict):
                progress("reading", read, None)
        files = model_files.locate(options.model, options.revision)
        chosen = _chosen(files, corpus, options, progress)
        cached_as = chosen.cached_as(files.fingerprint(options.max_tokens))
        cache = VectorCache(options.snapshots / publishing.VECTOR_CACHE, cached_as)
        encoder = CachedEncoder(files, cache, lambda: _load(chosen, files, options))
        # Before the vectors are made: what cannot be indexed should not be embedded for hours
        factory = options.index or choose(len(corpus), encoder.info.dimension, options.memory_budget)
        embedded = _embed(corpus, encoder, options.chunk, work, progress)
        probes = encoder.encode([text_key(None, text) for text in PROBES], lambda chosen: [PROBES[i] for i in chosen])
        np.save(work / snapshot.PROBES, probes.embeddings)
        encoder.unload()
        embeddings: NDArray[np.float32] = map_array(work / snapshot.EMBEDDINGS)
        dense, evaluation = _index(embeddings, factory, options.recall, progress)
        dense.save(work / snapshot.INDEX)
        progress("indexing words", 0, None)
        lexical_index.build((terms(text) for text in corpus.all_texts()), len(corpus), work)
        np.save(work / snapshot.LANGUAGES, np.fromiter(corpus.languages(), dtype="S8", count=len(corpus)))
        duplicates = _relate(corpus, dense, embeddings, work, progress)
        progress("sealing", 0, None)
        corpus.save(work / snapshot.PAPERS)
        corpus.close()
        _show(work)
        calibration = options.calibration or of_encoder(encoder.info)
        manifest = snapshot.seal(
            work,
            _manifest(
                corpus, work, encoder.info, chosen.computation, dense, sources, evaluation, duplicates, calibration
            ),
        )
        (work / _CORPUS).unlink()
        cache.close()
        folder = options.snapshots / manifest.snapshot
        publishing.adopt(work, folder)
    if not options.publish:
        return BuildReport(manifest, folder, embedded, published=False)
    progress("comparing", 0, None)
    released = gate.publish(options.snapshots, manifest.snapshot, options.thresholds, force=options.force)
    return BuildReport(manifest, folder, embedded, released.served, released)


def _chosen(files: ModelFiles, corpus: Corpus, options: BuildOptions, progress: Progress) -> Chosen:
    """Who computes; a model compiled for the first time is compared with the original on papers of the corpus."""

    def texts() -> list[str]:
        progress("compiling the model", 0, None)
        rows = np.unique(np.linspace(0, len(corpus) - 1, _COMPARED).astype(int)).tolist()
        return [*PROBES, *corpus.texts(iter(rows))]

    return loading.for_build(
        files,
        options.snapshots / publishing.ENCODERS,
        texts,
        backend=options.backend,
        precision=options.precision,
        device=options.device,
        max_tokens=options.max_tokens,
        threads=threads.available(),
    )


def _load(chosen: Chosen, files: ModelFiles, options: BuildOptions) -> "Encoder":
    return chosen.load(
        lambda: files,
        device=options.device,
        max_tokens=options.max_tokens,
        batch_tokens=options.batch_tokens,
        threads=threads.available(),
    )


def _embed(corpus: Corpus, encoder: CachedEncoder, chunk_size: int, work: Path, progress: Progress) -> int:
    """Write the vectors of every paper and of every title; returns how many papers had to be computed."""
    total = len(corpus)
    shape = (total, encoder.info.dimension)
    embeddings = create_array(work / snapshot.EMBEDDINGS, np.float32, shape)
    titles = create_array(work / snapshot.TITLES, np.int8, shape)
    computed = 0
    for chunk in _chunks(corpus.text_keys(), chunk_size):
        rows = [row for row, _ in chunk]
        before = encoder.computed
        encoded = encoder.encode([key for _, key in chunk], partial(_texts_at, corpus, rows))
        computed += encoder.computed - before
        embeddings[rows] = encoded.embeddings
        corpus.set_tokens(zip(encoded.tokens_seen.tolist(), encoded.tokens_total.tolist(), rows, strict=True))
        _embed_titles(corpus.titles(rows), encoder, titles[rows[0] : rows[-1] + 1])
        progress("embedding", rows[-1] + 1, total)
    return computed


def _embed_titles(titles: Sequence[str], encoder: CachedEncoder, target: NDArray[np.int8]) -> None:
    """Write the vectors of titles; where there is nothing to read, the row stays zero."""
    readable = [i for i, title in enumerate(titles) if any(map(str.isalnum, clean(title)))]
    if readable:
        keys = [text_key(None, titles[i]) for i in readable]
        encoded = encoder.encode(keys, lambda chosen: [titles[readable[i]] for i in chosen])
        target[readable] = packed(encoded.embeddings)


def _texts_at(corpus: Corpus, rows: Sequence[int], positions: Sequence[int]) -> list[str]:
    return corpus.texts(rows[i] for i in positions)


def _index(
    embeddings: NDArray[np.float32], factory: str, recall: float, progress: Progress
) -> tuple[FaissIndex, dict[str, object]]:
    """Make the index, and find how to search it by comparing it with exact search."""
    progress("indexing", 0, None)
    processors = threads.available()
    return tuned(faiss_index.build(embeddings, factory, threads=processors), embeddings, recall, threads=processors)


def _relate(
    corpus: Corpus,
    dense: FaissIndex,
    embeddings: NDArray[np.float32],
    work: Path,
    progress: Progress,
) -> dict[str, object]:
    """Write every paper's neighbours, and group near-duplicates."""
    total = len(embeddings)
    shape = (total, min(NEIGHBOURS, total - 1))
    rows = create_array(work / snapshot.NEIGHBOUR_ROWS, np.int32, shape)
    scores = create_array(work / snapshot.NEIGHBOUR_SCORES, np.float32, shape)
    relevance = create_array(work / snapshot.NEIGHBOUR_RELEVANCE, np.float32, shape)
    groups = DuplicateGroups(LEAST_DUPLICATE_SCORE, LEAST_TWIN_SCORE)
    start = 0
    words = lexical_index.LexicalIndex.load(work)
    languages = map_array(work / snapshot.LANGUAGES)
    for block in neighbours(dense, embeddings, words.likeness, languages, threads=threads.available()):
        block_rows, block_scores, block_relevance = block
        end = start + len(block_rows)
        rows[start:end], scores[start:end], relevance[start:end] = block_rows, block_scores, block_relevance
        groups.add(start, block_rows, block_scores, languages[block_rows] != languages[start:end, None])
        progress("relating", end, total)
        start = end
    grouped = groups.groups()
    corpus.set_groups(grouped)
    return {
        "least_score": LEAST_DUPLICATE_SCORE,
        "least_twin_score": LEAST_TWIN_SCORE,
        "groups": len(set(grouped.values())),
        "papers": len(grouped),
    }


def _show(work: Path) -> None:
    """Write what hits show of each paper."""
    store = PaperStore(work / snapshot.PAPERS)
    stored_fields.write(store.all_cards(), len(store), work)
    store.close()


def _manifest(
    corpus: Corpus,
    work: Path,
    encoder: EncoderInfo,
    computation: Computation,
    dense: FaissIndex,
    sources: Sequence[str],
    evaluation: dict[str, object],
    duplicates: dict[str, object],
    calibration: Calibration | None,
) -> Manifest:
    store = PaperStore(work / snapshot.PAPERS)
    counts = {
        "papers": len(store),
        "entries": corpus.counts.entries,
        "by_language": store.count_by("language"),
        "rejected": dict(sorted(corpus.counts.rejected.items())),
        "not_read_whole": len(store.rows_where("papers WHERE tokens_seen < tokens_total", ())),
    }
    store.close()
    return Manifest(
        format_version=snapshot.FORMAT_VERSION,
        snapshot="",
        built_at=datetime.now(UTC).isoformat(timespec="seconds"),
        encoder=encoder,
        computation={"backend": computation.backend.value, "precision": computation.precision.value},
        counts=counts,
        sources=tuple(sources),
        index=asdict(dense.spec),
        evaluation=evaluation,
        duplicates=duplicates,
        calibration=calibration,
        probes=PROBES,
        checksums={},
        versions={
            **{name: version(name) for name in _VERSIONED},
            "faiss": faiss_index.VERSION,
            "sqlite": database.VERSION,
        },
    )


def _chunks(keys: Iterator[tuple[int, bytes]], size: int) -> Iterator[list[tuple[int, bytes]]]:
    while chunk := list(islice(keys, size)):
        yield chunk
