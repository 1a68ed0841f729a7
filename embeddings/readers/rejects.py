"""Makes rejects, with messages for the user."""

from embeddings.papers import Record, Reject, RejectReason, Source
from embeddings.readers.streams import MAX_LINE

MAX_ABSTRACT = 100_000


def checked(record: Record) -> Record | Reject:
    """Reject a record without an abstract, unless its other half may have one, or with one that is too long."""
    if record.abstract is None:
        if record.join_key is not None:
            return record
        return Reject(record.source, RejectReason.NO_ABSTRACT, (record.title or "no title either")[:100])
    if len(record.abstract) > MAX_ABSTRACT:
        detail = f"the abstract has {len(record.abstract):,} characters, at most {MAX_ABSTRACT:,} are read"
        return Reject(record.source, RejectReason.TOO_LONG, detail)
    return record


def broken(source: Source, detail: str) -> Reject:
    """Reject a record that cannot be parsed."""
    return Reject(source, RejectReason.BROKEN, detail)


def not_utf8(source: Source, error: UnicodeError) -> Reject:
    """Reject a record with bytes that are not UTF-8, or with code points that UTF-8 cannot encode."""
    if isinstance(error, UnicodeDecodeError):
        detail = f"byte 0x{error.object[error.start]:02x} at position {error.start} of the record"
    else:
        detail = "half of a surrogate pair"
    return Reject(source, RejectReason.NOT_UTF8, detail)


def too_long(source: Source) -> Reject:
    """Reject a record that is longer than `MAX_LINE`."""
    return Reject(source, RejectReason.TOO_LONG, f"the record is longer than {MAX_LINE // 1024 // 1024} MiB")
