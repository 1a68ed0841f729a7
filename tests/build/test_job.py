"""A build does each piece of work once, whatever interrupts it, and says what it left out."""

import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from embeddings.build.job import BuildOptions, BuildReport, build
from embeddings.encoders.encoder import Encoder
from embeddings.errors import BuildError, BuildInProgress, CorpusError, RejectedRecord
from embeddings.indexes.title_embeddings import packed
from embeddings.papers import paper_id
from embeddings.snapshots import publishing
from embeddings.snapshots.snapshot import FILES, Snapshot, seal
from tests.conftest import SEEDS

SUBJECTS = ("graph networks", "diffusion models", "federated learning", "image segmentation", "sparse regression")


def write_corpus(path: Path, count: int, changed: int | None = None) -> Path:
    """Short distinct abstracts, two in three with a title; one of them reworded if `changed`."""
    lines = []
    for i in range(count):
        extra = " It has been revised." if i == changed else ""
        abstract = (
            f"We study {SUBJECTS[i % 5]} in setting number {i}, with {i * i} samples and error {i / 7:.3f}.{extra}"
        )
        title = f"On {SUBJECTS[i % 5]} {i}" if i % 3 else None
        lines.append(json.dumps({"abstract": abstract, "title": title, "year": 2000 + i % 20}))
    path.write_text("\n".join(lines))
    return path


def options(folder: Path, **changes: object) -> BuildOptions:
    return dataclasses.replace(BuildOptions(snapshots=folder / "snapshots", chunk=16), **changes)  # type: ignore[arg-type]


def content(report: BuildReport) -> dict[str, bytes]:
    return {name: (report.folder / name).read_bytes() for name in FILES}


def test_the_seeds_are_50_entries_and_42_papers_34_english_8_chinese(report: BuildReport) -> None:
    counts = report.manifest.counts
    assert (counts["entries"], counts["papers"], counts["by_language"]) == (50, 42, {"en": 34, "zh": 8})
    assert counts["rejected"] == {} and counts["not_read_whole"] == 0
    assert report.published and report.embedded == 42


def test_every_seed_lists_where_it_was_seen(snapshot: Snapshot) -> None:
    papers = snapshot.papers(0, 100)
    assert sum(len(paper.sources) for paper in papers) == 50
    for paper in papers:
        for place in paper.sources:
            text = (SEEDS.parent / place.file).read_text(encoding="utf-8").split("\n")[place.line - 1]
            assert paper_id(text) == paper.id and paper.abstract == text.strip()
    assert not any("谷歌翻译" in paper.abstract for paper in papers)


def test_a_second_build_embeds_nothing_and_gives_the_same_snapshot(tmp_path: Path) -> None:
    source = str(write_corpus(tmp_path / "corpus.jsonl", 40))
    first = build([source], options(tmp_path))
    second = build([source], options(tmp_path))
    assert (first.embedded, second.embedded) == (40, 0)
    assert second.manifest.snapshot == first.manifest.snapshot
    elsewhere = build([source], options(tmp_path / "elsewhere"))
    assert elsewhere.embedded == 40 and content(elsewhere) == content(first)


def test_titles_are_embedded_once_too_and_where_there_is_none_nothing_stands(tmp_path: Path, encoder: Encoder) -> None:
    titles = ["Sparse regression", None, "", "?!", "目标检测", "Sparse regression"]
    lines = [{"abstract": f"We study setting number {i}.", "title": title} for i, title in enumerate(titles)]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, lines)))
    first = build([str(tmp_path / "corpus.jsonl")], options(tmp_path, chunk=2))
    assert first.embedded == 6
    snapshot = Snapshot.open(first.folder)
    titled = [i for i, title in enumerate(titles) if title not in (None, "", "?!")]
    assert np.flatnonzero(np.asarray(snapshot.titles).any(axis=1)).tolist() == titled
    expected = packed(encoder.encode_documents([str(titles[i]) for i in titled]).embeddings)
    np.testing.assert_allclose(snapshot.titles[titled], expected, atol=1)
    snapshot.close()
    again = build([str(tmp_path / "corpus.jsonl")], options(tmp_path, chunk=2))
    assert again.embedded == 0 and again.manifest.snapshot == first.manifest.snapshot


def test_a_build_that_finds_nothing_new_loads_no_model(tmp_path: Path) -> None:
    source = str(write_corpus(tmp_path / "corpus.jsonl", 5))
    first = build([source], options(tmp_path))
    script = (
        "import sys; from pathlib import Path\n"
        "from embeddings.build.job import BuildOptions, build\n"
        "report = build([sys.argv[1]], BuildOptions(snapshots=Path(sys.argv[2])))\n"
        "print(report.manifest.snapshot, 'torch' in sys.modules)\n"
    )
    command = [sys.executable, "-c", script, source, str(tmp_path / "snapshots")]
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert again.stdout.split() == [first.manifest.snapshot, "False"]


