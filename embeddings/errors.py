"""Every exception of the project, in one tree.

RelatedPapersError
├── CorpusError              the sources cannot be read as papers
│   ├── UnknownFormat        a file in none of the formats we read
│   ├── RejectedRecord       `--strict`, and a record could not be used
│   └── MissingExtra         a package of an extra is not installed
├── EncoderError             the model cannot be loaded or used
├── DistillationError        a model cannot be taught another language with what was given
├── BuildError               a build cannot start or go on
│   └── BuildInProgress      another build holds the snapshots folder
├── SnapshotError            a snapshot is missing, incomplete, or its parts disagree
│   ├── NothingPublished     the snapshots folder has no published snapshot
│   ├── EncoderMismatch      the query encoder is not the one that built the snapshot
│   └── ReleaseRefused       a snapshot answers too unlike the one that is served
└── QueryError               the caller asked for something we cannot answer
    ├── PaperNotFound        no paper has this id
    ├── AmbiguousPaperId     the beginning of an id fits several papers
    ├── EmptyQuery           nothing to search for
    ├── InvalidOption        an option is out of its range
    └── QrelsError           judged questions cannot be read, or a snapshot has none of their papers

Messages say what was found, what was expected, and what to do next.
"""


class RelatedPapersError(Exception):
    """Base of all our exceptions: catch this to catch them all."""


class CorpusError(RelatedPapersError):
    """The sources cannot be read as papers."""


class UnknownFormat(CorpusError):
    """A file is in none of the formats we read."""


class RejectedRecord(CorpusError):
    """A record could not be used, and the build is strict."""


class MissingExtra(CorpusError):
    """A package of an extra is not installed; the message holds the pip command."""


class EncoderError(RelatedPapersError):
    """The model cannot be loaded or used."""


class DistillationError(RelatedPapersError):
    """A model cannot be taught another language with what was given."""


class BuildError(RelatedPapersError):
    """A build cannot start or go on."""


class BuildInProgress(BuildError):
    """Another build holds the snapshots folder."""


class SnapshotError(RelatedPapersError):
    """A snapshot is missing, incomplete, or its parts disagree."""


class NothingPublished(SnapshotError):
    """The snapshots folder has no published snapshot."""


class EncoderMismatch(SnapshotError):
    """The query encoder is not the one that built the snapshot."""


class ReleaseRefused(SnapshotError):
    """A snapshot answers too unlike the one that is served, which is served on."""


class QueryError(RelatedPapersError):
    """The caller asked for something we cannot answer."""


class PaperNotFound(QueryError):
    """No paper has this id."""


class AmbiguousPaperId(QueryError):
    """The beginning of an id fits several papers."""


class EmptyQuery(QueryError):
    """There is nothing to search for."""


class InvalidOption(QueryError):
    """An option is out of its range, or options contradict each other."""


class QrelsError(QueryError):
    """Judged questions cannot be read, or a snapshot has none of their papers."""
