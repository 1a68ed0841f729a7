"""The batch job, stage by stage: read → plan → embed → index → relate → seal → publish."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embeddings import readers, threads
from embeddings.build import manifest
from embeddings.build.build_lock import Progress, build_lock, scratch_folder
from embeddings.build.corpus import Corpus
from embeddings.build.embedding import Embedding
from embeddings.build.executors import Executor, LocalExecutor
from embeddings.build.manifest import BuildResults
from embeddings.build.neighbours import NEIGHBOURS, CorpusData, DuplicateGroups, neighbours
from embeddings.build.options import BuildOptions as BuildOptions
from embeddings.build.options import BuildReport as BuildReport
from embeddings.build.plan import BuildPlan, loaded, unload
from embeddings.encoders import loading, model_files
from embeddings.encoders.encoder_info import EncoderInfo
from embeddings.encoders.model_files import ModelFiles
from embeddings.encoders.reference import EncoderReference
from embeddings.encoders.vector_cache import VectorCache
from embeddings.files import create_array, map_array
from embeddings.indexes.bm25 import lexical_index
from embeddings.indexes.faiss import assembler
from embeddings.indexes.faiss.choice import choose
from embeddings.indexes.faiss.evaluation import tuned
from embeddings.indexes.faiss.faiss_index import FaissIndex
from embeddings.indexes.faiss.vector_index import FaissVectorIndex
from embeddings.release import gate
from embeddings.snapshots import snapshot, stored_fields
from embeddings.snapshots.encoder_check import PROBES
from embeddings.snapshots.folder import ENCODERS, VECTOR_CACHE, FolderSource
from embeddings.snapshots.manifest import Manifest
from embeddings.snapshots.papers_db import PapersDb
from embeddings.texts.terms import terms

# Near-duplicates: docs/decisions/0004 has the measurements
LEAST_DUPLICATE_SCORE = 0.94
LEAST_TWIN_SCORE = 0.84

# Papers of the corpus by which a compiled model is compared with the original
_COMPARED = 64

_CORPUS = "corpus.db"


def build(
    sources: Sequence[str],
    options: BuildOptions,
    progress: Progress = lambda stage, done, total: None,
    *,
    executor: Executor | None = None,
) -> BuildReport:
    """Build a snapshot, and publish it if it passes the release gate (see `release`).

    May be killed at any moment and started again: the build continues, and its result is the same.

    Args:
        sources: Files, folders, patterns or addresses, see `readers.read`.
        options: Of the build.
        progress: Called as the build advances.
        executor: Where texts are embedded; None embeds in this process.

    Raises:
        CorpusError: The sources cannot be read, hold no paper, or `strict` met a record that cannot be used.
        EncoderError: The model cannot be loaded or used.
        BuildError: The index cannot be made, or none fits into the memory.
        BuildInProgress: Another build runs in the same folder, and `wait` is not set.
    """
    options.snapshots.mkdir(parents=True, exist_ok=True)
    with (
        build_lock(options.snapshots, wait=options.wait, progress=progress),
        scratch_folder(options.snapshots) as folder,
    ):
        corpus = _read(sources, options, folder, progress)
        plan, cache = _plan(corpus, options, progress)
        embedded = _embed(plan, corpus, cache, executor or LocalExecutor(), folder, progress)
        dense, evaluation = _index(plan, corpus, options.recall, folder, progress)
        duplicates = _relate(corpus, dense, folder, progress)
        results = BuildResults(counts=corpus.counts, index=dense.spec, evaluation=evaluation, duplicates=duplicates)
        sealed = _seal(sources, options, plan, corpus, results, folder, progress)
        source = FolderSource(options.snapshots)
        source.install(folder, sealed.snapshot)
        source.fetch(sealed.snapshot)
    return _publish(sealed, embedded, options, progress)


def _read(sources: Sequence[str], options: BuildOptions, folder: Path, progress: Progress) -> Corpus:
    """Read the sources into a corpus, in a scratch database."""
    with (folder / snapshot.REJECTS).open("w", encoding="utf-8") as rejects:
        corpus = Corpus(folder / _CORPUS, rejects)
        entries = readers.read(sources, format=options.format, columns=options.columns)
        for read in corpus.add_all(entries, strict=options.strict):
            progress("reading", read, None)
    return corpus


def _plan(corpus: Corpus, options: BuildOptions, progress: Progress) -> tuple[BuildPlan, VectorCache]:
    """Select encoder and index, before hours are spent on vectors that cannot be indexed."""
    files = model_files.locate(options.model, options.revision)
    reference = _reference(files, corpus, options, progress)
    cache = VectorCache(options.snapshots / VECTOR_CACHE, reference.cached_as)
    info = _info(reference, cache)
    index = options.index or choose(len(corpus), info.dimension, options.memory_budget)
    return BuildPlan(papers=len(corpus), chunk=options.chunk, encoder=reference, info=info, index=index), cache


def _reference(files: ModelFiles, corpus: Corpus, options: BuildOptions, progress: Progress) -> EncoderReference:
    """Select the backend; a model compiled for the first time is compared with the original on papers of the corpus."""

    def texts() -> list[str]:
        progress("compiling the model", 0, None)
        rows = np.unique(np.linspace(0, len(corpus) - 1, _COMPARED).astype(int)).tolist()
        return [*PROBES, *corpus.texts(rows)]

    compiled, processors = options.snapshots / ENCODERS, threads.available()
    selected = loading.for_build(
        files,
        compiled,
        texts,
        backend=options.backend,
        precision=options.precision,
        device=options.device,
        max_tokens=options.max_tokens,
        threads=processors,
    )
    return EncoderReference(
        files=files,
        fingerprint=files.fingerprint(options.max_tokens),
        computation=selected.computation,
        compiled=compiled.absolute(),
        device=options.device,
        max_tokens=options.max_tokens,
        batch_tokens=options.batch_tokens,
        threads=processors,
    )


def _info(reference: EncoderReference, cache: VectorCache) -> EncoderInfo:
    """Describe the encoder; it is loaded only if no build with this vector cache has loaded it before."""
    info = cache.info
    if info is None:
        info = loaded(reference).info
        cache.remember(info)
    # Files of the same content may have had another name then
    return replace(info, name=reference.files.name, revision=reference.files.revision)


def _embed(
    plan: BuildPlan, corpus: Corpus, cache: VectorCache, executor: Executor, folder: Path, progress: Progress
) -> int:
    """Write the vectors of papers, titles and probes; returns the number of papers whose vectors were computed."""
    embedding = Embedding(plan, corpus, cache)
    try:
        computed = embedding.compute(executor, progress)
    finally:  # later stages need the memory of the encoder
        executor.close()
        unload()
    embedding.write(folder, progress)
    cache.close()
    return computed


def _index(
    plan: BuildPlan, corpus: Corpus, recall: float, folder: Path, progress: Progress
) -> tuple[FaissIndex, dict[str, object]]:
    """Write the vector index, tuned and compared with exact search, the lexical index, and the languages."""
    progress("indexing", 0, None)
    embeddings: NDArray[np.float32] = map_array(folder / snapshot.EMBEDDINGS)
    processors = threads.available()
    dense = assembler.build(embeddings, plan.index, threads=processors)
    dense, evaluation = tuned(dense, embeddings, recall, threads=processors)
    dense.save(folder / snapshot.INDEX)
    progress("indexing words", 0, None)
    lexical_index.build((terms(text, cleaned=True) for text in corpus.all_texts()), plan.papers, folder)
    np.save(folder / snapshot.LANGUAGES, np.fromiter(corpus.languages(), dtype="S8", count=plan.papers))
    return dense, evaluation


def _relate(corpus: Corpus, dense: FaissIndex, folder: Path, progress: Progress) -> dict[str, object]:
    """Write the neighbours of every paper, and group near-duplicates."""
    embeddings: NDArray[np.float32] = map_array(folder / snapshot.EMBEDDINGS)
    total = len(embeddings)
    shape = (total, min(NEIGHBOURS, total - 1))
    rows = create_array(folder / snapshot.NEIGHBOUR_ROWS, np.int32, shape)
    similarities = create_array(folder / snapshot.NEIGHBOUR_SIMILARITIES, np.float32, shape)
    scores = create_array(folder / snapshot.NEIGHBOUR_SCORES, np.float32, shape)
    groups = DuplicateGroups(LEAST_DUPLICATE_SCORE, LEAST_TWIN_SCORE)
    start = 0
    languages = map_array(folder / snapshot.LANGUAGES)
    data = CorpusData(
        FaissVectorIndex(dense, embeddings),
        lexical_index.Bm25Index.load(folder),
        map_array(folder / snapshot.TITLES, scattered=True),
        languages,
    )
    for block_rows, block_similarities, block_scores in neighbours(data, threads=threads.available()):
        end = start + len(block_rows)
        rows[start:end], similarities[start:end], scores[start:end] = block_rows, block_similarities, block_scores
        groups.add(start, block_rows, block_similarities, languages[block_rows] != languages[start:end, None])
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


def _seal(
    sources: Sequence[str],
    options: BuildOptions,
    plan: BuildPlan,
    corpus: Corpus,
    results: BuildResults,
    folder: Path,
    progress: Progress,
) -> Manifest:
    """Write the papers, their stored fields and the manifest, and delete the scratch database."""
    progress("sealing", 0, None)
    corpus.save(folder / snapshot.PAPERS)
    corpus.close()
    (folder / _CORPUS).unlink()
    _write_stored_fields(folder)
    return snapshot.seal(folder, manifest.compose(folder, sources, options, plan, results))


def _write_stored_fields(folder: Path) -> None:
    store = PapersDb(folder / snapshot.PAPERS)
    stored_fields.write(store.all_summaries(), len(store), folder)
    store.close()


def _publish(sealed: Manifest, embedded: int, options: BuildOptions, progress: Progress) -> BuildReport:
    """Publish the snapshot if that was requested and it passes the release gate."""
    folder = options.snapshots / sealed.snapshot
    if not options.publish:
        return BuildReport(sealed, folder, embedded, published=False)
    progress("comparing", 0, None)
    released = gate.publish(options.snapshots, sealed.snapshot, options.thresholds, force=options.force)
    return BuildReport(sealed, folder, embedded, released.served, released)
