import pytest

from embeddings.texts.chinese import simplified
from embeddings.texts.terms import terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("圖神經網絡的學習方法", "图神经网络的学习方法"),
        ("CLIP 模型與 R&D", "CLIP 模型与 R&D"),
        ("头发发展", "头发发展"),
        ("頭髮發展", "头发发展"),
    ],
)
def test_traditional_chinese_is_converted_to_simplified(text: str, expected: str) -> None:
    assert simplified(text) == expected


@pytest.mark.parametrize("text", ["graph", "図書館の検索", "圖 도서관", "α → β", ""])
def test_other_texts_are_unchanged(text: str) -> None:
    assert simplified(text) == text


def test_traditional_and_simplified_texts_have_the_same_terms() -> None:
    assert terms("圖神經網絡") == terms("图神经网络") != []
