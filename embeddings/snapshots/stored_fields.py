"""What hits show of papers, written as JSON by the build, so that an answer is put together and not made anew.

A line a paper, in the order of the rows, and where each line ends: both mapped, so memory does not grow with them.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.errors import SnapshotError
from embeddings.files import create_array, map_array, map_bytes
from embeddings.papers import PaperSummary

LINES = "stored_fields.jsonl"
ENDS = "stored_field_ends.npy"
FILES = (LINES, ENDS)

ID_END = len('{"id":"') + 40 + len('"')
"""Where the id of a summary ends: what differs from answer to answer is put there."""


class StoredFields:
    """The summaries of a snapshot. Safe from many threads."""

    def __init__(self, folder: Path) -> None:
        """Map both files.

        Raises:
            SnapshotError: One cannot be read, or they do not belong together.
        """
        self._lines = map_bytes(folder / LINES)
        self._ends: NDArray[np.int64] = map_array(folder / ENDS)
        last = int(self._ends[-1]) if len(self._ends) else 0
        if last != len(self._lines):
            raise SnapshotError(
                f"{folder / LINES} has {len(self._lines)} bytes, {last} belong to {ENDS}; build the snapshot anew"
            )

    def __len__(self) -> int:
        return len(self._ends)

    def read(self, rows: Sequence[int]) -> list[bytes]:
        """Read summaries in the order of their rows, see `to_json`."""
        lines, ends = self._lines, self._ends
        return [lines[ends.item(row - 1) if row else 0 : ends.item(row) - 1] for row in rows]


def write(summaries: Iterable[PaperSummary], count: int, folder: Path) -> None:
    """Write the files of `StoredFields`.

    Args:
        summaries: In the order of their rows.
        count: How many.
        folder: For both.
    """
    ends = create_array(folder / ENDS, np.int64, (count,))
    end = 0
    with (folder / LINES).open("wb") as lines:
        for row, summary in enumerate(summaries):
            end += lines.write(to_json(summary) + b"\n")
            ends[row] = end


def to_json(summary: PaperSummary) -> bytes:
    """Write a summary as compact JSON in UTF-8, its id first."""
    return json.dumps(fields(summary), ensure_ascii=False, separators=(",", ":")).encode()


def fields(summary: PaperSummary) -> dict[str, Any]:
    """What hits show, with the names that programs are told."""
    shown: dict[str, Any] = {
        "id": summary.id,
        "title": summary.title,
        "label": summary.label,
        "language": summary.language,
        "externalIds": dict(summary.external_ids),
    }
    if summary.year is not None:
        shown["year"] = summary.year
    if summary.duplicates:
        shown["duplicates"] = list(summary.duplicates)
    return shown


def hit_fields(summary: PaperSummary, score: float, probability: float | None) -> dict[str, Any]:
    """The same with what differs from answer to answer, after the id."""
    shown = fields(summary)
    return {"id": shown.pop("id"), "score": score, "probability": probability, **shown}
