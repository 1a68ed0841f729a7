import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.texts.sentences import sentences


@pytest.mark.parametrize(
    "one",
    [
        "We revisit the algorithm of Zou et al. (2006) and present our implementation.",
        "E.g., experiments on cardiac cine datasets show an improvement of 5.5 ~ 7.1 dB in PSNR.",
        "Our models, e.g. EMO-1M, i.e. the smallest one, reach 71.5 in Fig. 3 and in Eq. 4.",
        "It takes approx. 5 ms on one core, cf. Sec. 2 and Tab. 1.",
        "Code is available at https://github.com/OliverRensu/TinyMIM and will stay there.",
    ],
)
def test_abbreviations_decimals_and_addresses_do_not_end_a_sentence(one: str) -> None:
    assert sentences(f"{one} A second sentence follows here.", "en") == [one, "A second sentence follows here."]


def test_english_sentences_end_at_full_stops_question_and_exclamation_marks() -> None:
    text = "What makes a representation good? We answer that question here! It is the posterior."
    assert sentences(text, "en") == [
        "What makes a representation good?",
        "We answer that question here!",
        "It is the posterior.",
    ]


def test_chinese_sentences_end_without_a_space_and_keep_half_width_commas() -> None:
    text = (
        "为了解决这个问题,我们提出了AMO,这是一个数据集。 AMOS提供了500次CT扫描！效果如何？"
        "方法提高了0.41%；代码已经公开。"
    )
    assert sentences(text, "zh") == [
        "为了解决这个问题,我们提出了AMO,这是一个数据集。",
        "AMOS提供了500次CT扫描！",
        "效果如何？",
        "方法提高了0.41%；",
        "代码已经公开。",
    ]


def test_fragments_are_joined_to_a_neighbour() -> None:
    assert sentences("Yes! It works on every benchmark we tried. Really.", "en") == [
        "Yes! It works on every benchmark we tried. Really."
    ]
    assert sentences("好！这个方法在所有数据集上都有效。", "zh") == ["好！这个方法在所有数据集上都有效。"]


@given(st.text(), st.sampled_from(["en", "zh", "ja", "de", "und", "", "xx"]))
def test_sentences_cover_the_text_in_order(text: str, language: str) -> None:
    found = sentences(text, language)
    assert all(sentence and sentence == sentence.strip() for sentence in found)
    readable = text.encode("utf-8", "replace").decode()
    assert "".join("".join(found).split()) == "".join(readable.split())
