"""The commands of the batch side. Each parses, calls one function, prints.

Modules that import torch or FAISS are imported inside the commands that need them: `--help` must not wait for them.
"""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from embeddings.cli import distillation as cli_distillation
from embeddings.cli import output, reports
from embeddings.cli import snapshots as cli_snapshots
from embeddings.cli.options import (
    DEFAULT_THRESHOLDS,
    AsJson,
    Force,
    MaxHitLoss,
    MaxMissingFraction,
    MinIndexRecall,
    MinOverlap,
    Snapshots,
)
from embeddings.cli.search import open_snapshot, related, search
from embeddings.encoders.backends.base import Backend, Precision
from embeddings.encoders.encoder_info import EMBEDDED_MODEL
from embeddings.errors import InvalidOption, ReleaseRefused
from embeddings.indexes.faiss.choice import INDEX_RECALL, bytes_of
from embeddings.queries import Mode
from embeddings.release.comparison import Thresholds

app = typer.Typer(
    name="related-papers",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"related-papers {version('related-papers')}")
        raise typer.Exit


@app.callback()
def _program(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Find papers related to a paper, or to a sentence."""


app.add_typer(cli_snapshots.app, name="snapshots")
app.add_typer(cli_distillation.app)


@app.command()
def build(
    sources: Annotated[list[str], typer.Argument(help="Files, folders, globs, addresses, or - for standard input.")],
    snapshots: Snapshots = Path("snapshots"),
    model: Annotated[str, typer.Option(help="Hub id or folder of a sentence-transformers model.")] = EMBEDDED_MODEL,
    revision: Annotated[str | None, typer.Option(help="Commit, tag or branch of a hub model.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, …; chosen if not given.")] = None,
    max_tokens: Annotated[int, typer.Option(min=0, help="Most tokens read of a paper; 0 reads it whole.")] = 0,
    backend: Annotated[Backend, typer.Option(help="Who computes the model.")] = Backend.AUTO,
    precision: Annotated[Precision, typer.Option(help="With which numbers.")] = Precision.AUTO,
    batch_tokens: Annotated[
        int | None, typer.Option(min=1, help="Most tokens in one pass through the model; chosen if not given.")
    ] = None,
    source_format: Annotated[
        str | None, typer.Option("--format", help="Format of all sources; else recognised.")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option("--column", help="FIELD=NAME: the column that holds a field; repeatable.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first record that cannot be used.")] = False,
    index: Annotated[
        str | None, typer.Option(help="FAISS factory string; else chosen by size and --memory-budget.")
    ] = None,
    memory_budget: Annotated[
        str | None, typer.Option(help="Memory the index may take, such as 3GB; else what is quickest.")
    ] = None,
    recall: Annotated[float, typer.Option(min=0, max=1, help="Index recall@10 the search is tuned to.")] = INDEX_RECALL,
    calibration: Annotated[
        Path | None, typer.Option(help="What `calibrate` wrote, of a model that is not embedded.")
    ] = None,
    publish: Annotated[bool, typer.Option("--publish/--no-publish", help="Serve the result.")] = True,
    min_overlap: MinOverlap = DEFAULT_THRESHOLDS.min_overlap,
    min_index_recall: MinIndexRecall = DEFAULT_THRESHOLDS.min_index_recall,
    max_missing_fraction: MaxMissingFraction = DEFAULT_THRESHOLDS.max_missing_fraction,
    max_hit_loss: MaxHitLoss = DEFAULT_THRESHOLDS.max_hit_loss,
    force: Force = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for another build in the folder.")] = True,
    as_json: AsJson = False,
) -> None:
    """Read papers, embed what is new, index, and publish a snapshot."""
    from embeddings.build.job import BuildOptions
    from embeddings.build.job import build as run
    from embeddings.ranking import calibration_file
    from embeddings.readers import Format

    known = {each.value for each in Format}
    if source_format is not None and source_format not in known:
        raise InvalidOption(f"--format {source_format} is unknown; the formats are {', '.join(sorted(known))}")
    if index is not None and memory_budget is not None:
        raise InvalidOption("--index names the index and --memory-budget has it chosen; give one of the two")
    options = BuildOptions(
        snapshots=snapshots,
        model=model,
        revision=revision,
        device=device,
        backend=backend,
        precision=precision,
        max_tokens=max_tokens,
        batch_tokens=batch_tokens,
        format=None if source_format is None else Format(source_format),
        columns=_columns(column or []),
        strict=strict,
        index=index,
        memory_budget=None if memory_budget is None else bytes_of(memory_budget),
        recall=recall,
        calibration=None if calibration is None else calibration_file.read(calibration),
        publish=publish,
        thresholds=Thresholds(
            min_overlap=min_overlap,
            min_index_recall=min_index_recall,
            max_missing_fraction=max_missing_fraction,
            max_hit_loss=max_hit_loss,
        ),
        force=force,
        wait=wait,
    )
    with output.build_progress(quiet=as_json) as progress:
        report = run(sources, options, progress)
    if as_json:
        output.write_json(
            {
                "snapshot": report.manifest.snapshot,
                "folder": str(report.folder),
                "embedded": report.embedded,
                "published": report.published,
                "release": None if report.release is None else reports.release_fields(report.release),
                "counts": report.manifest.counts,
                "index": report.manifest.index,
                "evaluation": report.manifest.evaluation,
                "duplicates": report.manifest.duplicates,
            }
        )
    else:
        output.build_summary(report)
    if report.release is not None and not report.release.served:
        raise ReleaseRefused(report.release.refusal_message())


app.command()(search)
app.command()(related)


@app.command()
def evaluate(
    snapshot: Annotated[str | None, typer.Argument(help="Its id, or the beginning; else the one served.")] = None,
    snapshots: Snapshots = Path("snapshots"),
    collections: Annotated[
        list[Path] | None, typer.Option("--collection", help="Folder of a judged collection; repeatable.")
    ] = None,
    known_items: Annotated[
        list[Path] | None, typer.Option("--known-items", help="JSON lines of text and paper; repeatable.")
    ] = None,
    modes: Annotated[list[Mode] | None, typer.Option("--mode", help="A way of ranking; repeatable.")] = None,
    baseline: Annotated[
        Mode | None, typer.Option(help="What the other modes are compared with; else the last.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="File for a picture (.svg, .png): nDCG@10 of every question against the baseline."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure how well a snapshot answers judged questions. Needs the extra `evaluation`."""
    from embeddings.evaluation import plotting, qrels_files, report
    from embeddings.search.query_encoder import QueryEncoder

    if not collections and not known_items:
        raise InvalidOption("there is nothing to ask: give --collection FOLDER or --known-items FILE")
    asked = [(qrels_files.read_collection(folder), False) for folder in collections or []]
    asked += [(qrels_files.read_known_items(file), True) for file in known_items or []]
    if plot is not None:
        plotting.check(plot, collections or [], {*(modes or [Mode.HYBRID]), *([baseline] if baseline else [])})
    opened = open_snapshot(snapshots, snapshot)
    encoder = QueryEncoder(opened)
    with output.build_progress(quiet=as_json) as progress:
        evaluations = [
            report.evaluate(
                opened, encoder, each, modes or [Mode.HYBRID], baseline=baseline, known_items=known, progress=progress
            )
            for each, known in asked
        ]
    if plot is not None:
        plotting.differences(evaluations[0], plot)
    if as_json:
        output.write_json({"snapshot": opened.id, "results": [reports.evaluation_fields(each) for each in evaluations]})
    else:
        for each in evaluations:
            reports.evaluation(each)


@app.command()
def calibrate(
    snapshot: Annotated[str, typer.Argument(help="Its id, or the beginning; holds the judged papers.")],
    collections: Annotated[list[Path], typer.Option("--collection", help="Folder of a judged collection; repeatable.")],
    out: Annotated[Path, typer.Option(help="File to write, for `build --calibration`.")],
    snapshots: Snapshots = Path("snapshots"),
    as_json: AsJson = False,
) -> None:
    """Learn from judged questions how probable relevance makes it that a hit is related."""
    from embeddings.evaluation import calibration, qrels_files
    from embeddings.ranking import calibration_file
    from embeddings.search.query_encoder import QueryEncoder

    asked = [qrels_files.read_collection(folder) for folder in collections]
    opened = open_snapshot(snapshots, snapshot)
    with output.build_progress(quiet=as_json) as progress:
        found, answers = calibration.calibrate(opened, QueryEncoder(opened), asked, progress)
    calibration_file.write(out, found)
    if as_json:
        output.write_json(reports.calibration_fields(found, answers))
    else:
        reports.calibration(found, answers)


def _columns(pairs: list[str]) -> dict[str, str]:
    columns = {}
    for pair in pairs:
        name, sign, column = pair.partition("=")
        if not sign or not name or not column:
            raise InvalidOption(f"--column {pair} is not of the form FIELD=NAME, such as abstract=Summary")
        columns[name] = column
    return columns
