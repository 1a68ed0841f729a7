"""BM25 over memory-mapped postings whose scores are computed when they are built, as bm25s does (Lù 2024).

The postings are kept twice: by term, to find papers, and by paper, to compare two. Own code because bm25s builds in
memory: 1.4 GB for 200,000 abstracts of 150 terms. Here a million take 0.7 GB.
"""

import tempfile
import threading
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from embeddings.errors import SnapshotError
from embeddings.files import create_array, map_array
from embeddings.indexes.base import Masks, TermVector, admit_all
from embeddings.queries import NO_FILTERS, Filters

# Within 0.002 nDCG@10 of the best on Cranfield and Cystic Fibrosis alike, of k1 0.9-2.5 and b 0.4-0.9
K1 = 1.5
B = 0.75

TERMS = "lexical_terms.npy"
TERM_OFFSETS = "lexical_term_offsets.npy"
POSTING_OFFSETS = "lexical_posting_offsets.npy"
ROWS = "lexical_rows.npy"
SCORES = "lexical_scores.npy"
LENGTHS = "lexical_lengths.npy"
PAPER_OFFSETS = "lexical_paper_offsets.npy"
PAPER_TERMS = "lexical_paper_terms.npy"
PAPER_WEIGHTS = "lexical_paper_weights.npy"
FILES = (TERMS, TERM_OFFSETS, POSTING_OFFSETS, ROWS, SCORES, LENGTHS, PAPER_OFFSETS, PAPER_TERMS, PAPER_WEIGHTS)

_POSTING = np.dtype([("row", np.int32), ("term", np.int32), ("count", np.int32)])
_BLOCK_PAPERS = 8_192
_BLOCK_POSTINGS = 4_194_304  # 50 MB; each block sweeps once over the files it fills

_TERMS_KEPT = 32_768  # where the postings of each are: 7 MB
_STRIPES = 32
_LOOKUP = 16  # looking a paper up among postings takes as long as adding so many of them


