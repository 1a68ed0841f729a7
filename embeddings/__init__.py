"""Build snapshots of papers and search them, without a service.

    import embeddings

    embeddings.build_snapshot(["papers.jsonl"], embeddings.BuildOptions())
    searcher = embeddings.open_searcher("snapshots")
    for hit in searcher.search("federated learning", embeddings.SearchOptions(top_k=3)).hits:
        print(f"{hit.score:.2f}  {hit.paper.label}")

A name is imported when it is first used (PEP 562), so that `import embeddings` loads neither numpy nor torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embeddings.build.options import BuildOptions
    from embeddings.library import build_snapshot, encode, open_searcher
    from embeddings.papers import Paper
    from embeddings.queries import Filters, Hit, Mode, Results, SearchOptions
    from embeddings.search.searcher import Searcher
    from embeddings.snapshots.snapshot import Snapshot

__all__ = [
    "BuildOptions",
    "Filters",
    "Hit",
    "Mode",
    "Paper",
    "Results",
    "SearchOptions",
    "Searcher",
    "Snapshot",
    "build_snapshot",
    "encode",
    "open_searcher",
]

_MODULES = {
    "BuildOptions": "embeddings.build.options",
    "Filters": "embeddings.queries",
    "Hit": "embeddings.queries",
    "Mode": "embeddings.queries",
    "Paper": "embeddings.papers",
    "Results": "embeddings.queries",
    "SearchOptions": "embeddings.queries",
    "Searcher": "embeddings.search.searcher",
    "Snapshot": "embeddings.snapshots.snapshot",
    "build_snapshot": "embeddings.library",
    "encode": "embeddings.library",
    "open_searcher": "embeddings.library",
}


if not TYPE_CHECKING:  # type checkers read the imports above, and report names that do not exist

    def __getattr__(name: str) -> Any:  # noqa: ANN401 - functions and classes
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_MODULES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
