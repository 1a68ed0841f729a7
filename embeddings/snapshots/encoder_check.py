"""Refuses a query encoder that is not the one that built the snapshot: wrong answers look like answers."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embeddings.errors import EncoderMismatch
from embeddings.snapshots.snapshot import Snapshot

if TYPE_CHECKING:
    from embeddings.encoders.encoder import Encoder

# Texts whose vectors every snapshot stores: English, Chinese, both at once, LaTeX, a short query, a long one.
PROBES = (
    "graph neural networks",
    "We propose a quantization method for object detectors that keeps accuracy at two bits.",
    "对抗性训练通常被认为是防御对抗性例子的最有效的方法之一。",
    "使用 CLIP 嵌入的医学图像分割 (medical image segmentation)",
    r"An \emph{efficient} mobile network, \eg for $O(n^2)$ attention",
    "Federated learning with event-triggered communication reduces energy use. " * 60,
)

# fp32 on other processors and libraries differs in the sixth digit; a wrong model is far below
LEAST_PROBE_COSINE = 0.999


def check_encoder(snapshot: Snapshot, encoder: "Encoder") -> None:
    """Check that the encoder makes the vectors that the snapshot was built from.

    Raises:
        EncoderMismatch: Fingerprints differ, or equal fingerprints give other vectors.
    """
    built, given = snapshot.manifest.encoder, encoder.info
    if built.fingerprint != given.fingerprint:
        raise EncoderMismatch(
            f"snapshot {snapshot.id} was built by {built.name} (fingerprint {built.fingerprint}, {built.dimension} "
            f"dimensions), the query encoder is {given.name} (fingerprint {given.fingerprint}, {given.dimension} "
            "dimensions); use the same model, or build a snapshot with this one"
        )
    cosines = probe_cosines(snapshot.probe_embeddings, encoder.encode_documents(snapshot.manifest.probes).embeddings)
    worst = int(np.argmin(cosines))
    if cosines[worst] < LEAST_PROBE_COSINE:
        raise EncoderMismatch(
            f"{given.name} has the fingerprint of snapshot {snapshot.id} but gives other vectors: cosine "
            f"{cosines[worst]:.4f}, not {LEAST_PROBE_COSINE} or more, for {snapshot.manifest.probes[worst][:40]!r}; "
            "check the versions of torch and transformers against those in the manifest"
        )


def probe_cosines(stored: NDArray[np.float32], computed: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosine of each stored vector with the one computed now, shape (number of probes,)."""
    return np.asarray(np.einsum("ij,ij->i", stored, computed), dtype=np.float32)
