"""The commands `search` and `related`; their options are those of `SearchOptions`."""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

import typer
from annotated_types import Ge, Le

from embeddings import library, threads
from embeddings.cli import output
from embeddings.cli.options import AsJson, Snapshots
from embeddings.queries import DeclaredOption, Results, SearchOptions, declared_options

if TYPE_CHECKING:
    from embeddings.search.searcher import Searcher
    from embeddings.snapshots.snapshot import Snapshot

_SHORT = {"top_k": "-k"}

Command = Callable[..., None]


def with_search_options(*, text: bool) -> Callable[[Command], Command]:
    """Give a command the options of `SearchOptions`, and hand them over as its argument `options`.

    Args:
        text: Whether the command queries by text, and so takes the options that only such queries have.
    """
    declared = [each for each in declared_options() if text or not each.text_only]

    def decorate(command: Command) -> Command:
        @wraps(command)
        def run(**given: Any) -> None:  # noqa: ANN401 - as typer parsed them
            values = {each.name: given.pop(each.name) for each in declared}
            chosen = {name: value for name, value in values.items() if value is not None}
            command(options=SearchOptions.of(chosen), **given)

        signature = inspect.signature(command, eval_str=True)
        own = [parameter for name, parameter in signature.parameters.items() if name != "options"]
        parameters = [*own, *map(_parameter, declared)]
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        return run

    return decorate


def _range(declared: DeclaredOption) -> str:
    """The range of a number, to be read after its description; nothing where there is none."""
    least = [each.ge for each in declared.constraints if isinstance(each, Ge)]
    most = [each.le for each in declared.constraints if isinstance(each, Le)]
    if least and most:
        return f" From {least[0]} to {most[0]}."
    return f" At least {least[0]}." if least else ""


def _parameter(declared: DeclaredOption) -> inspect.Parameter:
    """An option as typer declares it."""
    kind = get_args(declared.annotation)[0]
    # Ranges are checked by `SearchOptions`, whose message is one line
    help_text = f"{declared.description}{_range(declared)}"
    names = [f"--{declared.name.replace('_', '-')}", *([_SHORT[declared.name]] if declared.name in _SHORT else [])]
    default = declared.default
    if get_origin(kind) is tuple:
        kind, default, help_text = list[get_args(kind)[0]] | None, None, f"{help_text} Repeatable."  # type: ignore[misc]
    return inspect.Parameter(
        declared.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, typer.Option(*names, help=help_text)],
    )


@with_search_options(text=True)
def search(
    text: Annotated[str, typer.Argument(help="A few words, a sentence, an abstract; - reads standard input.")],
    options: SearchOptions,
    snapshots: Snapshots = Path("snapshots"),
    as_json: AsJson = False,
) -> None:
    """Find the papers nearest to a text."""
    searcher = open_searcher(snapshots)
    asked = typer.get_text_stream("stdin").read() if text == "-" else text
    _print(searcher.search(asked, options), searcher, options, as_json=as_json)


@with_search_options(text=False)
def related(
    paper: Annotated[str, typer.Argument(help="An id, the first 8 digits or more of it, ARXIV:…, DOI:…")],
    options: SearchOptions,
    snapshots: Snapshots = Path("snapshots"),
    also: Annotated[list[str] | None, typer.Option(help="Another paper to be similar to; repeatable.")] = None,
    unlike: Annotated[list[str] | None, typer.Option(help="A paper to be unlike; repeatable.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find the papers nearest to a paper, or to several."""
    searcher = open_searcher(snapshots)
    if also or unlike:
        results = searcher.related_to(positive=[paper, *(also or [])], negative=unlike or [], options=options)
    else:
        results = searcher.related(paper, options)
    _print(results, searcher, options, as_json=as_json)


def open_snapshot(snapshots: Path, snapshot: str | None) -> "Snapshot":
    """Open a snapshot as `library.open_snapshot` does; numpy multiplies in one thread from then on."""
    threads.single_threaded_blas()
    return library.open_snapshot(snapshots, snapshot)


def open_searcher(snapshots: Path) -> "Searcher":
    """Open the published snapshot as `library.open_searcher` does; numpy multiplies in one thread from then on."""
    threads.single_threaded_blas()
    return library.open_searcher(snapshots)


def _print(results: Results, searcher: "Searcher", options: SearchOptions, *, as_json: bool) -> None:
    if not as_json:
        output.results_table(results, explain=options.explain)
        return
    from embeddings.search import results_json

    output.write_bytes(results_json.to_json(results_json.answer(searcher.snapshot.id, results, options)))
