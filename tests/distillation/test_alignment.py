import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from embeddings.distillation.alignment import initial_embeddings, translation_probabilities

_TEXTS = st.lists(
    st.tuples(st.lists(st.integers(0, 8), max_size=6), st.lists(st.integers(0, 5), max_size=6)), max_size=8
).map(lambda pairs: [(np.array(old, dtype=np.int64), np.array(new, dtype=np.int64)) for old, new in pairs])


def test_words_that_occur_together_are_aligned() -> None:
    # 0 always with 10, 1 with 11, 2 with 12
    pairs = [([10, 11], [0, 1]), ([11, 12], [1, 2]), ([10, 12], [2, 0]), ([12, 11, 10], [0, 1, 2])]
    new, old, probability = translation_probabilities([(np.array(a), np.array(b)) for a, b in pairs], 3)
    for token in range(3):
        mine = new == token
        assert old[mine][np.argmax(probability[mine])] == token + 10


@given(_TEXTS)
def test_probabilities_of_a_words_translations_sum_to_1(pairs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    new, old, probability = translation_probabilities(pairs, 6)
    assert len(new) == len(old) == len(probability)
    assert np.all(probability >= 0)
    sums = np.bincount(new, probability, minlength=6)
    assert np.allclose(sums[np.unique(new)], 1)
    together = {(a, b) for ours, theirs in pairs for a in theirs.tolist() for b in ours.tolist()}
    assert set(zip(new.tolist(), old.tolist(), strict=True)) == together


def test_initial_embeddings_are_the_weighted_mean_of_probable_translations() -> None:
    embeddings = np.eye(4, dtype=np.float32)
    table = (np.array([0, 0, 0, 2]), np.array([1, 2, 3, 0]), np.array([0.6, 0.36, 0.04, 1.0]))
    rows = initial_embeddings(table, 3, embeddings)
    assert np.allclose(rows[0], [0, 0.625, 0.375, 0]), "the improbable translation is ignored"
    assert np.allclose(rows[2], [1, 0, 0, 0])
    assert np.allclose(rows[1], (rows[0] + rows[2]) / 2), "without translations: the mean of the others"
