"""From which cosine on are two abstracts versions of one paper?

Distinct papers: the nearest other paper of each abstract of a corpus. Versions of one paper: an abstract and the same
abstract as a journal or a later arXiv version would have it. Usage:

    python -m benchmarks.duplicates CORPUS.jsonl     # one JSON object with "abstract" a line; a few thousand suffice
"""

import json
import random
import sys
from collections.abc import Callable
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import require_committed, write_result
from embeddings import readers
from embeddings.encoders import loading
from embeddings.indexes.faiss import assembler
from embeddings.papers import Record
from embeddings.texts.sentences import sentences

_PAPERS = 5_000
_EDITED = 500
_THRESHOLDS = (0.85, 0.88, 0.90, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98)


def without_first_sentence(parts: list[str], chance: random.Random) -> list[str]:
    """The motivation is cut."""
    return parts[1:]


def without_two_sentences(parts: list[str], chance: random.Random) -> list[str]:
    """Shortened to a journal's limit."""
    left = set(chance.sample(range(len(parts)), 2))
    return [part for i, part in enumerate(parts) if i not in left]


def with_words_dropped(parts: list[str], chance: random.Random) -> list[str]:
    """Copy-edited: every tenth word goes."""
    return [" ".join(word for word in part.split() if chance.random() > 0.1) for part in parts]


def with_a_sentence_added(parts: list[str], chance: random.Random) -> list[str]:
    """A closing remark of a later version."""
    return [*parts, "This extended version adds further experiments, proofs and a discussion of limitations."]


EDITS: tuple[Callable[[list[str], random.Random], list[str]], ...] = (
    without_first_sentence,
    without_two_sentences,
    with_words_dropped,
    with_a_sentence_added,
)


def main(source: str) -> None:
    """Measure, and write `results/duplicates.json`."""
    require_committed()
    records = (entry for entry in readers.read([source]) if isinstance(entry, Record) and entry.abstract)
    abstracts = list(dict.fromkeys(str(record.abstract) for record in islice(records, _PAPERS)))
    encoder = loading.load()
    embeddings = encoder.encode_documents(abstracts).embeddings
    flat = assembler.build(embeddings, "Flat")
    nearest = flat.nearest(embeddings, 2)[0][:, 1]  # the nearest is the paper itself, or its twin
    chance = random.Random(0)
    long_enough = [i for i, text in enumerate(abstracts) if len(sentences(text, "en")) >= 5][:_EDITED]
    result = {"papers": len(abstracts), "distinct": _described(nearest, below=False), "versions": {}}
    for edit in EDITS:
        edited = [" ".join(edit(sentences(abstracts[i], "en"), chance)) for i in long_enough]
        cosines = np.einsum("ij,ij->i", encoder.encode_documents(edited).embeddings, embeddings[long_enough])
        result["versions"][edit.__name__] = _described(cosines, below=True)  # type: ignore[index]
    closest = np.argsort(-nearest)[:5]
    result["closest"] = [{"cosine": round(float(nearest[i]), 4), "abstract": abstracts[i][:80]} for i in closest]
    print(json.dumps(result, indent=2, ensure_ascii=False))
    write_result("duplicates", result)


def _described(cosines: NDArray[np.float32], *, below: bool) -> dict[str, object]:
    share = {str(t): round(float(np.mean(cosines < t if below else cosines >= t)), 4) for t in _THRESHOLDS}
    quantiles = {str(q): round(float(np.quantile(cosines, q)), 4) for q in (0.01, 0.05, 0.5, 0.95, 0.99, 0.999)}
    return {"share_below" if below else "share_at_or_above": share, "quantiles": quantiles}


if __name__ == "__main__":
    main(sys.argv[1])
