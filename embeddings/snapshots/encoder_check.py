"""Refuses a query encoder that did not build the snapshot: its results would be wrong without looking wrong."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embeddings.errors import EncoderMismatch
from embeddings.snapshots.snapshot import Snapshot

if TYPE_CHECKING:
    from embeddings.encoders.encoder import Encoder

# Texts whose embeddings every snapshot stores: English, Chinese, mixed, LaTeX, a short query, a long text
PROBES = (
    "graph neural networks",
    "We propose a quantization method for object detectors that keeps accuracy at two bits.",
    "对抗性训练通常被认为是防御对抗性例子的最有效的方法之一。",
    "使用 CLIP 嵌入的医学图像分割 (medical image segmentation)",
    r"An \emph{efficient} mobile network, \eg for $O(n^2)$ attention",
    "Federated learning with event-triggered communication reduces energy use. " * 60,
)

# fp32 differs in the sixth digit between processors and library versions; another model is far below
LEAST_PROBE_COSINE = 0.999


def check_encoder(snapshot: Snapshot, encoder: "Encoder") -> None:
    """Check that the encoder is the one that built the snapshot, by fingerprint and by the stored probe embeddings.

    Raises:
        EncoderMismatch: The fingerprints differ, or they are equal and a probe has a cosine below 0.999.
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
    """Compute the cosine of each stored embedding and the one computed now.

    Args:
        stored: Shape (probes, dimension), unit length.
        computed: Same shape.

    Returns:
        Shape (probes,), in [-1, 1].
    """
    return np.asarray(np.einsum("ij,ij->i", stored, computed), dtype=np.float32)
