"""What the FAISS engine does beyond the contract of vector indexes."""

import numpy as np
import pytest
from numpy.typing import NDArray

from embeddings.indexes.base import admit_all
from embeddings.indexes.faiss import assembler, vector_index
from embeddings.indexes.faiss.vector_index import FaissVectorIndex
from embeddings.queries import Filters
from tests.indexes.masks import excluding
from tests.indexes.test_faiss_index import unit_rows


def made(vectors: NDArray[np.float32], factory: str) -> FaissVectorIndex:
    built = assembler.build(vectors, factory)
    return FaissVectorIndex(built, vectors, excluding(len(vectors)))


@pytest.mark.parametrize("factory", ["IVF16,PQ8x4fsr", "IVF16,RaBitQ2"])
def test_an_approximate_index_finds_every_admitted_row_there_is(factory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, query = unit_rows(1, 2_000), unit_rows(2, 1)
    monkeypatch.setattr(vector_index, "SCANNED_ROWS", 0)  # so that the index itself is searched
    index = made(vectors, factory)
    exclude = list(range(0, 2_000, 3))
    found = index.nearest(query, 2_000, exclude=exclude)
    admitted = np.setdiff1d(np.arange(2_000), exclude)
    assert sorted(found.rows[0][: len(admitted)].tolist()) == admitted.tolist()
    np.testing.assert_allclose(
        found.similarity[0][: len(admitted)], -np.sort(-(vectors[admitted] @ query[0])), atol=1e-5
    )


def test_an_index_without_papers_refuses_filters() -> None:
    vectors = unit_rows(1, 10)
    index = FaissVectorIndex(assembler.build(vectors, "Flat"), vectors)
    with pytest.raises(ValueError, match="no papers to filter by"):
        index.nearest(vectors[:1], 3, filters=Filters(language=("en",)))
    with pytest.raises(ValueError, match="no papers to filter by"):
        admit_all(Filters(), [1])
