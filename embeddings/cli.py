"""The commands of the batch side. Each parses, calls one function, prints.

Modules that import torch or FAISS are imported inside the commands that need them: `--help` must not wait for them.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embeddings import printing
from embeddings.encoder_info import EMBEDDED_MODEL
from embeddings.errors import InvalidOption
from embeddings.queries import Filters, Mode, Results, SearchOptions

if TYPE_CHECKING:
    from embeddings.encoder import Encoder
    from embeddings.searcher import Searcher

app = typer.Typer(
    name="related-papers",
    help="Find papers related to a paper, or to a sentence.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
snapshots_app = typer.Typer(help="List, verify, publish, roll back and prune snapshots.", no_args_is_help=True)
app.add_typer(snapshots_app, name="snapshots")

Snapshots = Annotated[
    Path, typer.Option("--snapshots", envvar="RELATED_PAPERS_SNAPSHOTS", help="Folder of all snapshots.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
TopK = Annotated[int, typer.Option("--top-k", "-k", help="Most hits.")]
Offset = Annotated[int, typer.Option(help="Hits to leave out at the top.")]
MinScore = Annotated[float | None, typer.Option(help="Leave out hits below this cosine.")]
Diversity = Annotated[float, typer.Option(help="0 orders by score, 1 by being unlike the hits above.")]
Group = Annotated[bool, typer.Option("--group-duplicates", help="Only the best of each group of near-duplicates.")]
Explain = Annotated[bool, typer.Option("--explain", help="Show what each stage of ranking said.")]
WithWhy = Annotated[bool, typer.Option("--why", help="Show the sentences that match best.")]
Language = Annotated[list[str] | None, typer.Option("--language", help="Only papers in this language; repeatable.")]
YearFrom = Annotated[int | None, typer.Option(help="Earliest year.")]
YearTo = Annotated[int | None, typer.Option(help="Latest year.")]
Category = Annotated[list[str] | None, typer.Option("--category", help="Only this category; repeatable.")]
SourceFile = Annotated[list[str] | None, typer.Option("--source", help="Only from this source file; repeatable.")]


@app.command()
def build(
    sources: Annotated[list[str], typer.Argument(help="Files, folders, globs, addresses, or - for standard input.")],
    snapshots: Snapshots = Path("snapshots"),
    model: Annotated[str, typer.Option(help="Hub id or folder of a sentence-transformers model.")] = EMBEDDED_MODEL,
    revision: Annotated[str | None, typer.Option(help="Commit, tag or branch of a hub model.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, …; chosen if not given.")] = None,
    max_tokens: Annotated[int, typer.Option(min=0, help="Most tokens read of a paper; 0 reads it whole.")] = 0,
    batch_tokens: Annotated[int, typer.Option(min=1, help="Most tokens in one pass through the model.")] = 8192,
    source_format: Annotated[
        str | None, typer.Option("--format", help="Format of all sources; else recognised.")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option("--column", help="FIELD=NAME: the column that holds a field; repeatable.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first record that cannot be used.")] = False,
    index: Annotated[str | None, typer.Option(help="FAISS factory string; else chosen by size.")] = None,
    publish: Annotated[bool, typer.Option("--publish/--no-publish", help="Serve the result.")] = True,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for another build in the folder.")] = True,
    as_json: AsJson = False,
) -> None:
    """Read papers, embed what is new, index, and publish a snapshot."""
    from embeddings.build import BuildOptions
    from embeddings.build import build as run
    from embeddings.readers import Format

    known = {each.value for each in Format}
    if source_format is not None and source_format not in known:
        raise InvalidOption(f"--format {source_format} is unknown; the formats are {', '.join(sorted(known))}")
    options = BuildOptions(
        snapshots=snapshots,
        model=model,
        revision=revision,
        device=device,
        max_tokens=max_tokens,
        batch_tokens=batch_tokens,
        format=None if source_format is None else Format(source_format),
        columns=_columns(column or []),
        strict=strict,
        index=index,
        publish=publish,
        wait=wait,
    )
    with printing.build_progress(quiet=as_json) as progress:
        report = run(sources, options, progress)
    if as_json:
        printing.write_json(
            {
                "snapshot": report.manifest.snapshot,
                "folder": str(report.folder),
                "embedded": report.embedded,
                "published": report.published,
                "counts": report.manifest.counts,
                "index": report.manifest.index,
                "evaluation": report.manifest.evaluation,
                "duplicates": report.manifest.duplicates,
            }
        )
    else:
        printing.build_summary(report)


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="A few words, a sentence, an abstract; - reads standard input.")],
    snapshots: Snapshots = Path("snapshots"),
    top_k: TopK = 10,
    offset: Offset = 0,
    min_score: MinScore = None,
    diversity: Diversity = 0.0,
    group_duplicates: Group = False,
    mode: Annotated[Mode, typer.Option(help="Compare by meaning and words, by meaning, or by words.")] = Mode.HYBRID,
    why: WithWhy = False,
    explain: Explain = False,
    language: Language = None,
    year_from: YearFrom = None,
    year_to: YearTo = None,
    category: Category = None,
    source: SourceFile = None,
    as_json: AsJson = False,
) -> None:
    """Find the papers nearest to a text."""
    options = SearchOptions(
        top_k=top_k,
        offset=offset,
        min_score=min_score,
        diversity=diversity,
        group_duplicates=group_duplicates,
        mode=mode,
        why=why,
        filters=_filters(language, year_from, year_to, category, source),
    )
    searcher = _searcher(snapshots)
    asked = typer.get_text_stream("stdin").read() if text == "-" else text
    _print_results(searcher.search(asked, options), searcher, explain=explain, as_json=as_json)


@app.command()
def related(
    paper: Annotated[str, typer.Argument(help="An id, the first 8 digits or more of it, ARXIV:…, DOI:…")],
    snapshots: Snapshots = Path("snapshots"),
    top_k: TopK = 10,
    offset: Offset = 0,
    min_score: MinScore = None,
    diversity: Diversity = 0.0,
    group_duplicates: Group = False,
    why: WithWhy = False,
    explain: Explain = False,
    language: Language = None,
    year_from: YearFrom = None,
    year_to: YearTo = None,
    category: Category = None,
    source: SourceFile = None,
    also: Annotated[list[str] | None, typer.Option("--also", help="Another paper to be like; repeatable.")] = None,
    unlike: Annotated[list[str] | None, typer.Option("--unlike", help="A paper to be unlike; repeatable.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find the papers nearest to a paper."""
    options = SearchOptions(
        top_k=top_k,
        offset=offset,
        min_score=min_score,
        diversity=diversity,
        group_duplicates=group_duplicates,
        why=why,
        filters=_filters(language, year_from, year_to, category, source),
    )
    searcher = _searcher(snapshots)
    if also or unlike:
        results = searcher.related_to(positive=[paper, *(also or [])], negative=unlike or [], options=options)
    else:
        results = searcher.related(paper, options)
    _print_results(results, searcher, explain=explain, as_json=as_json)


