"""A title at a byte a number says nearly what it said in full."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from embeddings.encoders.encoder import Encoder
from embeddings.indexes.title_embeddings import cosines, packed
from tests.indexes.test_faiss_index import unit_rows


@given(rng_seed=st.integers(0, 1000), count=st.integers(1, 40))
def test_cosines_survive_packing(rng_seed: int, count: int) -> None:
    vectors, query = unit_rows(rng_seed, count), unit_rows(rng_seed + 1, 1)[0]
    stored = packed(vectors)
    assert stored.dtype == np.int8 and np.all(np.abs(stored).max(axis=1) == 127)
    np.testing.assert_allclose(cosines(stored, query), vectors @ query, atol=0.01)


def test_no_title_is_no_cosine() -> None:
    stored = np.concatenate([packed(unit_rows(0, 2)), np.zeros((1, unit_rows(0, 1).shape[1]), dtype=np.int8)])
    assert np.isnan(cosines(stored, unit_rows(1, 1)[0])).tolist() == [False, False, True]
    assert packed(np.zeros((1, 4), dtype=np.float32)).tolist() == [[0, 0, 0, 0]]


def test_real_titles_keep_their_order(encoder: Encoder) -> None:
    titles = ["Graph neural networks", "Diffusion models", "Federated learning on phones", "目标检测的混合精度量化"]
    vectors = encoder.encode_documents(titles).embeddings
    for query in encoder.encode_queries(["image synthesis", "privacy", "nodes and edges"]).embeddings:
        assert np.argsort(cosines(packed(vectors), query)).tolist() == np.argsort(vectors @ query).tolist()
