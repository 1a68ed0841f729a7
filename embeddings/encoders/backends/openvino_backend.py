"""The OpenVINO backend: models compiled for the CPU. The only module that imports openvino; needs no torch."""

import importlib.util
import sys
from collections.abc import Iterable
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.encoders.backends.base import Backend, Batch, Computation, Kind, Precision, padded

MODEL = "model.xml"
WEIGHTS = "model.bin"

_HINTS = {Precision.F32: "f32", Precision.BF16: "bf16"}
# An additional request keeps the streams busy while results are copied
_SPARE = 1
_NOTHING = np.empty((0, 0), dtype=np.float32)


def installed() -> bool:
    """Whether the extra `openvino` is installed."""
    return importlib.util.find_spec("openvino") is not None


def version() -> str:
    """Version of the library, without its build number."""
    return str(_openvino().__version__).split("-", 1)[0]


def precisions() -> list[Precision]:
    """Precisions that this CPU computes natively, the fastest first: bfloat16 is two to four times as fast as f32."""
    native = _openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return [Precision.BF16, Precision.F32] if "BF16" in native else [Precision.F32]


def convert(module: Any, example: dict[str, Any], folder: Path) -> None:  # noqa: ANN401 - a torch module, which only torch names
    """Convert a torch module to OpenVINO's format, with unchanged weights.

    Args:
        module: Takes `input_ids` and `attention_mask`, both of shape (n, width); returns (n, dimension).
        example: Example inputs.
        folder: Receives `MODEL` and `WEIGHTS`.

    Raises:
        Exception: Of any type, where OpenVINO does not support an operation of the model.
    """
    openvino = _openvino()
    converted = openvino.convert_model(module, example_input=example)
    openvino.save_model(converted, folder / MODEL, compress_to_fp16=False)


def _openvino() -> Any:  # noqa: ANN401 - a module
    """Import the library without its telemetry package."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


class OpenVinoRuntime:
    """See `Runtime`. One stream for each thread, so that batches are computed in parallel without synchronisation."""

    device = "cpu"
    # Larger batches do not fit the second-level cache
    batch_tokens = 1024
    # OpenVINO generates code for every new shape, which takes as long as three short queries
    multiple = 16

    def __init__(self, folder: Path, precision: Precision, threads: int, padding: int) -> None:
        """Compile for this processor.

        Args:
            folder: Written by `convert`.
            precision: Not `AUTO`.
            threads: Processors to use.
            padding: Id of the padding token.

        Raises:
            RuntimeError: The files are not a model.
        """
        openvino = _openvino()
        core = openvino.Core()
        compiled = core.compile_model(
            core.read_model(folder / MODEL),
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": _HINTS[precision],
                "NUM_STREAMS": threads,
                "INFERENCE_NUM_THREADS": threads,
                # The search threads and other processes use the same CPUs
                "ENABLE_CPU_PINNING": False,
            },
        )
        self.computation = Computation(Backend.OPENVINO, precision)
        self.streams = threads
        self._padding = padding
        self._request = compiled.create_infer_request()
        self._queue = openvino.AsyncInferQueue(compiled, threads + _SPARE)
        self._queue.set_callback(_store_result)

    def embed(self, batches: Iterable[Batch], kind: Kind) -> list[NDArray[np.float32]]:
        """See `Runtime.embed`. The tokens include the prompt, so `kind` is not used."""
        drawn = iter(batches)
        first = list(islice(drawn, 2))
        if len(first) < 2:  # a query: without the overhead of the queue
            return [self._infer(batch) for batch in first]
        found: list[NDArray[np.float32]] = []
        try:
            for batch in chain(first, drawn):
                place = len(found)
                found.append(_NOTHING)
                self._queue.start_async(self._inputs(batch), (found, place))
        finally:  # also after an error: the next call needs an empty queue
            self._queue.wait_all()
        return found

    def _infer(self, batch: Batch) -> NDArray[np.float32]:
        self._request.infer(self._inputs(batch), share_inputs=True)
        return np.array(self._request.get_output_tensor(0).data)

    def _inputs(self, batch: Batch) -> list[NDArray[np.int64]]:
        """Token ids and attention mask, both of shape (windows, width)."""
        tokens = np.full((len(batch), padded(batch, self.multiple)), self._padding, dtype=np.int64)
        mask = np.zeros_like(tokens)
        for i, window in enumerate(batch):
            tokens[i, : len(window.tokens)] = window.tokens
            mask[i, : len(window.tokens)] = 1
        return [tokens, mask]


def _store_result(request: Any, place: tuple[list[NDArray[np.float32]], int]) -> None:  # noqa: ANN401 - an OpenVINO type
    found, i = place
    found[i] = np.array(request.get_output_tensor(0).data)
