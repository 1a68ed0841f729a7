"""This project, as a build and the service use it; runs in the project's own environment."""

import dataclasses
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.adapters.http_client import Client, Server, free_port
from benchmarks.peers.adapters.worker import TOP_K, Adapter, run

_INDEX = "dense.faiss"
_SPEC = "index.json"
_VECTORS = "vectors.npy"
_PAPERS = "papers.jsonl"
_SNAPSHOTS = "snapshots"


class Index:
    """The index that a build chooses for so many rows, tuned as a build tunes it; effort is what `IndexSpec` says."""

    efforts = (4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
    _recall = 0.98  # what a build is content with, if nothing is said

    def build(self, vectors: NDArray[np.float32], folder: Path) -> None:
        """Choose, build, tune, save."""
        from embeddings import threads
        from embeddings.indexes.faiss import assembler
        from embeddings.indexes.faiss.choice import choose
        from embeddings.indexes.faiss.evaluation import tuned

        processors = threads.available()
        dense = assembler.build(vectors, choose(*vectors.shape), threads=processors)
        dense, _ = tuned(dense, vectors, self._recall, threads=processors)
        np.save(folder / _VECTORS, vectors)  # beside it, as a snapshot keeps them
        dense.save(folder / _INDEX)
        (folder / _SPEC).write_text(json.dumps(dataclasses.asdict(dense.spec)))

    def open(self, folder: Path) -> None:
        """Map the file."""
        from embeddings.indexes.faiss import faiss_index

        self._file = folder / _INDEX
        self._spec = faiss_index.IndexSpec(**json.loads((folder / _SPEC).read_text()))
        self._vectors = np.load(folder / _VECTORS, mmap_mode="r")

    def use(self, effort: int | None) -> None:
        """None is what the build found to be enough."""
        from embeddings.indexes.faiss import faiss_index

        spec = self._spec if effort is None else dataclasses.replace(self._spec, effort=effort)
        self._index = faiss_index.load(self._file, spec, self._vectors)

    def nearest(self, query: NDArray[np.float32]) -> Iterable[int]:
        """In one thread, as a request is."""
        _, rows = self._index.nearest(query[None], TOP_K)
        return [row for row in rows[0] if row >= 0]


class MoreRecall(Index):
    """What `related-papers build --recall 0.99` makes."""

    _recall = 0.99


class TextEncoder:
    """As a build embeds papers: by the compiled model, in the best numbers that passed."""

    _precision = "auto"

    def open(self) -> None:
        """Compile and check it, which a build does once for a model."""
        from embeddings import threads
        from embeddings.encoders import loading, model_files
        from embeddings.encoders.backends.base import Backend, Precision
        from embeddings.encoders.backends.compilation import compile_model
        from embeddings.encoders.encoder_info import EMBEDDED_MODEL
        from embeddings.snapshots.encoder_check import PROBES

        files, processors = model_files.locate(EMBEDDED_MODEL), threads.available()
        self._folder = tempfile.TemporaryDirectory()
        stored = compile_model(files, Path(self._folder.name), PROBES, threads=processors)
        chosen = loading.choose(stored, backend=Backend.AUTO, precision=Precision(self._precision), device="cpu")
        if chosen.stored is None:
            raise RuntimeError(stored.reason())
        self._encoder = chosen.load(lambda: files, threads=processors)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Marked-up text cleaned, long texts read whole."""
        return self._encoder.encode_documents(texts).embeddings


class SinglePrecision(TextEncoder):
    """In 32 bits, as others do."""

    _precision = "f32"


class Torch(TextEncoder):
    """Where the model is not compiled."""

    def open(self) -> None:
        """The embedded model."""
        from embeddings import threads
        from embeddings.encoders import loading

        self._encoder = loading.load(threads=threads.available())


class Service:
    """`related-papers build`, then `related-papers serve`, asked over HTTP."""

    _options = ""

    def load(self, papers: Sequence[Mapping[str, str]], folder: Path) -> None:
        """A build, in a process of its own."""
        lines = (json.dumps(dict(paper), ensure_ascii=False) + "\n" for paper in papers)
        (folder / _PAPERS).write_text("".join(lines), encoding="utf-8")
        self._command("build", str(folder / _PAPERS), "--snapshots", str(folder / _SNAPSHOTS))

    def start(self, folder: Path) -> None:
        """Its own defaults."""
        from embeddings.papers import paper_id

        papers = [json.loads(line) for line in (folder / _PAPERS).read_text(encoding="utf-8").splitlines()]
        self._ours = {paper["id"]: paper_id(paper["abstract"]) for paper in papers}
        self._theirs = {ours: theirs for theirs, ours in self._ours.items()}
        port = free_port()
        options = ("--snapshots", str(folder / _SNAPSHOTS), "--port", str(port))
        self._server = Server([sys.executable, "-m", "service", *options], {"RELATED_PAPERS_LOG_LEVEL": "warning"})
        self._client = Client(port)
        self._server.wait(port, "/readyz")

    def search(self, text: str) -> Sequence[str]:
        """One request."""
        return self._ids(self._client.get(f"/search?q={quote(text)}&top_k={TOP_K}{self._options}"))

    def related(self, paper: str) -> Sequence[str]:
        """One request."""
        return self._ids(self._client.get(f"/papers/{self._ours[paper]}/related?top_k={TOP_K}"))

    def _ids(self, answer: dict[str, Any]) -> list[str]:
        return [self._theirs[hit["id"]] for hit in answer["hits"]]

    @staticmethod
    def _command(*arguments: str) -> None:
        said = f"import sys; from service.cli import main; main({list(arguments)!r})"
        subprocess.run([sys.executable, "-c", said], check=True, stdout=2)


class DenseService(Service):
    """By meaning alone, which is all that others do."""

    _options = "&mode=dense"


if __name__ == "__main__":
    run(
        Adapter(
            indexes={"default": Index, "--recall 0.99": MoreRecall},
            encoders={"default": TextEncoder, "32 bits": SinglePrecision, "torch": Torch},
            services={"default": Service, "dense": DenseService},
            libraries=("embeddings.indexes.faiss.faiss_index",),
        )
    )
