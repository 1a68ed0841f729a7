import gzip
import json
from pathlib import Path

import pytest

from embeddings.distillation.pairs import Pair, read
from embeddings.errors import DistillationError

_LONG = Pair("We train a network. It reads the maps of a city.", "我们训练一个网络。它能阅读城市地图。")


def _written(path: Path, *pairs: Pair, compressed: bool = False) -> Path:
    lines = "".join(json.dumps({"en": pair.source, "zh": pair.target}) + "\n" for pair in pairs).encode()
    path.write_bytes(gzip.compress(lines) if compressed else lines)
    return path


@pytest.mark.parametrize("compressed", [False, True])
def test_a_text_is_followed_by_its_sentences(tmp_path: Path, compressed: bool) -> None:
    found = list(read([_written(tmp_path / "pairs", _LONG, compressed=compressed)], "en", "zh"))
    assert found == [
        _LONG,
        Pair("We train a network.", "我们训练一个网络。"),
        Pair("It reads the maps of a city.", "它能阅读城市地图。"),
    ]


def test_sentences_are_paired_only_if_both_sides_have_equally_many(tmp_path: Path) -> None:
    uneven = Pair("We train a network. It reads the maps of a city.", "我们训练一个能阅读地图的网络。")
    assert list(read([_written(tmp_path / "pairs", uneven)], "en", "zh")) == [uneven]


def test_markup_is_cleaned(tmp_path: Path) -> None:
    marked = Pair(r"\textbf{Graphs} of proteins", r"\textbf{蛋白质}图")
    assert list(read([_written(tmp_path / "pairs", marked)], "en", "zh")) == [Pair("Graphs of proteins", "蛋白质图")]


@pytest.mark.parametrize("line", ["{", "[]", '{"en": "alone"}', '{"en": 1, "zh": "二"}'])
def test_a_line_without_two_texts_is_reported(tmp_path: Path, line: str) -> None:
    file = _written(tmp_path / "pairs", Pair("one", "一"))
    file.write_text(file.read_text() + line + "\n")
    with pytest.raises(DistillationError, match=r"pairs, line 2: .*expected"):
        list(read([file], "en", "zh"))


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DistillationError, match=r"none\.jsonl cannot be read"):
        list(read([tmp_path / "none.jsonl"], "en", "zh"))
