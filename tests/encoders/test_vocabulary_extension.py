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


@given(arrays.arrays(np.float32, (3, 8), elements=st.floats(-2, 2, width=32)))
@example(np.full((3, 8), 1 / 256, dtype=np.float32))  # its factor is a subnormal float16
@example(np.zeros((3, 8), dtype=np.float32))
def test_rows_come_back_as_near_as_eight_bits_allow(
    tmp_path_factory: pytest.TempPathFactory, rows: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
) -> None:
    folder = tmp_path_factory.mktemp("extension")
    Extension(("图", "神经", "网络"), rows).save(folder)
    again = Extension.load(folder)
    assert again.words == ("图", "神经", "网络")
    step = np.abs(rows).max(axis=1, keepdims=True) / 127
    assert np.all(np.abs(again.rows - rows) <= 0.6 * step + 1e-5)


@settings(deadline=None, max_examples=30)
@given(st.text(st.characters(max_codepoint=0x2FFF, exclude_categories=["Cs"]), max_size=200))
def test_a_text_without_the_new_words_keeps_its_vector(plain: Encoder, bilingual: Encoder, text: str) -> None:
    text = f"{text} graph"
    assert plain.encode_queries([text]).embeddings.tobytes() == bilingual.encode_queries([text]).embeddings.tobytes()


def test_the_same_sentence_is_near_itself_in_the_other_language(bilingual: Encoder) -> None:
    english = bilingual.encode_queries(["graph neural networks for molecules", "speech synthesis", "CLIP and k-space"])
    chinese = bilingual.encode_queries(["用于分子的图神经网络", "语音合成", "CLIP与k-space"])
    cosines = chinese.embeddings @ english.embeddings.T
    assert np.argmax(cosines, axis=1).tolist() == [0, 1, 2]
    assert np.all(np.diag(cosines) > 0.7)


def test_traditional_characters_are_read_as_simplified_ones(bilingual: Encoder) -> None:
    both = bilingual.encode_queries(["圖神經網絡", "图神经网络"]).embeddings
    assert both[0].tobytes() == both[1].tobytes()


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
