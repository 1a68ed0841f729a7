"""What travels through the project: a record as read, a paper as kept. Pure values."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

_WHITE_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """Where an abstract was seen.

    Attributes:
        file: Name of the file relative to what the user gave, with forward slashes (`seeds/000.txt`).
        line: First line of the record, from 1; of a row-based file without lines, the row, from 1.
    """

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One entry of a source, as a reader found it: nothing cleaned, nothing guessed.

    Attributes:
        source: Where it stands.
        abstract: The text as received, without surrounding white space; None only with `join_key`.
        title: As received, or None. A title is never invented.
        language: ISO 639-1 code if the source states one; detected later otherwise.
        year: Year of publication.
        categories: Subject classes in the source's own words (`cs.CL`).
        authors: Names in order.
        venue: Journal, conference or repository.
        url: Where people read the paper.
        external_ids: Ids of other systems by their usual key (`ArXiv`, `DOI`, `CorpusId`, `OpenAlex`, `PubMed`).
        join_key: Set where a source spreads one paper over two files (Semantic Scholar): records with equal
            keys are halves of one paper. A half with an abstract is a paper even if its other half never comes.
    """

    source: Source
    abstract: str | None
    title: str | None = None
    language: str | None = None
    year: int | None = None
    categories: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    venue: str | None = None
    url: str | None = None
    external_ids: Mapping[str, str] = field(default_factory=dict)
    join_key: str | None = None


class RejectReason(StrEnum):
    """Why a record was left out."""

    NOT_UTF8 = "not UTF-8"
    BROKEN = "broken record"
    NO_ABSTRACT = "no abstract"
    TOO_LONG = "absurd length"


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that was left out, and why."""

    source: Source
    reason: RejectReason
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperSummary:
    """What a hit shows of a paper; read in one statement for all hits of an answer.

    Attributes:
        id: `paper_id(abstract)`, 40 hexadecimal digits.
        abstract: As received, for display.
        title: None where no source gave one.
        label: What people call it: the title, else the system's own name or the key clause of the abstract.
        language: ISO 639-1 code.
        year: Of publication.
        external_ids: Ids in other systems, by system.
        duplicates: Ids of its near-duplicates, itself not among them.
    """

    id: str
    abstract: str
    title: str | None
    label: str
    language: str
    year: int | None = None
    external_ids: Mapping[str, str] = field(default_factory=dict)
    duplicates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper(PaperSummary):
    """One distinct abstract and all that is known of it.

    Attributes:
        sources: Every place it was seen, at least one.
        tokens_seen: Tokens of title and abstract that the encoder read; 0 before embedding.
        tokens_total: Tokens that title and abstract have; more than `tokens_seen` only under `--max-tokens`.
    """

    categories: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    venue: str | None = None
    url: str | None = None
    sources: tuple[Source, ...] = ()
    tokens_seen: int = 0
    tokens_total: int = 0


def normalised(text: str) -> str:
    """Fold what typesetting changes: compatibility forms (NFKC) and runs of white space."""
    return _WHITE_SPACE.sub(" ", unicodedata.normalize("NFKC", text)).strip()


def paper_id(abstract: str) -> str:
    """Name an abstract by its content: SHA-1 of the normalised text, 40 lower-case hexadecimal digits.

    The same abstract has the same id in every file, order and build.
    """
    return hashlib.sha1(normalised(abstract).encode(), usedforsecurity=False).hexdigest()
