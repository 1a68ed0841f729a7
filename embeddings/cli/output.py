"""Prints progress, tables and JSON for the commands. The only module that imports rich.

Rich is imported inside the functions that draw, so that `--json` does not load it.
"""

import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

    from embeddings.build.build_lock import Progress as ReportProgress
    from embeddings.build.job import BuildReport
    from embeddings.queries import Hit, Results
    from embeddings.release.comparison import Comparison
    from embeddings.snapshots.manifest import Manifest


_LOG_INTERVAL_S = 30


def line(text: str) -> None:
    """Print one line without wrapping."""
    sys.stdout.write(f"{text}\n")


def write_json(value: object) -> None:
    """Print one JSON value."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def write_bytes(body: bytes) -> None:
    """Print the body of an answer as it is, and a line end."""
    sys.stdout.buffer.write(body + b"\n")
    sys.stdout.buffer.flush()


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, text_columns: int = 1) -> None:
    """Print a table: the first `text_columns` columns left-aligned, the others right-aligned."""
    shown = _grid()
    for i, column in enumerate(columns):
        if i < text_columns:
            shown.add_column(column, overflow="fold", min_width=min(len(column), 20))
        else:
            shown.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        shown.add_row(*row)
    _show(shown)


def _grid() -> "Table":
    from rich.table import Table

    return Table(box=None, pad_edge=False)


def _show(table: "Table") -> None:
    from rich.console import Console

    Console().print(table)


@contextmanager
def build_progress(*, quiet: bool) -> "Iterator[ReportProgress]":
    """Show the progress of each stage on standard error: items done, rate and remaining time.

    A terminal shows progress bars; otherwise one line is printed for each stage and one every 30 seconds.

    Args:
        quiet: Show nothing.

    Yields:
        A function to call with the stage, the number of items done and their total, None if it is unknown.
    """
    if quiet:
        yield lambda stage, done, total: None
        return
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_terminal:
        with _bars(console) as report:
            yield report
    else:
        yield _ProgressLog().report


@contextmanager
def _bars(console: "Console") -> "Iterator[ReportProgress]":
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """Items per second, over the last 30 seconds."""

        def render(self, task: Task) -> Text:
            return Text("" if task.speed is None else f"{task.speed:,.0f}/s")

    with Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeElapsedColumn(),
        TextColumn("remaining"),
        TimeRemainingColumn(),
        console=console,
    ) as bars:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                _complete_open_bars(bars)
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield report
        _complete_open_bars(bars)


def _complete_open_bars(bars: "Progress") -> None:
    """Mark stages of unknown length as complete, when the next stage begins."""
    for task in bars.tasks:
        if task.total is None:
            done = max(1, task.completed)
            bars.update(task.id, total=done, completed=done)


class _ProgressLog:
    """Progress as lines of text."""

    def __init__(self) -> None:
        self._stage = ""
        self._started = self._logged = 0.0

    def report(self, stage: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._started, self._logged = stage, now, now
            sys.stderr.write(f"{stage}\n")
        elif now - self._logged >= _LOG_INTERVAL_S:
            self._logged = now
            rate = done / (now - self._started)
            left = f" of {total:,}, {(total - done) / rate / 60:.0f} min remaining" if total and rate else ""
            sys.stderr.write(f"{stage}: {done:,}{left}, {rate:,.0f}/s\n")


def build_summary(report: "BuildReport") -> None:
    """Print a summary of a build."""
    manifest, counts = report.manifest, report.manifest.counts
    languages = ", ".join(f"{count} {language}" for language, count in counts["by_language"].items())
    line(f"{counts['papers']} papers ({languages}) from {counts['entries']} entries")
    cached = counts["papers"] - report.embedded
    line(f"{report.embedded} embedded by {manifest.encoder.name}, {cached} from the vector cache")
    if counts["not_read_whole"]:
        line(f"{counts['not_read_whole']} truncated by --max-tokens {manifest.encoder.max_tokens}")
    if counts["rejected"]:
        reasons = ", ".join(f"{count} {reason}" for reason, count in counts["rejected"].items())
        line(f"rejected: {sum(counts['rejected'].values())} ({reasons}), see {report.folder / 'rejects.jsonl'}")
    if manifest.duplicates["groups"]:
        line(f"{manifest.duplicates['papers']} papers are near-duplicates, in {manifest.duplicates['groups']} groups")
    recall = manifest.evaluation["index_recall_at_10"]
    line(f"index {manifest.index['factory']}, index recall@10 {recall:.3f}")
    if report.release is not None and (found := report.release.comparison) is not None:
        line(release_line(found))
    line(f"snapshot {manifest.snapshot} {'published' if report.published else 'built, not published'}: {report.folder}")


def release_line(found: "Comparison") -> str:
    """Summarise in one line how a new snapshot differs from the served one."""
    papers = f"{found.papers.added} papers added, {found.papers.removed} removed"
    if found.overall.overlap is None:
        return f"compared with {found.before}: {papers}; no query could be run on both"
    return (
        f"compared with {found.before}: {papers}; overlap@10 {found.overall.overlap:.2f} over "
        f"{found.overall.compared} queries, lowest {found.overall.min_overlap:.2f}"
    )


def results_table(results: "Results", *, explain: bool) -> None:
    """Print hits as a table."""
    if results.query is not None and results.query.tokens_seen < results.query.tokens_total:
        line(f"the query was truncated to {results.query.tokens_seen} of {results.query.tokens_total} tokens")
    if not results.hits:
        line("no paper matches; widen the filters, or lower --min-score, --min-similarity or --min-probability")
        return
    if results.found is False:
        line("no paper seems to be about this topic; the most similar papers are:")
    columns: dict[str, list[float | None]] = {
        "score": [hit.score for hit in results.hits],
        "similarity": [hit.similarity for hit in results.hits],
        "probability": [hit.probability for hit in results.hits],
    }
    known = {name: values for name, values in columns.items() if any(value is not None for value in values)}
    table = _grid()
    for name in known:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("id", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("paper", overflow="fold")
    for i, hit in enumerate(results.hits):
        numbers = ["" if (value := values[i]) is None else f"{value:.3f}" for values in known.values()]
        table.add_row(*numbers, hit.paper.id[:12], hit.paper.language, _text(hit, explain=explain))
    _show(table)


def snapshot_table(manifests: "Sequence[Manifest]", served: str | None) -> None:
    """Print all snapshots; an asterisk marks the served one."""
    if not manifests:
        line("no snapshots; run: related-papers build SOURCE…")
        return
    table = _grid()
    for column, width in (("", 1), ("snapshot", 12), ("built at", 16), ("papers", 9)):
        table.add_column(column, no_wrap=True, min_width=width)
    for column in ("index", "encoder"):
        table.add_column(column, overflow="fold")
    for manifest in manifests:
        table.add_row(
            "*" if manifest.snapshot == served else "",
            manifest.snapshot,
            manifest.built_at[:16],
            f"{manifest.counts['papers']:,}",
            manifest.index["factory"],
            manifest.encoder.name,
        )
    _show(table)


def _text(hit: "Hit", *, explain: bool) -> str:
    text = hit.paper.label
    if explain:
        stages = (f"{name} {value:.3f}" for name, value in hit.stages.items() if value is not None)
        text += f"\n  {', '.join(stages)}"
    if (found := hit.highlight) is not None:
        text += f"\n  {found.similarity:.3f} “{found.query_sentence}”\n     ↔  “{found.hit_sentence}”"
    return text