@snapshots_app.command("list")
def list_snapshots(snapshots: Snapshots = Path("snapshots"), as_json: AsJson = False) -> None:
    """List all snapshots, the latest first, and mark the one that is served."""
    from embeddings import publishing
    from embeddings.errors import SnapshotError

    manifests = publishing.listed(snapshots)
    try:
        served = publishing.current(snapshots).snapshot
    except SnapshotError:
        served = None
    if as_json:
        rows = [{"snapshot": m.snapshot, "built_at": m.built_at, "papers": m.counts["papers"]} for m in manifests]
        printing.write_json({"current": served, "snapshots": rows})
    else:
        printing.snapshot_table(manifests, served)


@snapshots_app.command()
def verify(
    snapshot: Annotated[str | None, typer.Argument(help="Its id, or the beginning; else the one served.")] = None,
    snapshots: Snapshots = Path("snapshots"),
) -> None:
    """Read a snapshot whole and compare every checksum."""
    from embeddings import publishing
    from embeddings.snapshot import Snapshot

    found = publishing.resolve(snapshots, snapshot) if snapshot else publishing.current(snapshots).snapshot
    opened = Snapshot.open(snapshots / found, verify=True)
    printing.line(f"{found} is sound: {len(opened)} papers, format {opened.manifest.format_version}")
    opened.close()


@snapshots_app.command("publish")
def publish_snapshot(
    snapshot: Annotated[str, typer.Argument(help="Its id, or the beginning.")],
    snapshots: Snapshots = Path("snapshots"),
) -> None:
    """Verify a snapshot and serve it from now on."""
    from embeddings import publishing

    printing.line(f"{publishing.publish(snapshots, snapshot).snapshot} is served now")


@snapshots_app.command()
def rollback(snapshots: Snapshots = Path("snapshots")) -> None:
    """Serve the snapshot that was served before."""
    from embeddings import publishing

    printing.line(f"{publishing.rollback(snapshots).snapshot} is served again")


@snapshots_app.command()
def prune(
    keep: Annotated[int, typer.Option(min=0, help="Snapshots to keep of those served before.")] = 3,
    snapshots: Snapshots = Path("snapshots"),
) -> None:
    """Delete snapshots, never the one that is served."""
    from embeddings import publishing

    gone = publishing.prune(snapshots, keep)
    printing.line(f"deleted {len(gone)}: {', '.join(gone)}" if gone else "nothing to delete")


def _columns(pairs: list[str]) -> dict[str, str]:
    columns = {}
    for pair in pairs:
        name, sign, column = pair.partition("=")
        if not sign or not name or not column:
            raise InvalidOption(f"--column {pair} is not of the form FIELD=NAME, such as abstract=Summary")
        columns[name] = column
    return columns


def _filters(
    language: list[str] | None,
    year_from: int | None,
    year_to: int | None,
    category: list[str] | None,
    source: list[str] | None,
) -> Filters:
    return Filters(
        languages=tuple(language or ()),
        year_from=year_from,
        year_to=year_to,
        categories=tuple(category or ()),
        sources=tuple(source or ()),
    )


def _searcher(snapshots: Path) -> "Searcher":
    """Open what is served, with its encoder loaded when the first text comes: related papers need none."""
    from functools import cache

    from embeddings import publishing, threads
    from embeddings.searcher import Searcher

    opened, _ = publishing.open_current(snapshots)

    @cache
    def encoder() -> "Encoder":
        from embeddings.compatibility import check_encoder
        from embeddings.encoder import Encoder

        loaded = Encoder.for_snapshot(opened.manifest.encoder, threads=threads.available())
        check_encoder(opened, loaded)
        return loaded

    return Searcher(opened, lambda texts: encoder().encode_queries(texts))


def _print_results(results: Results, searcher: "Searcher", *, explain: bool, as_json: bool) -> None:
    if as_json:
        printing.write_json({"snapshot": searcher.snapshot.id, **printing.results_fields(results, explain=explain)})
    else:
        printing.results_table(results, explain=explain)
