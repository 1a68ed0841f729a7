"""The plan of a build, and its tasks: chunks of texts to embed, as values that any process can run."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

from embeddings.encoders.encoder import Encoder
from embeddings.encoders.encoder_info import Encoded, EncoderInfo
from embeddings.encoders.reference import EncoderReference


@dataclass(frozen=True, slots=True)
class EmbedTask:
    """Texts to embed together.

    Attributes:
        number: Position among the tasks of a build, from 0.
        texts: Cleaned, at least one.
        encoder: What embeds them.
    """

    number: int
    texts: tuple[str, ...]
    encoder: EncoderReference


@dataclass(frozen=True, slots=True)
class EmbedResult:
    """The result of a task.

    Attributes:
        number: Of the task.
        encoded: Vectors and token counts, in the order of the task's texts.
    """

    number: int
    encoded: Encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildPlan:
    """All decisions that the bytes of a snapshot depend on, taken before anything is embedded.

    Attributes:
        papers: Number of papers.
        chunk: Papers of a chunk. Batches are formed within a chunk, and BLAS rounds a vector differently in another
            batch, so chunk boundaries decide the last bits of the vectors. A chunk is computed by one task and stored
            in one transaction: a build that was killed therefore forms the same batches when it continues.
        encoder: What embeds the texts.
        info: Of the encoder.
        index: FAISS factory string.
    """

    papers: int
    chunk: int
    encoder: EncoderReference
    info: EncoderInfo
    index: str

    def chunks(self) -> Iterator[range]:
        """The rows of each chunk, in order."""
        for start in range(0, self.papers, self.chunk):
            yield range(start, min(start + self.chunk, self.papers))


def run(task: EmbedTask) -> EmbedResult:
    """Embed the texts of a task.

    The result depends on the task alone: not on the process, on tasks that ran before, or on the time. The encoder
    stays loaded until a task names another one, or `unload` is called.

    Raises:
        EncoderError: The encoder cannot be loaded, or cannot embed a text.
    """
    return EmbedResult(task.number, loaded(task.encoder).encode_documents(task.texts, cleaned=True))


@functools.lru_cache(maxsize=1)
def loaded(reference: EncoderReference) -> Encoder:
    """Load an encoder, or return it if it is the one that this process loaded last."""
    return reference.load()


def unload() -> None:
    """Free the encoder of this process; the next task loads it again."""
    loaded.cache_clear()
