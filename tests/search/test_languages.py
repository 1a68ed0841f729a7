"""A question in either language finds papers in both. The questions are benchmarks/known_items/seeds.jsonl."""

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from embeddings.build.job import BuildOptions, build
from embeddings.encoders import loading
from embeddings.encoders.encoder_info import PLAIN_MODEL
from embeddings.papers import paper_id
from embeddings.queries import Filters, SearchOptions
from embeddings.search.searcher import Searcher
from embeddings.snapshots.snapshot import Snapshot

KNOWN_ITEMS = Path(__file__).parent.parent.parent / "benchmarks" / "known_items" / "seeds.jsonl"
ITEMS = [json.loads(line) for line in KNOWN_ITEMS.read_text(encoding="utf-8").splitlines()]


def test_every_paper_is_asked_for_in_both_languages(snapshot: Snapshot) -> None:
    asked = {(item["paper"], item["language"]) for item in ITEMS}
    assert asked == {(paper.id, language) for paper in snapshot.papers(0, 100) for language in ("en", "zh")}


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: f"{item['language']}-{item['paper'][:8]}")
def test_a_question_in_either_language_finds_its_paper(searcher: Searcher, item: dict[str, str]) -> None:
    found = [hit.paper.id for hit in searcher.search(item["text"], SearchOptions(top_k=5)).hits]
    assert item["paper"] in found


def test_nearly_all_are_first(searcher: Searcher, snapshot: Snapshot) -> None:
    first: defaultdict[tuple[str, str], list[bool]] = defaultdict(list)
    for item in ITEMS:
        best = searcher.search(item["text"], SearchOptions(top_k=1)).hits[0].paper
        direction = item["language"], snapshot.paper(item["paper"]).language
        first[direction].append(best.id == item["paper"])
    assert {direction: len(hits) for direction, hits in first.items()} == {
        ("en", "en"): 34,
        ("zh", "en"): 34,
        ("en", "zh"): 8,
        ("zh", "zh"): 8,
    }
    for direction, hits in first.items():
        assert np.mean(hits) >= 0.85, direction


def test_neither_language_is_favoured(searcher: Searcher) -> None:
    """One paper in five is Chinese, and of the first five for questions about all of them about as many."""
    shares = []
    for item in ITEMS:
        hits = searcher.search(item["text"], SearchOptions(top_k=5)).hits
        shares.append(np.mean([hit.paper.language == "zh" for hit in hits]))
    assert 0.5 * 8 / 42 <= np.mean(shares) <= 2 * 8 / 42


def test_a_filter_on_language_still_holds(searcher: Searcher) -> None:
    for language in ("en", "zh"):
        options = SearchOptions(top_k=5, filters=Filters(language=(language,)))
        assert {hit.paper.language for hit in searcher.search("图像 image models", options).hits} == {language}


def test_english_vectors_of_the_corpus_are_those_of_the_plain_model(snapshot: Snapshot) -> None:
    papers = [paper for paper in snapshot.papers(0, 100) if paper.language == "en"]
    rows = [snapshot.papers_db.row(paper.id) for paper in papers]
    texts = [paper.abstract for paper in papers if not any("\u4e00" <= letter <= "\u9fff" for letter in paper.abstract)]
    assert len(texts) == len(papers)
    expected = loading.load(PLAIN_MODEL).encode_documents(texts).embeddings
    # Batches of other shapes may differ in the last bit
    np.testing.assert_allclose(snapshot.vectors(rows), expected, atol=2e-6)


def test_a_paper_and_its_translation_are_twins(tmp_path: Path) -> None:
    both = [
        "We prune convolutional networks by removing filters whose outputs other filters can predict, and recover the "
        "accuracy with a short retraining. On image classification half of the computation is saved.",
        "我们通过去除其输出可以被其他滤波器预测的滤波器来修剪卷积网络，并通过短暂的再训练恢复精度。在图像分类上节省了一半的计算量。",
        "A survey of speech recognition for languages with little data: we compare transfer from other languages, "
        "data augmentation and self-supervised learning.",
        "我们研究图神经网络在分子性质预测中的应用，并提出一种新的池化方法。",
    ]
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps({"abstract": text}) + "\n" for text in both))
    report = build([str(corpus)], BuildOptions(snapshots=tmp_path / "snapshots"))
    opened = Snapshot.open(report.folder)
    english, chinese = (paper_id(text) for text in both[:2])
    assert opened.paper(english).duplicates == (chinese,)
    assert report.manifest.duplicates["groups"] == 1
    opened.close()
