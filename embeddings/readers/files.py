"""Resolves what the user named into files: paths, folders, patterns, URLs and standard input."""

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from embeddings.errors import CorpusError
from embeddings.readers import remote
from embeddings.readers.streams import File, is_url

_NOT_CORPUS = ("readme", "license", "licence")
STDIN_NAME = "<stdin>"


def find(sources: Sequence[str]) -> list[File]:
    """Resolve sources into files, in the order given; those of a folder in the order of their paths.

    Of folders, hidden files and folders are left out, and files that describe a corpus: `README*`, `LICENSE*`, `*.md`.

    Raises:
        CorpusError: A source does not exist, or matches no file.
    """
    if not sources:
        raise CorpusError("nothing to read: name a file, a folder, a pattern, a URL, or - for standard input")
    if list(sources).count("-") > 1:
        raise CorpusError("- (standard input) can be read only once: name it once")
    return [file for source in sources for file in _resolved(source)]


def _resolved(source: str) -> list[File]:
    if source == "-":
        return [File(STDIN_NAME, source)]
    if is_url(source):
        found = remote.find(source)
        names = [(url, remote.public_name(url)) for url, in_folder in found if not (in_folder and _describes(url))]
        return [File(name, url) for url, name in names]
    path = Path(source)
    if path.is_dir():
        return _in_folder(path)
    if os.path.lexists(path):
        return [File(_printable(path.name), source)]
    if glob.has_magic(source):
        return _matching(source)
    raise CorpusError(f"{_printable(source)} does not exist: check the path (the current folder is {Path.cwd()})")


def _matching(pattern: str) -> list[File]:
    files: list[File] = []
    for match in sorted(glob.glob(pattern, recursive=True)):
        path = Path(match)
        files += _in_folder(path) if path.is_dir() and "**" not in pattern else []
        files += [File(_printable(path.name), match)] if not path.is_dir() else []
    if not files:
        raise CorpusError(f"no file fits {pattern}: check the pattern (the current folder is {Path.cwd()})")
    return files


def _in_folder(folder: Path) -> list[File]:
    name = os.path.basename(os.path.abspath(folder))  # also for `.`
    files = [File(_printable(f"{name}/{below}".lstrip("/")), str(folder / below)) for below in sorted(_below(folder))]
    if not files:
        raise CorpusError(f"the folder {_printable(str(folder))} holds no file to read: put the corpus there")
    return files


def _below(folder: Path) -> Iterator[str]:
    """Paths below a folder, with forward slashes."""

    def refuse(error: OSError) -> None:
        raise CorpusError(f"the folder {_printable(str(error.filename))} cannot be read: {error.strerror}") from error

    seen: set[str] = set()
    for parent, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        seen.add(os.path.realpath(parent))
        folders[:] = [name for name in folders if not name.startswith(".")]
        folders[:] = [
            name for name in folders if os.path.realpath(Path(parent, name)) not in seen
        ]  # cycles of symbolic links
        for name in names:
            path = Path(parent, name)
            if not name.startswith(".") and not _describes(name) and (path.is_file() or path.is_symlink()):
                yield path.relative_to(folder).as_posix()


def _describes(path: str) -> bool:
    name = PurePosixPath(path).name.lower()
    return name.startswith(_NOT_CORPUS) or name.endswith(".md")


def _printable(name: str) -> str:
    """Make a file name that is not UTF-8 storable as text."""
    return name.encode(errors="surrogateescape").decode(errors="replace")
