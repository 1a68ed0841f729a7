"""The values of the project: a record as read from a source, a paper as stored. Pure."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias, Union

JSON: TypeAlias = Union[bool, int, float, str, Sequence["JSON"], Mapping[str, "JSON"], None]  # noqa: UP007  # recursive
"""A value that JSON can express; floats are finite, integers fit into 64 bits."""

_WHITE_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """A position in the sources.

    Attributes:
        file: File name relative to what the user gave, with forward slashes (`seeds/000.txt`).
        line: First line of the record, from 1; in a row-based file without lines, the row, from 1.
    """

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One entry of a source as a reader found it, before cleaning and language detection.

    Attributes:
        source: Its position.
        abstract: The text as received, without surrounding white space; None only if `join_key` is set.
        title: As received, or None. A title is never invented.
        language: ISO 639-1 code if the source states one; otherwise it is detected later.
        year: Year of publication.
        date: Date of publication, `YYYY-MM-DD`, `YYYY-MM` or `YYYY`, as precise as the source states it. None if the
            source states no date, or only a year.
        categories: Subject classes in the words of the source (`cs.CL`).
        authors: Names in order.
        venue: Journal, conference or repository.
        url: Address of a page about the paper.
        external_ids: Ids in other systems by their usual key (`ArXiv`, `DOI`, `CorpusId`, `OpenAlex`, `PubMed`).
        extra: The fields of the source record that no other attribute holds, under the names of the source.
        join_key: Set if a source spreads one paper over two files (Semantic Scholar): records with equal keys are
            halves of one paper. A half with an abstract is a paper even if its other half is missing.
    """

    source: Source
    abstract: str | None
    title: str | None = None
    language: str | None = None
    year: int | None = None
    date: str | None = None
    categories: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    venue: str | None = None
    url: str | None = None
    external_ids: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, JSON] = field(default_factory=dict)
    join_key: str | None = None


class RejectReason(StrEnum):
    """Why a record was left out."""

    NOT_UTF8 = "not UTF-8"
    BROKEN = "broken record"
    NO_ABSTRACT = "no abstract"
    TOO_LONG = "too long"


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that was left out, and why."""

    source: Source
    reason: RejectReason
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperSummary:
    """The fields of a paper that hits show, and its abstract.

    Attributes:
        id: `paper_id(abstract)`, 40 hexadecimal digits.
        abstract: As received, for display.
        title: None if no source gave one.
        label: The title, else the name of the system that the abstract describes, or its key clause.
        authors: Names in order.
        venue: Journal, conference or repository.
        year: Year of publication.
        date: Date of publication, `YYYY-MM-DD`, `YYYY-MM` or `YYYY`; None if only the year is known.
        url: Address of a page about the paper.
        categories: Subject classes, sorted.
        language: ISO 639-1 code.
        external_ids: Ids in other systems, by system.
        duplicates: Ids of its near-duplicates, without itself, sorted.
    """

    id: str
    abstract: str
    title: str | None
    label: str
    authors: tuple[str, ...] = ()
    venue: str | None = None
    year: int | None = None
    date: str | None = None
    url: str | None = None
    categories: tuple[str, ...] = ()
    language: str
    external_ids: Mapping[str, str] = field(default_factory=dict)
    duplicates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper(PaperSummary):
    """One distinct abstract with all known fields.

    Attributes:
        extra: Fields of the source records that no other attribute holds, at most `readers.extra.MAX_BYTES` of JSON.
        sources: Every position where it was found, at least one.
        tokens_seen: Tokens of title and abstract that the encoder read; 0 before embedding.
        tokens_total: Tokens of title and abstract; more than `tokens_seen` only with `--max-tokens`.
    """

    extra: Mapping[str, JSON] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    tokens_seen: int = 0
    tokens_total: int = 0


def normalised(text: str) -> str:
    """Apply compatibility normalisation (NFKC) and collapse white space."""
    return _WHITE_SPACE.sub(" ", unicodedata.normalize("NFKC", text)).strip()


def paper_id(abstract: str) -> str:
    """Compute the id of an abstract: SHA-1 of the normalised text, 40 lower-case hexadecimal digits.

    The same abstract has the same id in every file, order and build.
    """
    return hashlib.sha1(normalised(abstract).encode(), usedforsecurity=False).hexdigest()
