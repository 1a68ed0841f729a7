"""Remote files by URL. The only module that imports fsspec."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast
from urllib.parse import urlsplit

from embeddings.errors import CorpusError, MissingExtra

_INSTALL = "pip install 'related-papers[remote]'"
_HTTP = ("http", "https")


def public_name(url: str) -> str:
    """Remove from a URL what may be secret: user, password, query (signed URLs) and fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def find(url: str) -> list[tuple[str, bool]]:
    """Resolve a URL: to itself, to the files that match a pattern, or to the files below a folder.

    An `http(s)` URL is always resolved to itself, because HTTP has no folders.

    Returns:
        URLs in order, each with whether it was found in a folder.

    Raises:
        CorpusError: There is no file, or the storage cannot be reached.
        MissingExtra: The package for this kind of URL is missing.
    """
    if urlsplit(url).scheme.lower() in _HTTP:
        return [(url, False)]
    core = _fsspec()
    name = public_name(url)
    try:
        system, path = core.url_to_fs(url)
        if any(sign in path for sign in "*?["):
            matches = (each for each in sorted(system.glob(path)) if not each.rpartition("/")[2].startswith("."))
            found = [(each, False) for each in matches if system.isfile(each)]
        elif system.isdir(path):
            root = path.rstrip("/")
            found = [(each, True) for each in sorted(system.find(path)) if "/." not in each[len(root) :]]
        else:
            return [(url, False)]
        urls = [(system.unstrip_protocol(each), in_folder) for each, in_folder in found]
    except ImportError as error:
        raise _missing(name, error) from error
    except Exception as error:  # every storage has its own exceptions
        raise _failed(name, error) from None
    if not urls:
        raise CorpusError(f"nothing to read at {name}: check the address")
    return urls


@contextmanager
def opened(url: str, name: str) -> Iterator[BinaryIO]:
    """Open one file for reading.

    Raises:
        CorpusError: It does not exist or cannot be read; the message contains `name`, never the URL.
        MissingExtra: The package for this kind of URL is missing.
    """
    core = _fsspec()
    try:
        system, path = core.url_to_fs(url)
        handle = system.open(path, "rb")
    except ImportError as error:
        raise _missing(name, error) from error
    except Exception as error:
        raise _failed(name, error) from None
    with handle:
        yield cast(BinaryIO, _Guarded(handle, name))


class _Guarded(io.RawIOBase):
    """A remote file that raises `CorpusError` in place of the exceptions of the storage."""

    def __init__(self, handle: BinaryIO, name: str) -> None:
        self._handle = handle
        self._name = name

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._handle.seekable())

    def tell(self) -> int:
        return self._handle.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._handle.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        try:
            return self._handle.read(size)
        except Exception as error:
            raise _failed(self._name, error) from None


def _fsspec() -> Any:  # noqa: ANN401  # fsspec has no types
    try:
        import fsspec.core
    except ImportError as error:
        raise MissingExtra(f"reading URLs needs a package that is not installed: {_INSTALL}") from error
    return fsspec.core


def _missing(name: str, error: ImportError) -> MissingExtra:
    return MissingExtra(f"reading {name} needs a package that is not installed: {_INSTALL} ({error})")


def _failed(name: str, error: Exception) -> CorpusError:
    # Messages of such errors often contain the URL with its credentials, so only the type is reported
    if isinstance(error, FileNotFoundError):
        return CorpusError(f"{name} does not exist: check the address and your access to it")
    return CorpusError(f"{name} cannot be read: {type(error).__name__}; check the address and your access to it")
