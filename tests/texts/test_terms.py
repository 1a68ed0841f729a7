import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.texts.terms import terms


@pytest.mark.parametrize(
    ("document", "query"),
    [
        ("quantized object detectors", "quantization of object detector"),
        ("Contrastive Language-Image Pre-training (CLIP)", "clip"),
        ("We sample k-space", "kspace"),
        ("a GPT-3 baseline", "gpt3"),
        ("a GPT3 baseline", "GPT-3"),
        ("a GPT3 baseline", "gpt"),
        ("YOLOv5 and ResNet50", "yolo"),
        ("YOLOv5 and ResNet50", "ResNet-50"),
        ("non‐uniform sampling", "nonuniform"),
        ("self-supervised", "supervised"),
        ("R&D costs", "r&d"),
        ("written in C++", "c++"),
        ("written in C#", "C#"),
        ("3D boxes", "3d"),
        ("mBERT", "MBERT"),
        ("naïve Poincaré embeddings", "naive poincare"),
        ("Euler's equations", "Euler"),
        ("6,162 scans", "6162"),
        ("Ａｄａｍ and ﬁne-tuning", "adam finetuning"),
        ("$\\alpha$-synuclein", "α-synuclein"),
        ("\\textbf{Sparse} PCA", "sparse"),
        ("我们提出基于CLIP的分割模型", "clip"),
        ("基于卷积神经网络的目标检测", "神经网络 目标检测"),
        ("用于3D点云的检测", "3D"),
        ("日本語のテスト", "テスト"),
        ("한국어 텍스트", "텍스트"),
        ("машинное обучение", "Обучение"),
    ],
)
def test_variants_of_a_word_share_a_term(document: str, query: str) -> None:
    assert set(terms(query)) & set(terms(document))


@pytest.mark.parametrize(("one", "other"), [("C++", "C#"), ("C++", "C"), ("3D", "2D"), ("目标", "对象")])
def test_different_words_share_no_term(one: str, other: str) -> None:
    assert not set(terms(one)) & set(terms(other))


def test_terms_are_in_order_with_repetitions_and_without_stop_words() -> None:
    assert terms("The models of the models, and how a model learns") == ["model", "model", "model", "learn"]


def test_a_compound_gives_itself_and_its_parts() -> None:
    assert terms("state-of-the-art GPT-3") == ["stateoftheart", "state", "art", "gpt3", "gpt", "3"]


def test_english_terms_inside_chinese_are_the_same_terms() -> None:
    assert set(terms("object detectors")) <= set(terms("我们研究object detectors的方法"))


def test_chinese_function_words_are_left_out() -> None:
    assert terms("我们的图像分割和熵") == ["图像", "像分", "分割", "熵"]


@pytest.mark.parametrize("text", ["", " ", "the of and", "… — !", "的"])
def test_text_of_stop_words_and_signs_has_no_terms(text: str) -> None:
    assert terms(text) == []


@given(st.text())
def test_every_text_has_terms_that_are_visible_and_folded(text: str) -> None:
    found = terms(text)
    assert all(term and not any(character.isspace() for character in term) for term in found)
    assert terms(text) == found


@given(st.lists(st.sampled_from("network GPT-3 k-space 3D C++ learning détection 目标检测 テスト".split()), max_size=8))
def test_terms_do_not_depend_on_case_or_neighbouring_words(words: list[str]) -> None:
    apart = [term for word in words for term in terms(word)]
    assert terms(" ".join(words)) == terms(" ".join(words).upper()) == apart


def test_threads_agree() -> None:
    texts = [f"{word} networks are generalising quickly, 神经网络 {i}" for i, word in enumerate(["deep", "wide"] * 200)]
    expected = [terms(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(terms, texts)) == expected


def test_importing_loads_no_library() -> None:
    code = (
        "import sys; import embeddings.texts.terms; "
        "assert 'Stemmer' not in sys.modules and 'pylatexenc' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
