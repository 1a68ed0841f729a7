from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from embeddings.encoders import loading, model_files
from embeddings.encoders.backends import sentence_transformer
from embeddings.encoders.encoder import Encoder
from embeddings.encoders.encoder_info import EMBEDDED_MODEL, PLAIN_MODEL
from embeddings.encoders.vocabulary_extension import ROWS, WORDS, Extension
from embeddings.errors import EncoderError


@pytest.fixture(scope="module")
def plain() -> Encoder:
    return loading.load(PLAIN_MODEL)


@pytest.fixture(scope="module")
def bilingual() -> Encoder:
    return loading.load(EMBEDDED_MODEL)


SUBNORMAL_SPACING = 2.0**-24  # distance of neighbouring float16 numbers near 0


@given(arrays.arrays(np.float32, (3, 8), elements=st.floats(-2, 2, width=32)))
@example(np.full((3, 8), 1 / 256, dtype=np.float32))  # its factor is a subnormal float16
@example(np.zeros((3, 8), dtype=np.float32))
@example(np.full((3, 8), 1e-6, dtype=np.float32))  # its factor is 0 as a float16
def test_rows_come_back_as_near_as_eight_bits_allow(
    tmp_path_factory: pytest.TempPathFactory, rows: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
) -> None:
    folder = tmp_path_factory.mktemp("extension")
    Extension(("图", "神经", "网络"), rows).save(folder)
    again = Extension.load(folder)
    assert again.words == ("图", "神经", "网络")
    largest = np.abs(rows.astype(np.float64)).max(axis=1, keepdims=True)
    step = largest / 127
    # The stored step is a float16: off by a fraction of 2^-11, or by half the spacing near 0, which counts 127 times
    # for the largest number of the row. Quotient and product are float32.
    half_a_step = step * (1 + 2.0**-11) / 2 + 127 * SUBNORMAL_SPACING / 2
    rounding = 4 * np.finfo(np.float32).eps * largest
    assert np.all(np.abs(again.rows - rows) <= half_a_step + rounding)


@settings(deadline=None, max_examples=30)
@given(st.text(st.characters(max_codepoint=0x2FFF, exclude_categories=["Cs"]), max_size=200))
def test_a_text_without_the_new_words_keeps_its_vector(plain: Encoder, bilingual: Encoder, text: str) -> None:
    text = f"{text} graph"
    expected, found = plain.encode_queries([text]), bilingual.encode_queries([text])
    np.testing.assert_allclose(found.embeddings, expected.embeddings, rtol=0, atol=1e-6)
    assert found.tokens_total.tolist() == expected.tokens_total.tolist()


def test_the_same_sentence_is_near_itself_in_the_other_language(bilingual: Encoder) -> None:
    english = bilingual.encode_queries(["graph neural networks for molecules", "speech synthesis", "CLIP and k-space"])
    chinese = bilingual.encode_queries(["用于分子的图神经网络", "语音合成", "CLIP与k-space"])
    cosines = chinese.embeddings @ english.embeddings.T
    assert np.argmax(cosines, axis=1).tolist() == [0, 1, 2]
    assert np.all(np.diag(cosines) > 0.7)


def test_traditional_characters_are_read_as_simplified_ones(bilingual: Encoder) -> None:
    both = bilingual.encode_queries(["圖神經網絡", "图神经网络"]).embeddings
    np.testing.assert_allclose(both[0], both[1], rtol=0, atol=1e-6)


def test_the_default_and_the_plain_model_have_different_fingerprints(plain: Encoder, bilingual: Encoder) -> None:
    assert plain.info.fingerprint != bilingual.info.fingerprint
    assert plain.info.dimension == bilingual.info.dimension == 384


def test_it_is_small_enough_to_ship() -> None:
    extension = model_files.locate(EMBEDDED_MODEL).extension
    assert extension is not None
    assert sum(path.stat().st_size for path in extension.iterdir()) <= 10_000_000


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    Extension(("图",), np.ones((1, 8), dtype=np.float32)).save(tmp_path)
    (tmp_path / WORDS).write_text("图\n神经\n")
    with pytest.raises(EncoderError, match="2 words and 1 rows"):
        Extension.load(tmp_path)
    (tmp_path / ROWS).write_bytes(b"not an archive")
    with pytest.raises(EncoderError, match="cannot be read"):
        Extension.load(tmp_path)


def test_rows_of_another_width_are_refused() -> None:
    narrow = Extension(("图",), np.ones((1, 8), dtype=np.float32))
    with pytest.raises(EncoderError, match="8 numbers"):
        sentence_transformer.extend(sentence_transformer.load(model_files.locate(PLAIN_MODEL)), narrow)
