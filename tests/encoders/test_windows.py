"""Long texts are cut into windows; nothing of them is lost."""

import re

from hypothesis import given
from hypothesis import strategies as st

from embeddings.encoders.windows import split


def words(text: str) -> list[tuple[int, int]]:
    """A stand-in tokenizer that anyone can check: a token is up to four letters of a word."""
    return [match.span() for match in re.finditer(r"\w{1,4}", text)]


@given(st.text(alphabet="abcé中文 .,\n", max_size=400), st.integers(1, 20))
def test_the_windows_hold_every_token_once_and_none_is_too_long(text: str, budget: int) -> None:
    spans = words(text)
    pieces = split(text, spans, budget)
    assert pieces.tokens_seen == pieces.tokens_total == len(spans) == sum(pieces.lengths)
    assert all(length <= budget for length in pieces.lengths)
    kept = "".join(character for piece in pieces.windows for character in piece if character.isalnum())
    assert kept == "".join(character for character in text if character.isalnum())


def test_a_text_that_fits_stays_one_window_untouched() -> None:
    pieces = split(" as received ", words(" as received "), 5)
    assert pieces.windows == (" as received ",)


def test_windows_are_of_nearly_equal_length() -> None:
    text = " ".join(["word"] * 100)
    assert split(text, words(text), 40).lengths == (34, 33, 33)


def test_words_are_not_cut_in_the_middle() -> None:
    text = "a internationalisation understanding"  # 1 + 5 + 4 tokens: an even cut would fall into the long word
    pieces = split(text, words(text), 6)
    assert pieces.windows == ("a", "internationalisation", "understanding")


def test_max_tokens_cuts_and_says_so() -> None:
    text = " ".join(["word"] * 10)
    pieces = split(text, words(text), 100, max_tokens=4)
    assert pieces.windows == ("word word word word",)
    assert (pieces.tokens_seen, pieces.tokens_total) == (4, 10)
