"""The door to OpenVINO: models compiled for the processor they run on. Imports at once, needs no torch."""

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
# Spare requests keep the streams busy while results are taken out
_SPARE = 1
_NOTHING = np.empty((0, 0), dtype=np.float32)


def installed() -> bool:
    """Whether the extra `openvino` is there."""
    return importlib.util.find_spec("openvino") is not None


def version() -> str:
    """Of the library, without its build number."""
    return str(_openvino().__version__).split("-", 1)[0]


def precisions() -> list[Precision]:
    """What this processor computes natively, the fastest first: bfloat16 is two to four times as fast where it is."""
    native = _openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return [Precision.BF16, Precision.F32] if "BF16" in native else [Precision.F32]


def convert(module: Any, example: dict[str, Any], folder: Path) -> None:  # noqa: ANN401 - a torch module, which only torch names
    """Write a torch module in OpenVINO's own form, weights as they are.

    Args:
        module: Takes `input_ids` and `attention_mask`, both of shape (n, width); returns (n, dimension).
        example: Such inputs.
        folder: Receives `MODEL` and `WEIGHTS`.

    Raises:
        Exception: Of whatever kind the two libraries choose, where a model is made of what OpenVINO does not know.
    """
    openvino = _openvino()
    converted = openvino.convert_model(module, example_input=example)
    openvino.save_model(converted, folder / MODEL, compress_to_fp16=False)


def _openvino() -> Any:  # noqa: ANN401 - a module
    """Import the library without the package by which it tells its makers what it is used for."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


class OpenVinoRuntime:
    """See `Runtime`. As many streams as threads, each with one: batches side by side need not wait for each other."""

    device = "cpu"
    # Larger ones leave the second-level cache
    batch_tokens = 1024
    # Code is generated for every new shape, which takes as long as three short queries
    multiple = 16

    def __init__(self, folder: Path, precision: Precision, threads: int, padding: int) -> None:
        """Compile for this processor.

        Args:
            folder: As `convert` fills it.
            precision: Not `AUTO`.
            threads: Processors to use.
            padding: The token that fills up short windows.

        Raises:
            RuntimeError: The files are no model.
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
                # Other processes, and our own search threads, use the same processors
                "ENABLE_CPU_PINNING": False,
            },
        )
        self.computation = Computation(Backend.OPENVINO, precision)
        self.streams = threads
        self._padding = padding
        self._request = compiled.create_infer_request()
        self._queue = openvino.AsyncInferQueue(compiled, threads + _SPARE)
        self._queue.set_callback(_keep)

    def embed(self, batches: Iterable[Batch], kind: Kind) -> list[NDArray[np.float32]]:
        """See `Runtime.embed`. Prompts are among the tokens, so that both kinds are computed alike."""
        drawn = iter(batches)
        first = list(islice(drawn, 2))
        if len(first) < 2:  # a query: without the detour through the queue
            return [self._alone(batch) for batch in first]
        found: list[NDArray[np.float32]] = []
        try:
            for batch in chain(first, drawn):
                place = len(found)
                found.append(_NOTHING)
                self._queue.start_async(self._inputs(batch), (found, place))
        finally:  # also where no further batch can be drawn: the next call must find the queue empty
            self._queue.wait_all()
        return found

    def _alone(self, batch: Batch) -> NDArray[np.float32]:
        self._request.infer(self._inputs(batch), share_inputs=True)
        return np.array(self._request.get_output_tensor(0).data)

    def _inputs(self, batch: Batch) -> list[NDArray[np.int64]]:
        """Tokens and mask, both of shape (windows, width)."""
        tokens = np.full((len(batch), padded(batch, self.multiple)), self._padding, dtype=np.int64)
        mask = np.zeros_like(tokens)
        for i, window in enumerate(batch):
            tokens[i, : len(window.tokens)] = window.tokens
            mask[i, : len(window.tokens)] = 1
        return [tokens, mask]


def _keep(request: Any, place: tuple[list[NDArray[np.float32]], int]) -> None:  # noqa: ANN401 - OpenVINO's own
    found, i = place
    found[i] = np.array(request.get_output_tensor(0).data)
