"""A paper is its content."""

from hypothesis import given
from hypothesis import strategies as st

from embeddings.papers import normalised, paper_id


def test_the_id_is_the_sha1_of_the_normalised_abstract() -> None:
    assert paper_id("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d"  # FIPS 180-1, appendix A


def test_typesetting_does_not_change_the_id() -> None:
    assert paper_id("an eﬃcient  network,\nfully（open）") == paper_id(" an efficient network, fully(open) ")


def test_other_words_have_another_id() -> None:
    assert paper_id("an efficient network") != paper_id("an Efficient network")


@given(st.text())
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


@given(st.text(), st.sampled_from([" ", "\n", "\t", "  ", " \u3000"]))
def test_the_id_survives_any_white_space_between_words(text: str, space: str) -> None:
    assert paper_id(space.join(text.split())) == paper_id(" ".join(text.split()))
