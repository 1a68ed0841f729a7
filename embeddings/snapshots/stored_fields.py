"""Stored fields: the fields that hits show, serialised as JSON by the build, so that answers are assembled from bytes.

One line per paper in row order, and an array of the positions where the lines end. Both files are memory-mapped.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
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
"""Length of the part of a line that ends with the id; fields that differ by query are inserted here."""


class StoredFields:
    """The stored fields of a snapshot. Safe from many threads."""

    def __init__(self, folder: Path) -> None:
        """Map both files.

        Raises:
            SnapshotError: A file cannot be read, or the two do not belong together.
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
        """Read lines as written by `to_json`, in the order of `rows`."""
        lines, ends = self._lines, self._ends
        return [lines[ends.item(row - 1) if row else 0 : ends.item(row) - 1] for row in rows]


def write(summaries: Iterable[PaperSummary], count: int, folder: Path) -> None:
    """Write the files of `StoredFields`.

    Args:
        summaries: In row order.
        count: Number of summaries.
        folder: Of the snapshot.
    """
    ends = create_array(folder / ENDS, np.int64, (count,))
    end = 0
    with (folder / LINES).open("wb") as lines:
        for row, summary in enumerate(summaries):
            end += lines.write(to_json(summary) + b"\n")
            ends[row] = end


def to_json(summary: PaperSummary) -> bytes:
    """Serialise `fields` as compact JSON in UTF-8, beginning with the id."""
    return json.dumps(fields(summary), ensure_ascii=False, separators=(",", ":")).encode()


def fields(summary: PaperSummary) -> dict[str, Any]:
    """The fields of a paper that a hit shows, by their public names, in the order of the answer.

    A field without a value is left out, except `title`, which is then null, and `externalIds`, which is then empty.
    """
    shown = {
        "id": summary.id,
        "title": summary.title,
        "label": summary.label,
        "authors": list(summary.authors),
        "venue": summary.venue,
        "year": summary.year,
        "date": summary.date,
        "url": summary.url,
        "categories": list(summary.categories),
        "language": summary.language,
        "externalIds": dict(summary.external_ids),
        "duplicates": list(summary.duplicates),
    }
    always = ("title", "externalIds")
    return {name: value for name, value in shown.items() if name in always or not (value is None or value == [])}


def select(shown: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Keep the id and the fields named, in the order of `shown`; names without a value are ignored."""
    return {name: value for name, value in shown.items() if name == "id" or name in names}


def hit_fields(
    summary: PaperSummary, score: float, similarity: float | None, probability: float | None
) -> dict[str, Any]:
    """The fields of a hit: id, then the values that depend on the query, then the other fields of the paper.

    Args:
        summary: Of the paper.
        score: Ranking value, higher is better.
        similarity: Cosine to the query in [-1, 1]; None if it was not computed.
        probability: Calibrated probability in [0, 1]; None if it is not known.
    """
    shown = fields(summary)
    of_query = {"score": score, "similarity": similarity, "probability": probability}
    return {"id": shown.pop("id"), **of_query, **shown}
