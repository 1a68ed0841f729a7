import pytest

from embeddings.distillation.pairs import Pair
from embeddings.distillation.vocabulary import learn
from embeddings.errors import DistillationError


def test_frequent_chinese_words_and_all_letters_become_tokens() -> None:
    pairs = [Pair("neural networks of graphs", "图神经网络"), Pair("deep neural networks", "深度神经网络")]
    words = learn(pairs, 100)
    assert {"神经网络", "神", "经", "网", "络"} <= set(words)
    assert "度" not in words, "occurs only once"
    assert len(words) == len(set(words))


def test_scripts_of_the_teachers_language_and_rare_scripts_give_no_tokens() -> None:
    pairs = [Pair("the CLIP model", "CLIP模型")] * 3 + [Pair("models by Шухов", "模型，Шухов，模型模型" * 30)] * 2
    assert all("\u4e00" <= letter <= "\u9fff" for word in learn(pairs, 100) for letter in word)


def test_the_size_limits_the_words_and_all_letters_are_kept() -> None:
    words = learn([Pair("graph networks", "图神经网络")] * 5, 6)
    assert len(words) == 6
    assert set("图神经网络") <= set(words)


def test_another_script_needs_no_dictionary() -> None:
    pairs = [Pair("neural networks", "нейронные сети"), Pair("networks of neurons", "сети нейронов")] * 20
    words = learn(pairs, 40)
    assert set("нейрости") <= set(words)
    assert any(len(word) > 1 for word in words)


def test_a_language_in_the_same_script_is_rejected() -> None:
    with pytest.raises(DistillationError, match="multilingual"):
        learn([Pair("neural networks", "neuronale netze")] * 5, 100)
