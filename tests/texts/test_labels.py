import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.texts.cleaning import clean
from embeddings.texts.labels import label
from embeddings.texts.language import detect

SEEDS = Path(__file__).parent.parent.parent / "seeds"


def seed(beginning: str) -> str:
    lines = (line for file in sorted(SEEDS.glob("*.txt")) for line in file.read_text("utf-8").splitlines())
    return next(line.strip() for line in lines if line.startswith(beginning))


def abstracts() -> list[str]:
    lines = (line for file in sorted(SEEDS.glob("*.txt")) for line in file.read_text("utf-8").splitlines())
    return list(dict.fromkeys(line.strip() for line in lines if line.strip() and "translated by" not in line))


def test_a_title_is_the_label() -> None:
    assert label("We propose a Foo Bar (FB).", "en", title=" Foo\n bar:  $\\alpha$ ") == "Foo bar: α"
    assert label("Words are counted here.", "en", title=" \n") == "Words are counted here"


@pytest.mark.parametrize(
    ("beginning", "expected"),
    [
        ("Considering the computation", "GHOST: Guided Hybrid Quantization with One-to-one Self-Teaching"),
        ("As natural language", "CORGI-PM: Chinese cOrpus foR Gender bIas Probing and Mitigation"),
        ("This paper focuses on designing", "EMO: Efficient MOdel"),
        ("Few Shot Instance", "RefT: Reference Twice"),
        ("In this paper, we propose a robust 3D", "CMT: Cross Modal Transformer"),
        ("We propose a new neural network design", "RevCol: Reversible Column Network"),
        ("Graph Neural Networks (GNNs)", "RELIANT: framework to mitigate the bias exhibited by the student model"),
        ("Video-language", "HiTeA: Hierarchical Temporal-Aware video-language pre-training framework"),
        ("Dataset distillation", "NAIVEATTACK and DOORPING: two types of backdoor attacks"),
        ("Blind image quality", "PMT-IQA: Progressive Multi-Task Image Quality Assessment"),
        ("为了以计算有效的方式", "SDQ: 随机量化量化"),
        ("对抗性训练", "DAT: 离散的对抗训练"),
        ("很少有语义细分", "MSHNET: 多相似性超关联网络"),
        ("尽管近年来从CT", "AMO: 大规模,多样的临床数据集,用于腹部器官分割"),
    ],
)
def test_the_label_is_the_name_of_the_presented_system(beginning: str, expected: str) -> None:
    abstract = seed(beginning)
    assert label(abstract, detect(abstract)) == expected


@pytest.mark.parametrize(
    ("beginning", "expected"),
    [
        ("Multilingual BERT", "Investigate the distributions of grammatical relations induced from mBERT"),
        ("Unlike traditional distributed", "Deep hierarchical quantization compression algorithm"),
        ("Adversarial patch", "Method to simultaneously optimize the position and perturbation"),
        ("集成多模式数据", "我们提出了一种新的方案"),
        ("近年来,目睹了", "我们构建了一个MPI式通信库"),
    ],
)
def test_without_a_name_the_main_clause_is_taken(beginning: str, expected: str) -> None:
    abstract = seed(beginning)
    assert label(abstract, detect(abstract)).startswith(expected)


def test_without_a_main_clause_the_first_sentence_is_taken() -> None:
    assert label(seed("Dose verification"), "en").startswith("Dose verification based on proton-induced positron")


@pytest.mark.parametrize(
    "abstract",
    [
        "Natural language processing (NLP) is popular. We propose an approach for named entity recognition (NER).",
        "Graph neural networks (GNNs) are popular. We present a convolutional neural network (CNN) for graphs.",
        "We propose a method to segment liver tumors in computed tomography (CT) scans, which is fast.",
        "A recent model called GPT-3 writes text. We study how well it does so on long documents of law.",
    ],
)
def test_acronyms_of_general_concepts_are_not_names(abstract: str) -> None:
    assert not re.match(r"[\w-]+: ", label(abstract, "en"))


def test_labels_use_words_of_the_abstract_and_are_short() -> None:
    for abstract in abstracts():
        language = detect(abstract)
        found = label(abstract, language)
        assert 3 <= len(found) <= (50 if language == "zh" else 100)
        cleaned = clean(abstract).casefold()
        assert all(word in cleaned for word in re.findall(r"[\w-]+", found.casefold()))


def test_a_long_label_is_truncated_between_words() -> None:
    found = label(f"We propose {'several remarkable things ' * 9}at once.", "en")
    assert len(found) <= 100
    assert re.fullmatch(r"Several remarkable things( several| remarkable| things)*…", found)


@given(st.text(), st.sampled_from(["en", "zh", "de", "und"]))
def test_any_visible_text_has_a_short_label(abstract: str, language: str) -> None:
    found = label(abstract, language)
    assert len(found) <= 100
    assert "\n" not in found
    assert bool(found) == bool(clean(abstract))
