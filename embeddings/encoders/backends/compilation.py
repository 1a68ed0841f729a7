"""Compiles a model for OpenVINO: converts it, compares its vectors with torch, stores it. Imports torch."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embeddings.encoders.backends import compiled_model, openvino_backend, sentence_transformer
from embeddings.encoders.backends.base import Precision
from embeddings.encoders.backends.compiled_model import Check, Compiled
from embeddings.encoders.backends.torch_backend import TorchRuntime
from embeddings.encoders.encoder import Encoder
from embeddings.encoders.model_files import ModelFiles
from embeddings.errors import EncoderError

_TOP = 10
# Cosines that differ by less than this are ties
_TIE = 1e-3


def compile_model(
    files: ModelFiles, folder: Path, texts: Sequence[str], *, max_tokens: int = 0, threads: int = 1
) -> Compiled:
    """Convert a model, and check the vectors of each precision against torch.

    For a model that cannot be converted, the reason is stored. May be killed at any moment.

    Args:
        files: The model's.
        folder: Of compiled models.
        texts: For the check; a few dozen from the corpus.
        max_tokens: Most tokens read of a text, 0 for all.
        threads: Processors to use.

    Raises:
        EncoderError: The files are not a model.
    """
    sentence_transformer.use_threads(threads)
    model = sentence_transformer.open_model(files, device="cpu")
    info = sentence_transformer.describe(model, files, max_tokens)
    tokenizer = sentence_transformer.own_tokenizer(model)
    simplify = sentence_transformer.simplifies(files)
    work = compiled_model.scratch(folder, info.fingerprint)
    found = Compiled(
        folder=work,
        info=info,
        simplify=simplify,
        padding=sentence_transformer.padding(model),
        openvino=openvino_backend.version(),
        checks={},
        refused=None,
        sizes={},
    )
    try:
        sentence_transformer.convert(model, work)
    except EncoderError as error:
        found = dataclasses.replace(found, refused=str(error))
    else:
        tokenizer.save(str(work / compiled_model.TOKENIZER))
        expected = Encoder(TorchRuntime(model), tokenizer, info, simplify=simplify).encode_documents(texts).embeddings
        checks = {
            precision: _check(found, precision, texts, expected, threads) for precision in openvino_backend.precisions()
        }
        found = dataclasses.replace(found, checks=checks, sizes=compiled_model.measured(work))
    return compiled_model.adopt(found, folder / info.fingerprint)


def agreement(expected: NDArray[np.float32], given: NDArray[np.float32]) -> Check:
    """Compare two sets of vectors of the same texts, both of shape (n, dimension), rows of length 1."""
    cosines = np.einsum("ij,ij->i", expected, given)
    truth, found = expected @ expected.T, given @ given.T
    np.fill_diagonal(truth, -np.inf)
    np.fill_diagonal(found, -np.inf)
    top = min(_TOP, len(expected) - 1)
    if top < 1:
        return Check(float(cosines.min(initial=1.0)), 1.0, len(expected))
    nearest = np.argsort(-found, axis=1)[:, :top]
    last = -np.sort(-truth, axis=1)[:, top - 1 : top]
    kept = np.take_along_axis(truth, nearest, axis=1) >= last - _TIE
    return Check(float(cosines.min()), float(kept.mean()), len(expected))


def _check(
    found: Compiled, precision: Precision, texts: Sequence[str], expected: NDArray[np.float32], threads: int
) -> Check:
    return agreement(expected, found.open(precision, threads).encode_documents(texts).embeddings)
