import json
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from embeddings.distillation.distil import DistilOptions, distil
from embeddings.distillation.recipe import Recipe
from embeddings.encoders import loading, model_files
from embeddings.encoders.encoder_info import EMBEDDED_MODEL, PLAIN_MODEL
from embeddings.errors import DistillationError

_PAIRS = [
    ("deep learning for medical images", "用于医学图像的深度学习"),
    ("segmentation of medical images", "医学图像的分割"),
    ("deep networks for speech", "用于语音的深度网络"),
    ("speech recognition with little data", "数据很少的语音识别"),
    ("learning from little data", "从很少的数据中学习"),
    ("recognition of objects in images", "图像中的物体识别"),
    ("graph networks for molecules", "用于分子的图网络"),
    ("generation of molecules", "分子的生成"),
    ("generation of music", "音乐的生成"),
    ("music and speech", "音乐与语音"),
    ("objects in graph data", "图数据中的物体"),
    ("networks for segmentation", "用于分割的网络"),
]
_RECIPE = Recipe(new_tokens=60, epochs=30, batch_tokens=128, learning_rate=3e-3)


class _Interrupted(Exception):
    pass


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pairs") / "pairs.jsonl"
    path.write_text("".join(json.dumps({"en": ours, "zh": theirs}) + "\n" for ours, theirs in _PAIRS))
    return path


@pytest.fixture(scope="module")
def student(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("student") / "model"
    report = distil(DistilOptions(pairs=[pairs], out=out, recipe=_RECIPE, threads=1))
    assert report.folder == out and report.texts == len(_PAIRS) and report.steps > 0
    return out


def test_every_text_is_most_similar_to_its_translation(student: Path) -> None:
    encoder = loading.load(str(student))
    ours = encoder.encode_queries([source for source, _ in _PAIRS]).embeddings
    theirs = encoder.encode_queries([target for _, target in _PAIRS]).embeddings
    assert np.argmax(theirs @ ours.T, axis=1).tolist() == list(range(len(_PAIRS)))
    plain = loading.load(PLAIN_MODEL).encode_queries([target for _, target in _PAIRS]).embeddings
    assert np.mean(np.sum(ours * theirs, axis=1)) > np.mean(np.sum(ours * plain, axis=1)) + 0.3


def test_embeddings_of_the_teachers_language_are_unchanged(student: Path) -> None:
    texts = ["segmentation of medical images", "R&D in C++, “quoted”, naïve α-β", "Шухов"]
    before = loading.load(PLAIN_MODEL).encode_documents(texts)
    after = loading.load(str(student)).encode_documents(texts)
    np.testing.assert_allclose(after.embeddings, before.embeddings, rtol=0, atol=1e-6)
    assert before.tokens_total.tolist() == after.tokens_total.tolist()


def test_the_result_is_an_ordinary_sentence_transformers_folder(student: Path) -> None:
    text = "医学图像的分割"
    given = SentenceTransformer(str(student), local_files_only=True, trust_remote_code=False).encode([text])
    assert np.allclose(given, loading.load(str(student)).encode_queries([text]).embeddings, atol=1e-6)
    assert "base_model" in (student / "README.md").read_text()
    assert not list(student.glob(".distillation")), "the scratch folder is deleted"


def test_an_interrupted_distillation_resumes_to_the_same_result(
    pairs: Path, student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embeddings.distillation.distil._CHECKPOINT_STEPS", 3)
    options = DistilOptions(pairs=[pairs], out=tmp_path / "model", recipe=_RECIPE, threads=1)

    def interrupt_at(stage: str, step: int) -> None:
        def progress(at: str, done: int, total: int | None) -> None:
            if (at, done) == (stage, step):
                raise _Interrupted

        with pytest.raises(_Interrupted):
            distil(options, progress)

    interrupt_at("teacher embeddings", len(_PAIRS))
    interrupt_at("training", 1)
    interrupt_at("training", 20)
    distil(options)
    assert (tmp_path / "model/extension/rows.npz").read_bytes() == (student / "extension/rows.npz").read_bytes()
    assert model_files.locate(str(tmp_path / "model")).fingerprint(0) == model_files.locate(str(student)).fingerprint(0)


def test_the_folder_of_another_distillation_is_rejected(pairs: Path, tmp_path: Path) -> None:
    def interrupt(stage: str, done: int, total: int | None) -> None:
        raise _Interrupted

    options = DistilOptions(pairs=[pairs], out=tmp_path, recipe=_RECIPE)
    with pytest.raises(_Interrupted):
        distil(options, interrupt)
    with pytest.raises(DistillationError, match="another teacher, pairs or recipe"):
        distil(DistilOptions(pairs=[pairs], out=tmp_path, recipe=Recipe(new_tokens=50)))


def test_a_folder_with_other_files_is_rejected(pairs: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("thesis")
    with pytest.raises(DistillationError, match="not empty"):
        distil(DistilOptions(pairs=[pairs], out=tmp_path))


def test_missing_files_of_pairs_are_reported(tmp_path: Path) -> None:
    with pytest.raises(DistillationError, match=r"no file .*gone.jsonl"):
        distil(DistilOptions(pairs=[tmp_path / "gone.jsonl"], out=tmp_path / "model"))


def test_a_third_language_leaves_embeddings_of_the_second_unchanged(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.jsonl"
    lines = [("speech recognition", "распознавание речи"), ("image recognition", "распознавание изображений")] * 3
    pairs.write_text("".join(json.dumps({"en": ours, "ru": theirs}) + "\n" for ours, theirs in lines))
    recipe = Recipe(new_tokens=60, epochs=40, batch_tokens=128, learning_rate=3e-3)
    out = tmp_path / "model"
    distil(DistilOptions(teacher=EMBEDDED_MODEL, pairs=[pairs], out=out, target="ru", recipe=recipe, threads=1))
    before, after = loading.load(), loading.load(str(out))
    texts = ["speech recognition", "语音识别", "語音識別"]
    expected, found = before.encode_queries(texts).embeddings, after.encode_queries(texts).embeddings
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    english, russian = after.encode_queries(["speech recognition", "распознавание речи"]).embeddings
    assert english @ russian > 0.8
