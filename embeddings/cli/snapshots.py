"""The commands of `related-papers snapshots`."""

from pathlib import Path
from typing import Annotated

import typer

from embeddings.cli import output, reports
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
from embeddings.errors import ReleaseRefused
from embeddings.release.comparison import Thresholds

app = typer.Typer(help="List, verify, publish, roll back and prune snapshots.", no_args_is_help=True)


@app.command("list")
def list_snapshots(snapshots: Snapshots = Path("snapshots"), as_json: AsJson = False) -> None:
    """List all snapshots, newest first, and mark the one that is served."""
    from embeddings.errors import SnapshotError
    from embeddings.snapshots.folder import FolderSource

    manifests = FolderSource(snapshots).manifests()
    try:
        served = FolderSource(snapshots).current().snapshot
    except SnapshotError:
        served = None
    if as_json:
        rows = [{"snapshot": m.snapshot, "built_at": m.built_at, "papers": m.counts["papers"]} for m in manifests]
        output.write_json({"current": served, "snapshots": rows})
    else:
        output.snapshot_table(manifests, served)


@app.command()
def verify(
    snapshot: Annotated[
        str | None, typer.Argument(help="Snapshot id or the beginning of it; default: the served one.")
    ] = None,
    snapshots: Snapshots = Path("snapshots"),
) -> None:
    """Read all files of a snapshot and compare their checksums with the manifest."""
    from embeddings.snapshots.folder import FolderSource
    from embeddings.snapshots.snapshot import Snapshot

    found = FolderSource(snapshots).resolve(snapshot) if snapshot else FolderSource(snapshots).current().snapshot
    opened = Snapshot.open(snapshots / found, verify=True)
    output.line(f"{found} is valid: {len(opened)} papers, format {opened.manifest.format_version}")
    opened.close()


@app.command("publish")
def publish_snapshot(
    snapshot: Annotated[str, typer.Argument(help="Snapshot id or the beginning of it.")],
    snapshots: Snapshots = Path("snapshots"),
    min_overlap: MinOverlap = DEFAULT_THRESHOLDS.min_overlap,
    min_index_recall: MinIndexRecall = DEFAULT_THRESHOLDS.min_index_recall,
    max_missing_fraction: MaxMissingFraction = DEFAULT_THRESHOLDS.max_missing_fraction,
    max_hit_loss: MaxHitLoss = DEFAULT_THRESHOLDS.max_hit_loss,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Verify a snapshot, compare its results with those of the served one, and serve it."""
    from embeddings.release import gate

    thresholds = Thresholds(
        min_overlap=min_overlap,
        min_index_recall=min_index_recall,
        max_missing_fraction=max_missing_fraction,
        max_hit_loss=max_hit_loss,
    )
    decision = gate.publish(snapshots, snapshot, thresholds, force=force)
    if as_json:
        output.write_json(reports.release_fields(decision))
    else:
        reports.release(decision)
    if not decision.served:
        raise ReleaseRefused(decision.refusal_message())


@app.command()
def queries(
    snapshots: Snapshots = Path("snapshots"),
    add: Annotated[
        Path | None,
        typer.Option("--add", help="File of JSON lines to add: `text`, `text` and `paper` (the answer), or `paper`."),
    ] = None,
) -> None:
    """Show the queries that compare a new snapshot with the served one; --add saves more."""
    from embeddings.release import query_set

    if add is not None:
        new, total = query_set.add(snapshots, add)
        output.line(f"{new} queries saved, {total} in total: {snapshots / query_set.FILE}")
        return
    saved = query_set.load(snapshots)
    if saved is None:
        output.line(
            "no queries are saved: snapshots are compared on a sample of their common papers; save queries with "
            "--add FILE"
        )
        return
    for query in saved.queries:
        answer = ", ".join(saved.grades.get(query.id, ()))
        output.line(f"{query.text or f'papers related to {query.paper}'}{f'  → {answer}' if answer else ''}")


@app.command()
def rollback(snapshots: Snapshots = Path("snapshots")) -> None:
    """Serve the previously served snapshot again."""
    from embeddings.snapshots.folder import FolderSource

    output.line(f"{FolderSource(snapshots).rollback().snapshot} is served again")


@app.command()
def prune(
    keep: Annotated[int, typer.Option(min=0, help="Number of previously served snapshots to keep.")] = 3,
    snapshots: Snapshots = Path("snapshots"),
) -> None:
    """Delete old snapshots; the served one is always kept."""
    from embeddings.snapshots.folder import FolderSource

    deleted = FolderSource(snapshots).prune(keep)
    output.line(f"deleted {len(deleted)}: {', '.join(deleted)}" if deleted else "nothing to delete")
