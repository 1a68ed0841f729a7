"""The wrong model is refused before it can give a wrong answer."""

import dataclasses

import pytest

from embeddings.encoders import loading
from embeddings.encoders.encoder import Encoder
from embeddings.errors import EncoderMismatch
from embeddings.snapshots.encoder_check import PROBES, check_encoder
from embeddings.snapshots.snapshot import Snapshot


def test_the_encoder_that_built_the_snapshot_passes(snapshot: Snapshot, encoder: Encoder) -> None:
    assert snapshot.manifest.probes == PROBES
    check_encoder(snapshot, encoder)


def test_another_fingerprint_is_refused_naming_both(snapshot: Snapshot) -> None:
    other = loading.load(max_tokens=64)
    with pytest.raises(EncoderMismatch) as refused:
        check_encoder(snapshot, other)
    assert snapshot.manifest.encoder.fingerprint in str(refused.value) and other.info.fingerprint in str(refused.value)
    assert snapshot.manifest.encoder.name in str(refused.value)


def test_equal_names_with_other_vectors_are_refused_by_the_probes(snapshot: Snapshot) -> None:
    disguised = loading.load(max_tokens=5)
    disguised.info = dataclasses.replace(disguised.info, fingerprint=snapshot.manifest.encoder.fingerprint)
    with pytest.raises(EncoderMismatch, match="gives other vectors: cosine"):
        check_encoder(snapshot, disguised)
