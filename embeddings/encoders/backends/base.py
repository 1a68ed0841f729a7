"""What computes vectors: batches of windows in, one vector a window out. Pure; runtimes have modules of their own.

Light to import.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Kind = Literal["query", "document"]


class Backend(StrEnum):
    """Who computes."""

    AUTO = "auto"
    TORCH = "torch"
    OPENVINO = "openvino"


class Precision(StrEnum):
    """With which numbers."""

    AUTO = "auto"
    F32 = "f32"
    BF16 = "bf16"


@dataclass(frozen=True, slots=True)
class Computation:
    """How vectors are computed; which vectors is `EncoderInfo`'s. All that are used agree (see `compiled.Check`).

    Attributes:
        backend: Never `AUTO`.
        precision: Never `AUTO`.
    """

    backend: Backend
    precision: Precision


class Window(NamedTuple):
    """What a model reads at once.

    Attributes:
        owner: Position of the text it is of.
        text: Without the model's prompt.
        tokens: As the model reads them, prompt and special tokens included.
        length: Tokens of the text alone.
    """

    owner: int
    text: str
    tokens: Sequence[int]
    length: int


Batch = Sequence[Window]
"""Windows that go through a model together."""


class Runtime(Protocol):
    """A loaded model.

    Attributes:
        computation: Backend and precision.
        device: As the backend names it.
        batch_tokens: Tokens, padding included, of a batch that it computes well.
        multiple: Widths are padded to multiples of this: fewer shapes to prepare for.
        streams: Batches that it computes at the same time.
    """

    computation: Computation
    device: str
    batch_tokens: int
    multiple: int
    streams: int

    def embed(self, batches: Iterable[Batch], kind: Kind) -> "list[NDArray[np.float32]]":
        """Compute batches; later ones may be drawn while earlier ones are computed.

        Returns:
            For each batch in order, shape (windows, dimension), as the model gives them, of any length.
        """
        ...


def batches(windows: Sequence[Window], budget: int, multiple: int) -> Iterator[Batch]:
    """Pack windows, the longest first, so that alike lengths are together and memory never rises at the end.

    Args:
        windows: In any order.
        budget: Most tokens in a batch, padding included; a wider window goes alone.
        multiple: Widths are rounded up to multiples of this.
    """
    ordered = sorted(windows, key=lambda window: -len(window.tokens))
    start = 0
    while start < len(ordered):
        # Sorted downwards, the first of a batch decides its padded width
        batch = ordered[start : start + max(1, budget // padded(ordered[start : start + 1], multiple))]
        yield batch
        start += len(batch)


def padded(batch: Batch, multiple: int) -> int:
    """Width of a batch in tokens."""
    return -(-max(len(window.tokens) for window in batch) // multiple) * multiple
