"""Composes the manifest of a snapshot under construction."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from embeddings import database
from embeddings.build.corpus import CorpusCounts
from embeddings.build.options import BuildOptions
from embeddings.build.plan import BuildPlan
from embeddings.indexes.faiss import faiss_index
from embeddings.indexes.faiss.faiss_index import IndexSpec
from embeddings.indexes.faiss.vector_index import KIND
from embeddings.ranking.calibration import of_encoder
from embeddings.snapshots import snapshot
from embeddings.snapshots.encoder_check import PROBES
from embeddings.snapshots.manifest import FORMAT_VERSION, Manifest
from embeddings.snapshots.papers_db import PapersDb

_LIBRARIES = ("sentence-transformers", "torch", "transformers")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildResults:
    """What the stages of a build report to the manifest.

    Attributes:
        counts: Records that were used and rejected.
        index: How the index is searched.
        evaluation: The index compared with exact search, see `evaluation.tuned`.
        duplicates: Thresholds, groups of near-duplicates and papers in them.
    """

    counts: CorpusCounts
    index: IndexSpec
    evaluation: Mapping[str, Any]
    duplicates: Mapping[str, Any]


def compose(
    folder: Path, sources: Sequence[str], options: BuildOptions, plan: BuildPlan, results: BuildResults
) -> Manifest:
    """Compose the manifest, without the id and the checksums that `snapshot.seal` adds.

    Args:
        folder: Holds the finished `papers.db`.
        sources: What the build read.
        options: Of the build.
        plan: Of the build.
        results: Of its stages.
    """
    computation = plan.encoder.computation
    return Manifest(
        format_version=FORMAT_VERSION,
        snapshot="",
        built_at=datetime.now(UTC).isoformat(timespec="seconds"),
        encoder=plan.info,
        computation={"backend": computation.backend.value, "precision": computation.precision.value},
        counts=_counts(folder, results.counts),
        sources=tuple(sources),
        index={"kind": KIND, **asdict(results.index)},
        evaluation=dict(results.evaluation),
        duplicates=dict(results.duplicates),
        calibration=options.calibration or of_encoder(plan.info),
        probes=PROBES,
        checksums={},
        versions={
            **{name: version(name) for name in _LIBRARIES},
            "faiss": faiss_index.VERSION,
            "sqlite": database.VERSION,
        },
    )


def _counts(folder: Path, counts: CorpusCounts) -> dict[str, Any]:
    store = PapersDb(folder / snapshot.PAPERS)
    found = {
        "papers": len(store),
        "entries": counts.entries,
        "by_language": store.count_by("language"),
        "rejected": dict(sorted(counts.rejected.items())),
        "extra_dropped": dict(sorted(counts.extra_dropped.items())),
        "not_read_whole": len(store.rows_where("papers WHERE tokens_seen < tokens_total", ())),
    }
    store.close()
    return found
