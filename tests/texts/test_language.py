import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.texts.language import UNDETERMINED, detect

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize(
    "query",
    [
        "CLIP",
        "BERT",
        "object detection",
        "graph neural networks",
        "semantic segmentation",
        "Visual Question",
        "Wasserstein GAN",
        "α-divergence",
        "BERT for Erdős graphs",
    ],
)
def test_short_latin_queries_are_english(query: str) -> None:
    assert detect(query) == "en"


@pytest.mark.parametrize("query", ["量化", "深度学习 CNN", "用CNN和LSTM做object detection", "CLIP模型"])
def test_short_chinese_queries_with_english_terms_are_chinese(query: str) -> None:
    assert detect(query) == "zh"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("深層学習による物体検出", "ja"),
        ("딥러닝을 이용한 객체 검출과 CNN", "ko"),
        ("нейронные сети для обработки текста", "ru"),
        ("Wir stellen ein neues Verfahren zur Segmentierung medizinischer Bilder vor.", "de"),
        ("Nous proposons une nouvelle méthode de segmentation qui améliore les résultats.", "fr"),
        ("En este trabajo proponemos un modelo de redes neuronales para la traducción automática.", "es"),
        ("Neste artigo apresentamos um método para a detecção de objetos em imagens.", "pt"),
    ],
)
def test_other_languages_are_detected(text: str, language: str) -> None:
    assert detect(text) == language


def test_an_english_abstract_that_quotes_chinese_is_english() -> None:
    assert detect("We study how the characters 好 and 坏 are learnt by language models for sentiment.") == "en"


@pytest.mark.parametrize("text", ["", "  \n", "123 45%", "---", "🙂"])
def test_text_without_letters_has_no_language(text: str) -> None:
    assert detect(text) == UNDETERMINED


def test_every_seed_is_english_or_chinese_by_its_predominant_script() -> None:
    languages = []
    for file in sorted((ROOT / "seeds").glob("*.txt")):
        for line in file.read_text("utf-8").splitlines():
            if line.strip() and "translated by" not in line:
                languages.append(detect(line))
                han = sum("\u4e00" <= char <= "\u9fff" for char in line)
                assert languages[-1] == ("zh" if han > len(line) / 3 else "en")
    assert set(languages) == {"en", "zh"}


@given(st.text())
def test_any_text_gets_a_two_letter_code_or_none(text: str) -> None:
    code = detect(text)
    assert code == UNDETERMINED or (len(code) == 2 and code.islower())


def test_importing_the_module_loads_no_model() -> None:
    code = "import sys, embeddings.texts.language; sys.exit('py3langid' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
