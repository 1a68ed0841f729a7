import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from embeddings.distillation.alignment import lexicon, starting_rows

_TEXTS = st.lists(
    st.tuples(st.lists(st.integers(0, 8), max_size=6), st.lists(st.integers(0, 5), max_size=6)), max_size=8
).map(lambda pairs: [(np.array(old, dtype=np.int64), np.array(new, dtype=np.int64)) for old, new in pairs])


def test_words_that_go_together_find_each_other() -> None:
    # 0 with 10, 1 with 11, 2 with 12, never alone
    pairs = [([10, 11], [0, 1]), ([11, 12], [1, 2]), ([10, 12], [2, 0]), ([12, 11, 10], [0, 1, 2])]
    new, old, probability = lexicon([(np.array(a), np.array(b)) for a, b in pairs], 3)
    for token in range(3):
        mine = new == token
        assert old[mine][np.argmax(probability[mine])] == token + 10


@given(_TEXTS)
def test_translations_of_a_word_are_probabilities(pairs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    new, old, probability = lexicon(pairs, 6)
    assert len(new) == len(old) == len(probability)
    assert np.all(probability >= 0)
    sums = np.bincount(new, probability, minlength=6)
    assert np.allclose(sums[np.unique(new)], 1)
    together = {(a, b) for ours, theirs in pairs for a in theirs.tolist() for b in ours.tolist()}
    assert set(zip(new.tolist(), old.tolist(), strict=True)) == together


def test_a_row_starts_between_its_likely_translations() -> None:
    embeddings = np.eye(4, dtype=np.float32)
    table = (np.array([0, 0, 0, 2]), np.array([1, 2, 3, 0]), np.array([0.6, 0.36, 0.04, 1.0]))
    rows = starting_rows(table, 3, embeddings)
    assert np.allclose(rows[0], [0, 0.625, 0.375, 0]), "the unlikely one is left out"
    assert np.allclose(rows[2], [1, 0, 0, 0])
    assert np.allclose(rows[1], (rows[0] + rows[2]) / 2), "nothing known: the mean of the others"
