"""The page of all measurements, section by section. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.report import index, operation, peers, quality
from benchmarks.report.markdown import DIRTY, Result, commits, is_dirty, processor, source, table


@dataclass(frozen=True, slots=True)
class Section:
    """One result file's part of the page.

    Attributes:
        name: Of the result file and of the script that wrote it.
        title: Heading.
        render: Text and tables from the result.
    """

    name: str
    title: str
    render: Callable[[Result], str]


SECTIONS = (
    Section("quality", "Ranking quality", quality.ranking),
    Section("calibration", "Probability", quality.calibration),
    Section("duplicates", "Near-duplicates", quality.duplicates),
    Section("encoder", "Encoding", operation.encoder),
    Section("service_load", "Service under load", operation.service),
    Section("publish_under_load", "Publishing under load", operation.publishing),
    Section("crash", "Builds that are killed", operation.crash),
    Section("scale", "Memory of a build", operation.scale),
    Section("dense_scale", "The index as the corpus grows", index.dense),
    Section("hybrid_scale", "Hybrid search at a million papers", index.hybrid),
    Section("generated", "Generated vectors", index.generated),
    Section("peers", "Comparison with other libraries", peers.peers),
)

_INTRODUCTION = """\
# Benchmarks

<!-- Written by `python -m benchmarks.report` from benchmarks/results/*.json. Do not edit. -->

Every figure on this page comes from a result file in `benchmarks/results/`. A script in `benchmarks/` wrote the file,
together with the processor, the versions of the libraries and the commit; `benchmarks/README.md` says how to run the
scripts. The machines are shared and noisy: compare figures within one table, not between tables of different
processors. Rows in which this project is slower or worse than the alternative are kept."""

_DIRTY = """\
A commit that ends with `-dirty` had uncommitted changes when the script ran: the figures cannot be traced to a commit
exactly and are to be measured again."""


def render(results: Mapping[str, Result]) -> str:
    """Render the page.

    Args:
        results: Content of each result file, by name.

    Raises:
        ValueError: A result has no section, or a section no result: nothing is left out silently.
    """
    if unmatched := results.keys() ^ {section.name for section in SECTIONS}:
        raise ValueError(f"results without a section, or sections without a result: {', '.join(sorted(unmatched))}")
    parts = [_INTRODUCTION, "## Where the figures come from", _overview(results), _DIRTY]
    for section in SECTIONS:
        result = results[section.name]
        parts += [f"## {section.title}", source(section.name, result), section.render(result)]
    return "\n\n".join(parts) + "\n"


def _overview(results: Mapping[str, Result]) -> str:
    rows = []
    for section in SECTIONS:
        result = results[section.name]
        link = f"[{section.title}](#{section.title.lower().replace(' ', '-')})"
        names = ", ".join(f"`{name}`" for name in commits(result))
        state = f"**uncommitted changes** (`{DIRTY}`)" if is_dirty(result) else "clean"
        rows.append([link, processor(result), result["date"], names, state])
    return table(("section", "processor", "date", "commit", "working tree"), rows)
