"""All exceptions of `embeddings`, in one hierarchy.

RelatedPapersError
├── CorpusError              the sources cannot be read as papers
│   ├── UnknownFormat        the format of a file is not supported
│   ├── RejectedRecord       a record cannot be used, with `--strict`
│   └── MissingExtra         a package of an extra is not installed
├── EncoderError             the model cannot be loaded or used
├── DistillationError        a model cannot be extended with these pairs
├── BuildError               a build cannot start or continue
│   └── BuildInProgress      another build holds the build lock
├── SnapshotError            a snapshot is missing, incomplete or inconsistent
│   ├── NothingPublished     no snapshot is published in the folder
│   ├── EncoderMismatch      the query encoder differs from the snapshot's
│   ├── PublishConflict      another snapshot was published in the meantime
│   └── ReleaseRefused       a snapshot failed the release gate
└── QueryError               a query cannot be answered as requested
    ├── PaperNotFound        no paper has this id
    ├── AmbiguousPaperId     the beginning of an id matches several papers
    ├── EmptyQuery           the query has no text
    ├── InvalidOption        an option is out of range
    └── QrelsError           qrels cannot be read or resolved

Messages state what was found, what was expected and what to do next.
"""


class RelatedPapersError(Exception):
    """Base class of all exceptions of this project."""


class CorpusError(RelatedPapersError):
    """The sources cannot be read as papers."""


class UnknownFormat(CorpusError):
    """The format of a file is not supported."""


class RejectedRecord(CorpusError):
    """A record cannot be used, and the build is strict."""


class MissingExtra(CorpusError):
    """A package of an extra is not installed; the message contains the pip command."""


class EncoderError(RelatedPapersError):
    """The model cannot be loaded or used."""


class DistillationError(RelatedPapersError):
    """A model cannot be extended to another language with the given pairs."""


class BuildError(RelatedPapersError):
    """A build cannot start or continue."""


class BuildInProgress(BuildError):
    """Another build holds the build lock of the snapshots folder."""


class SnapshotError(RelatedPapersError):
    """A snapshot is missing, incomplete or inconsistent."""


class NothingPublished(SnapshotError):
    """No snapshot is published in the snapshots folder."""


class EncoderMismatch(SnapshotError):
    """The query encoder differs from the one that built the snapshot."""


class PublishConflict(SnapshotError):
    """The pointer is not in the state that the publisher expected: another snapshot was published in the meantime."""


class ReleaseRefused(SnapshotError):
    """A snapshot failed the release gate; the previous one is still served."""


class QueryError(RelatedPapersError):
    """A query cannot be answered as requested."""


class PaperNotFound(QueryError):
    """No paper has this id."""


class AmbiguousPaperId(QueryError):
    """The beginning of an id matches several papers."""


class EmptyQuery(QueryError):
    """The query has no text to search for."""


class InvalidOption(QueryError):
    """An option is out of range, or options contradict each other."""


class QrelsError(QueryError):
    """Qrels cannot be read, or the snapshot has none of their papers."""