def test_one_changed_paper_embeds_one_paper(tmp_path: Path) -> None:
    build([str(write_corpus(tmp_path / "corpus.jsonl", 40))], options(tmp_path))
    changed = build([str(write_corpus(tmp_path / "corpus.jsonl", 40, changed=7))], options(tmp_path))
    assert changed.embedded == 1
    assert len(publishing.listed(tmp_path / "snapshots")) == 2


def test_killed_at_random_moments_it_goes_on_and_the_result_is_the_same(tmp_path: Path) -> None:
    source = str(write_corpus(tmp_path / "corpus.jsonl", 300))
    expected = build([source], options(tmp_path / "undisturbed"))
    script = (
        "import sys; from pathlib import Path\n"
        "from tests.build.test_job import build, options\n"
        "build([sys.argv[1]], options(Path(sys.argv[2])), lambda stage, done, total: print(stage, flush=True))\n"
    )
    command = [sys.executable, "-c", script, source, str(tmp_path / "killed")]
    chance = random.Random(0)
    for stage in ("reading", "embedding", "embedding", "relating", "sealing"):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        seen = 0
        wanted = chance.randint(1, 6) if stage == "embedding" else 1
        for line in process.stdout:
            seen += line.strip() == stage
            if seen == wanted:
                break
        time.sleep(chance.random() * 0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    resumed = build([source], options(tmp_path / "killed"))
    assert resumed.embedded < 300
    assert content(resumed) == content(expected)
    assert resumed.manifest.snapshot == expected.manifest.snapshot
    assert not list((tmp_path / "killed" / "snapshots").glob(".building-*"))


def test_of_two_builds_at_once_the_second_waits_or_says_why_not(tmp_path: Path) -> None:
    source = str(write_corpus(tmp_path / "corpus.jsonl", 20))
    script = (
        "import sys; from pathlib import Path\n"
        "from tests.build.test_job import build, options\n"
        "def slow(stage, done, total):\n"
        "    print(stage, flush=True)\n"
        "    if stage == 'indexing': sys.stdin.readline()\n"
        "build([sys.argv[1]], options(Path(sys.argv[2])), slow)\n"
    )
    first = subprocess.Popen(
        [sys.executable, "-c", script, source, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert first.stdout is not None and first.stdin is not None
    for line in first.stdout:
        if line.strip() == "indexing":
            break
    with pytest.raises(BuildInProgress, match=rf"another build \(process {first.pid}, since .*--no-wait"):
        build([source], options(tmp_path, wait=False))
    told: list[str] = []

    def release(stage: str, done: int, total: int | None) -> None:
        if not told:
            assert first.stdin is not None
            first.stdin.write("\n")
            first.stdin.flush()
        told.append(stage)

    second = build([source], options(tmp_path), release)
    assert told[0].startswith(f"waiting for another build (process {first.pid}") and second.embedded == 0
    first.stdin.close()
    first.stdout.close()
    assert first.wait() == 0


def test_near_duplicates_are_grouped_and_listed(tmp_path: Path) -> None:
    abstracts = [text for text in (SEEDS / "000_705029e5f8c2de55.txt").read_text().split("\n") if len(text) > 100][:6]
    edited = abstracts[0].replace("However, each of the datasets", "But every dataset")
    (tmp_path / "corpus.jsonl").write_text("\n".join(json.dumps({"abstract": text}) for text in [*abstracts, edited]))
    report = build([str(tmp_path / "corpus.jsonl")], options(tmp_path))
    assert (report.manifest.duplicates["groups"], report.manifest.duplicates["papers"]) == (1, 2)
    snapshot = Snapshot.open(report.folder)
    assert snapshot.paper(paper_id(abstracts[0])).duplicates == (paper_id(edited),)
    assert snapshot.paper(paper_id(abstracts[1])).duplicates == ()
    snapshot.close()


def test_rejects_are_kept_with_the_snapshot_and_strict_stops(tmp_path: Path) -> None:
    path = write_corpus(tmp_path / "corpus.jsonl", 3)
    path.write_bytes(path.read_bytes() + b'\n{"abstract": "\xff"}\n{"title": "no abstract"}\n{broken\n')
    report = build([str(path)], options(tmp_path))
    assert report.manifest.counts["rejected"] == {"broken record": 1, "no abstract": 1, "not UTF-8": 1}
    rejects = [json.loads(line) for line in (report.folder / "rejects.jsonl").read_text().splitlines()]
    assert [(entry["file"], entry["line"]) for entry in rejects] == [("corpus.jsonl", line) for line in (4, 5, 6)]
    with pytest.raises(RejectedRecord, match=r"corpus\.jsonl:4"):
        build([str(path)], options(tmp_path, strict=True))
    assert publishing.current(tmp_path / "snapshots").snapshot == report.manifest.snapshot


def test_a_failed_build_leaves_what_is_served_and_no_rubbish(tmp_path: Path) -> None:
    source = str(write_corpus(tmp_path / "corpus.jsonl", 5))
    served = build([source], options(tmp_path)).manifest.snapshot
    with pytest.raises(BuildError, match="Nonsense"):
        build([source], options(tmp_path, index="Nonsense"))
    with pytest.raises(CorpusError):
        build([str(tmp_path / "missing.jsonl")], options(tmp_path))
    assert publishing.current(tmp_path / "snapshots").snapshot == served
    assert not list((tmp_path / "snapshots").glob(".building-*"))


def test_max_tokens_is_told_in_the_manifest_and_for_each_paper(tmp_path: Path) -> None:
    report = build([str(SEEDS)], options(tmp_path, max_tokens=64))
    assert report.manifest.counts["not_read_whole"] == 42
    snapshot = Snapshot.open(report.folder)
    assert all(paper.tokens_seen == 64 < paper.tokens_total for paper in snapshot.papers(0, 100))
    snapshot.close()


def test_an_approximate_index_is_compared_with_exact_search(tmp_path: Path) -> None:
    source = str(write_corpus(tmp_path / "corpus.jsonl", 400))
    report = build([source], options(tmp_path, index="IVF8,SQ8", publish=False))
    assert report.manifest.index["factory"] == "IVF8,SQ8" and report.manifest.index["effort"] >= 1
    assert report.manifest.evaluation["index_recall_at_10"] >= 0.98
    assert not report.published and not publishing.pointer_path(tmp_path / "snapshots").exists()


def test_the_search_is_tuned_to_the_recall_asked_for_and_equal_builds_have_one_id(tmp_path: Path) -> None:
    source = str(write_corpus(tmp_path / "corpus.jsonl", 400))
    asked = options(tmp_path, index="IVF8,PQ192x4fsr", recall=0.9, publish=False)
    first, second = build([source], asked), build([source], asked)
    assert first.manifest.snapshot == second.manifest.snapshot and content(first) == content(second)
    assert first.manifest.evaluation["wanted"] == 0.9 and first.manifest.evaluation["pareto"]
    more = build([source], dataclasses.replace(asked, recall=0.99)).manifest.evaluation
    assert more["wanted"] == 0.99 and more["pareto"][-1]["recall"] >= first.manifest.evaluation["pareto"][-1]["recall"]


def test_the_times_of_the_index_are_no_part_of_the_id(tmp_path: Path) -> None:
    report = build([str(write_corpus(tmp_path / "corpus.jsonl", 40))], options(tmp_path, publish=False))
    slower = dataclasses.replace(report.manifest, evaluation={**report.manifest.evaluation, "pareto": ["slow"]})
    assert seal(report.folder, slower).snapshot == report.manifest.snapshot
    otherwise = dataclasses.replace(report.manifest, index={**report.manifest.index, "refine": 3})
    assert seal(report.folder, otherwise).snapshot != report.manifest.snapshot


def test_a_memory_budget_chooses_the_index_before_anything_is_embedded(tmp_path: Path) -> None:
    source = str(write_corpus(tmp_path / "corpus.jsonl", 100))
    with pytest.raises(BuildError, match=r"100 vectors of 384 fits into 1,000 bytes.*raise --memory-budget"):
        build([source], options(tmp_path, memory_budget=1_000))
    report = build([source], options(tmp_path, memory_budget=100_000, publish=False))
    assert report.embedded > 0 and report.manifest.index["factory"] == "IVF2,PQ192x4fsr"
    assert (report.folder / "dense.faiss").stat().st_size <= 100_000


def test_a_manifest_that_knows_no_refine_is_still_opened(tmp_path: Path) -> None:
    source = str(write_corpus(tmp_path / "corpus.jsonl", 100))
    report = build([source], options(tmp_path, index="IVF2,SQ8", publish=False))
    path = report.folder / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["index"]["refine"]
    path.write_text(json.dumps(manifest))
    snapshot = Snapshot.open(report.folder)
    assert snapshot.index.spec.effort == report.manifest.index["effort"] and snapshot.index.spec.refine == 4
    snapshot.close()


def test_one_paper_is_a_corpus_too(tmp_path: Path) -> None:
    report = build([str(write_corpus(tmp_path / "corpus.jsonl", 1))], options(tmp_path))
    snapshot = Snapshot.open(report.folder, verify=True)
    assert len(snapshot) == 1 and snapshot.neighbour_rows.shape == (1, 0)
    np.testing.assert_allclose(np.linalg.norm(snapshot.embeddings, axis=1), 1, atol=1e-6)
    snapshot.close()
