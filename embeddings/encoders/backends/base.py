"""The protocol of computation backends: batches of windows in, one vector a window out. Pure, light to import."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Kind = Literal["query", "document"]


class Backend(StrEnum):
    """Computation backend."""

    AUTO = "auto"
    TORCH = "torch"
    OPENVINO = "openvino"


class Precision(StrEnum):
    """Number format of the computation."""

    AUTO = "auto"
    F32 = "f32"
    BF16 = "bf16"


@dataclass(frozen=True, slots=True)
class Computation:
    """Backend and precision that compute the vectors of an encoder. All pass the same check (`compiled_model.Check`).

    Attributes:
        backend: Never `AUTO`.
        precision: Never `AUTO`.
    """

    backend: Backend
    precision: Precision


class Window(NamedTuple):
    """A piece of a text that fits the model's window.

    Attributes:
        owner: Position of its text.
        text: Without the model's prompt.
        tokens: Token ids, with prompt and special tokens.
        length: Tokens without prompt and special tokens.
    """

    owner: int
    text: str
    tokens: Sequence[int]
    length: int


Batch = Sequence[Window]
"""Windows of one pass through the model."""


class Runtime(Protocol):
    """A model loaded by a backend.

    Attributes:
        computation: Backend and precision.
        device: Name of the device, as the backend spells it.
        batch_tokens: Default size of a batch in tokens, padding included.
        multiple: Batches are padded to multiples of so many tokens, which limits the number of shapes.
        streams: Batches computed in parallel.
    """

    computation: Computation
    device: str
    batch_tokens: int
    multiple: int
    streams: int

    def embed(self, batches: Iterable[Batch], kind: Kind) -> "list[NDArray[np.float32]]":
        """Compute batches. Later batches may be drawn while earlier ones are computed.

        Returns:
            The vectors of each batch in order, shape (windows, dimension), not normalised.
        """
        ...


def batches(windows: Sequence[Window], budget: int, multiple: int) -> Iterator[Batch]:
    """Pack windows into batches, the longest first: similar lengths share a batch, and memory peaks at the start.

    Args:
        windows: In any order.
        budget: Most tokens of a batch, padding included; a window wider than this has a batch of its own.
        multiple: Widths are rounded up to multiples of this.
    """
    ordered = sorted(windows, key=lambda window: -len(window.tokens))
    start = 0
    while start < len(ordered):
        # In descending order, the first window of a batch decides its padded width
        batch = ordered[start : start + max(1, budget // padded(ordered[start : start + 1], multiple))]
        yield batch
        start += len(batch)


def padded(batch: Batch, multiple: int) -> int:
    """Padded width of a batch in tokens."""
    return -(-max(len(window.tokens) for window in batch) // multiple) * multiple