class Bm25Index:
    """The postings of a corpus, in files that all processes share. Safe from many threads."""

    def __init__(
        self,
        terms: NDArray[np.uint8],
        term_offsets: NDArray[np.int64],
        posting_offsets: NDArray[np.int64],
        rows: NDArray[np.int32],
        scores: NDArray[np.float32],
        lengths: NDArray[np.int32],
        paper_offsets: NDArray[np.int64],
        paper_terms: NDArray[np.int32],
        paper_weights: NDArray[np.float32],
    ) -> None:
        """Wrap the arrays; `load` is the usual way in.

        Args:
            terms: All terms as UTF-8, sorted, end to end.
            term_offsets: Shape (terms + 1,): where each begins.
            posting_offsets: Shape (terms + 1,): where the postings of each begin.
            rows: Shape (postings,): the papers that have the term, ascending.
            scores: Shape (postings,): what the term adds to the paper's score.
            lengths: Shape (n,): terms of each paper.
            paper_offsets: Shape (n + 1,): where the distinct terms of each paper begin.
            paper_terms: Shape (postings,): positions in `terms`, in no order within a paper.
            paper_weights: Shape (postings,): what the terms add to the paper's score; the vector of each paper at
                length 1.
        """
        self._terms = terms
        self._term_offsets = term_offsets
        self._posting_offsets = posting_offsets
        self._rows = rows.view(np.ndarray)  # slices of a mapped array cost more than reading a short list
        self._scores = scores.view(np.ndarray)
        self._lengths = lengths
        self._paper_offsets = paper_offsets
        self._paper_terms = paper_terms
        self._paper_weights = paper_weights
        self._postings = lru_cache(maxsize=_TERMS_KEPT)(self._find)
        self._own = threading.local()
        self._masks: Masks = admit_all

    @classmethod
    def load(cls, folder: Path, masks: Masks = admit_all) -> "Bm25Index":
        """Map the files that `build` wrote; nothing is read yet.

        Args:
            folder: Holds the files.
            masks: Computes which rows filters admit.

        Raises:
            SnapshotError: A file is missing or broken, or they do not belong together.
        """
        index = cls(*(map_array(folder / name) for name in FILES))
        index._masks = masks
        index._check(folder)
        return index

    def __len__(self) -> int:
        return len(self._lengths)

    def scores(self, query_terms: Sequence[str]) -> NDArray[np.float32]:
        """BM25 of every paper: the sum over the query's terms of idf(term) · tf / (tf + k1 · (1 - b + b · len / avg)).

        idf(term) = ln(1 + (n - df + 0.5) / (df + 0.5)), which is never negative: the variant of Lucene, "accurate" in
        Kamphuis et al. (ECIR 2020), after Robertson et al. (TREC-3, 1994). A term that is repeated counts as often.

        Returns:
            Shape (n,), at least 0; 0 where no term occurs. The order of the terms does not matter.
        """
        totals = np.zeros(len(self), dtype=np.float32)
        self._add(query_terms, totals)
        return totals

    def scores_of(self, query_terms: Sequence[str], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """`scores` of some papers, to the last bit, without those of the others.

        Args:
            query_terms: As for `scores`.
            rows: Shape (m,); in ascending order they are found sooner.

        Returns:
            Shape (m,).
        """
        narrow = rows.astype(np.int32)  # else the postings would be widened to compare
        totals = np.zeros(len(rows), dtype=np.float32)
        for postings, count in self._lists(query_terms):
            theirs = self._rows[postings]
            found = theirs.searchsorted(narrow)
            shared = theirs.take(found, mode="clip") == narrow
            totals += np.float32(count) * self._scores[postings].take(found, mode="clip") * shared
        return totals

    def best(
        self, terms: Sequence[str], top_k: int, *, filters: Filters = NO_FILTERS, exclude: Collection[int] = ()
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Find the papers with the highest scores.

        All papers are scored: adding a posting takes two nanoseconds, and finding out which need not be added took
        longer (docs/decisions/0010). They are neither sorted nor visited one by one.

        Args:
            terms: As for `scores`.
            top_k: Most papers, at least 1.
            filters: Which papers may be answers.
            exclude: Rows that may not be answers.

        Returns:
            Rows and scores, both of shape (m,), m at most `top_k`: the highest first, ties by row; none of score 0.
            The scores are those of `scores`, to the last bit.
        """
        admitted = self._masks(filters, exclude)
        lists = self._lists(terms)
        total = sum(postings.stop - postings.start for postings, _ in lists)
        if admitted is not None and np.count_nonzero(admitted) * _LOOKUP * len(lists) <= total:
            rows = np.flatnonzero(admitted)
            return _highest(rows, self.scores_of(terms, rows), top_k)
        totals = self._blank()
        try:
            self._add(terms, totals)
            seen = totals if admitted is None else totals * np.pad(admitted, (0, len(totals) - len(admitted)))
            rows = _leading(seen, top_k)
            return _highest(rows, seen[rows], top_k)
        finally:
            totals.fill(0)

    def max_score(self, terms: Sequence[str]) -> float:
        """An upper bound of BM25: the sum of idf over the query's terms, those that no paper has among them."""
        counts = Counter(terms)
        frequencies = [postings.stop - postings.start for postings in map(self._postings, counts)]
        return float(np.dot(list(counts.values()), _idf(np.array(frequencies, dtype=np.int64), len(self))))

    def term_vector(self, row: int) -> TermVector:
        """The terms of a paper, each weighted by what it adds to the paper's BM25, normalised to length 1."""
        own = slice(int(self._paper_offsets[row]), int(self._paper_offsets[row + 1]))
        order = np.argsort(self._paper_terms[own])
        return TermVector(self._paper_terms[own][order], self._paper_weights[own][order])

    def text_vector(self, terms: Sequence[str]) -> TermVector:
        """The terms of a text, weighted and normalised as those of a paper are; unknown terms are left out."""
        counts = Counter(terms)
        known = sorted((self._position(term), term) for term in counts if self._postings(term) != slice(0, 0))
        if not known:
            return TermVector(np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32))
        frequencies = np.array([(found := self._postings(term)).stop - found.start for _, term in known])
        tf = np.array([counts[term] for _, term in known], dtype=np.float64)
        damper = K1 * (1 - B + B * len(terms) / self._average_length)
        weights = _idf(frequencies, len(self)) * tf / (tf + damper)
        weights /= np.linalg.norm(weights)
        return TermVector(np.array([place for place, _ in known], dtype=np.int32), weights.astype(np.float32))

    def cosines(self, vector: TermVector, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Cosine of a term vector with those of papers.

        Args:
            vector: See `term_vector`.
            rows: Shape (m,).

        Returns:
            Shape (m,), in [0, 1]; 0 without a common term.
        """
        terms, weights = vector
        if not len(terms):
            return np.zeros(len(rows), dtype=np.float32)
        begins = self._paper_offsets[rows]
        counts = self._paper_offsets[rows + 1] - begins
        # All terms of all papers end to end, each paper's from where it begins
        places = np.arange(counts.sum()) + np.repeat(begins - (np.cumsum(counts) - counts), counts)
        theirs = self._paper_terms[places]
        found = np.minimum(np.searchsorted(terms, theirs), len(terms) - 1)
        products = np.where(terms[found] == theirs, weights[found] * self._paper_weights[places], 0)
        totals = np.bincount(np.repeat(np.arange(len(rows)), counts), products, minlength=len(rows))
        return np.minimum(totals, 1).astype(np.float32)

    @cached_property
    def _average_length(self) -> float:
        """Mean number of terms of a paper; reads all lengths, so it waits until a text vector is asked for."""
        return float(self._lengths.sum(dtype=np.int64)) / max(len(self), 1) or 1.0

    def _position(self, term: str) -> int:
        return bisect_left(range(len(self._term_offsets) - 1), _bytes(term), key=self._term)

    def _add(self, query_terms: Sequence[str], totals: NDArray[np.float32]) -> None:
        for postings, count in self._lists(query_terms):
            added = self._scores[postings] if count == 1 else np.float32(count) * self._scores[postings]
            np.add.at(totals, self._rows[postings], added)  # += is slower: it reads all, adds all, writes all

    def _lists(self, query_terms: Sequence[str]) -> list[tuple[slice, int]]:
        """The postings of a query's terms, and how often it says each; always in the same order."""
        counts = sorted(Counter(query_terms).items())
        found = ((self._postings(term), count) for term, count in counts)
        return [(postings, count) for postings, count in found if postings.start < postings.stop]

    def _find(self, term: str) -> slice:
        found = self._position(term)
        if found == len(self._term_offsets) - 1 or self._term(found) != _bytes(term):
            return slice(0, 0)
        return slice(int(self._posting_offsets[found]), int(self._posting_offsets[found + 1]))

    def _term(self, position: int) -> bytes:
        return bytes(self._terms[self._term_offsets[position] : self._term_offsets[position + 1]])

    def _blank(self) -> NDArray[np.float32]:
        """Zeros for every paper and some more, this thread's own; whoever takes them leaves them zero."""
        if not hasattr(self._own, "totals"):
            self._own.totals = np.zeros(-(-len(self) // _STRIPES) * _STRIPES, dtype=np.float32)
        totals: NDArray[np.float32] = self._own.totals
        return totals

    def _check(self, folder: Path) -> None:
        arrays: tuple[NDArray[Any], ...] = (
            self._terms,
            self._term_offsets,
            self._posting_offsets,
            self._rows,
            self._scores,
            self._lengths,
            self._paper_offsets,
            self._paper_terms,
            self._paper_weights,
        )
        types = (np.uint8, np.int64, np.int64, np.int32, np.float32, np.int32, np.int64, np.int32, np.float32)
        for name, array, kind in zip(FILES, arrays, types, strict=True):
            if array.ndim != 1 or array.dtype != kind:
                raise SnapshotError(
                    f"{folder / name} holds {array.dtype} of shape {array.shape}, not a line of {np.dtype(kind)}; "
                    "build the snapshot anew"
                )
        postings, terms, papers = self._posting_offsets, self._term_offsets, self._paper_offsets
        if (
            not 0 < len(terms) == len(postings)
            or terms[-1] != len(self._terms)
            or not postings[-1] == len(self._rows) == len(self._scores)
            or len(papers) != len(self) + 1
            or not papers[-1] == len(self._paper_terms) == len(self._paper_weights) == len(self._rows)
        ):
            raise SnapshotError(f"the files lexical_* in {folder} do not belong together; build the snapshot anew")


def _leading(totals: NDArray[np.float32], most: int) -> NDArray[np.int64]:
    """Rows above 0 among which the highest `most` are, all that tie for the last place among them; ascending."""
    striped = totals.reshape(_STRIPES, -1)
    highest = striped.max(axis=0)
    if most >= len(highest):
        return np.flatnonzero(totals > 0)
    # Each of these is in another row, so the last of the highest is no lower than so many of them
    least = np.partition(highest, len(highest) - most)[len(highest) - most]
    columns = np.flatnonzero((highest >= least) & (highest > 0))
    stripes, found = np.nonzero((striped[:, columns] >= least) & (striped[:, columns] > 0))
    return stripes * len(highest) + columns[found]


def _highest(
    rows: NDArray[np.int64], values: NDArray[np.float32], most: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Rows of the highest values above 0, best first, equal ones by row, without ordering the many others."""
    least = np.partition(values, len(values) - most)[len(values) - most] if len(values) > most else 0
    kept = (values >= least) & (values > 0)  # all that tie for the last place, of which the order takes the first
    rows, values = rows[kept], values[kept]
    order = np.lexsort((rows, -values))[:most]
    return rows[order], values[order]


def build(term_lists: Iterable[Sequence[str]], count: int, folder: Path, *, k1: float = K1, b: float = B) -> None:
    """Index papers by their terms and write `FILES` into a folder; equal papers give equal bytes.

    Memory: the distinct terms and one block. Disk, until it ends: 12 bytes a posting beside the files themselves.

    Args:
        term_lists: The terms of each paper, in row order; a paper may have none.
        count: How many papers there are.
        folder: Exists.
        k1: How soon repeating a term stops adding.
        b: How much a long paper is held against it, in [0, 1].

    Raises:
        ValueError: There are more or fewer papers than `count`.
    """
    with tempfile.TemporaryFile(dir=folder) as spool:
        counted = _count(term_lists, spool)
        if len(counted.lengths) != count:
            raise ValueError(f"{len(counted.lengths)} papers were to be indexed, {count} were announced")
        names = sorted(counted.vocabulary)
        order = np.fromiter((counted.vocabulary[name] for name in names), dtype=np.int64, count=len(names))
        frequencies = counted.frequencies[order]
        offsets = _offsets(frequencies)
        encoded = [_bytes(name) for name in names]
        np.save(folder / TERMS, np.frombuffer(b"".join(encoded), dtype=np.uint8))
        np.save(folder / TERM_OFFSETS, _offsets(np.fromiter(map(len, encoded), dtype=np.int64, count=len(names))))
        np.save(folder / POSTING_OFFSETS, offsets)
        np.save(folder / LENGTHS, counted.lengths)
        ranks = np.empty(len(names), dtype=np.int32)
        ranks[order] = np.arange(len(names), dtype=np.int32)
        idf = _idf(frequencies, count)
        average = float(counted.lengths.sum()) / max(count, 1) or 1.0
        dampers = k1 * (1 - b + b * counted.lengths / average)
        rows = create_array(folder / ROWS, np.int32, (int(offsets[-1]),))
        scores = create_array(folder / SCORES, np.float32, (int(offsets[-1]),))
        paper_offsets = _offsets(counted.distinct)
        np.save(folder / PAPER_OFFSETS, paper_offsets)
        paper_terms = create_array(folder / PAPER_TERMS, np.int32, rows.shape)
        paper_weights = create_array(folder / PAPER_WEIGHTS, np.float32, rows.shape)
        free = offsets[:-1].copy()
        start = 0
        for block in _read(spool):
            block["term"] = ranks[block["term"]]
            stop = start + len(block)
            paper_terms[start:stop] = block["term"]
            added = idf[block["term"]] * block["count"] / (block["count"] + dampers[block["row"]])
            paper_weights[start:stop] = added
            start = stop
            by_term = np.argsort(block["term"], kind="stable")  # rows stay ascending within a term
            found, first, many = np.unique(block["term"][by_term], return_index=True, return_counts=True)
            places = np.arange(len(block)) + np.repeat(free[found] - first, many)
            free[found] += many
            rows[places] = block["row"][by_term]
            scores[places] = added[by_term]
        _normalise(paper_weights, paper_offsets)


@dataclass(frozen=True, slots=True)
class _Counted:
    """First pass: terms numbered as they came, how many papers have each, and terms of each paper, all and distinct."""

    vocabulary: dict[str, int]
    frequencies: NDArray[np.int64]
    lengths: NDArray[np.int32]
    distinct: NDArray[np.int64]


def _count(term_lists: Iterable[Sequence[str]], spool: IO[bytes]) -> _Counted:
    """Number the terms, and write (row, term, count) of every paper's distinct terms to the spool."""
    vocabulary: defaultdict[str, int] = defaultdict()
    vocabulary.default_factory = vocabulary.__len__  # an unknown term gets the next number
    frequencies = np.zeros(0, dtype=np.int64)
    lengths: list[NDArray[np.int32]] = [np.zeros(0, dtype=np.int32)]
    distinct: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    papers = iter(term_lists)
    start = 0
    while block := list(islice(papers, _BLOCK_PAPERS)):
        lengths.append(np.fromiter(map(len, block), dtype=np.int32, count=len(block)))
        numbers = np.fromiter(map(vocabulary.__getitem__, chain.from_iterable(block)), dtype=np.int64)
        rows = np.repeat(np.arange(len(block)), lengths[-1])
        width = max(len(vocabulary), 1)
        pairs, counts = np.unique(rows * width + numbers, return_counts=True)
        postings = np.empty(len(pairs), dtype=_POSTING)
        postings["row"], postings["term"], postings["count"] = start + pairs // width, pairs % width, counts
        spool.write(postings.tobytes())
        distinct.append(np.bincount(pairs // width, minlength=len(block)))
        grown = np.bincount(postings["term"], minlength=width)
        grown[: len(frequencies)] += frequencies
        frequencies = grown
        start += len(block)
    return _Counted(vocabulary, frequencies, np.concatenate(lengths), np.concatenate(distinct))


def _normalise(weights: NDArray[np.float32], offsets: NDArray[np.int64]) -> None:
    """Give each paper's weights length 1, some papers at a time."""
    for first in range(0, len(offsets) - 1, _BLOCK_PAPERS):
        begins = offsets[first : first + _BLOCK_PAPERS + 1]
        counts = np.diff(begins)
        block = weights[begins[0] : begins[-1]]
        papers = np.repeat(np.arange(len(counts)), counts)
        lengths = np.sqrt(np.bincount(papers, block.astype(np.float64) ** 2, minlength=len(counts)))
        weights[begins[0] : begins[-1]] = block / lengths[papers]


def _read(spool: IO[bytes]) -> Iterator[NDArray[Any]]:
    spool.seek(0)
    while data := spool.read(_BLOCK_POSTINGS * _POSTING.itemsize):
        yield np.frombuffer(bytearray(data), dtype=_POSTING)


def _idf(frequencies: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    idf: NDArray[np.float64] = np.log1p((count - frequencies + 0.5) / (frequencies + 0.5))
    return idf


def _offsets(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))


def _bytes(term: str) -> bytes:
    return term.encode("utf-8", "surrogatepass")  # sorts as the text does
