"""`related-papers`: the batch side's commands, and `serve`.

What takes long to import is imported where it is needed: `--help` must not wait for it.
"""

import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from embeddings.cli.main import app as app
from embeddings.database import DatabaseError
from embeddings.encoders.backends.base import Backend, Precision
from embeddings.errors import RelatedPapersError
from service.errors import InvalidSettings
from service.options import ENV_PREFIX, OPTIONS, LogFormat, LogLevel

if TYPE_CHECKING:
    from service.settings import Settings


def _said(field: str) -> str:
    return f"{OPTIONS[field]} [{ENV_PREFIX}{field.upper()}]"


@app.command()
def serve(
    snapshots: Annotated[Path | None, typer.Option(help=_said("snapshots"))] = None,
    host: Annotated[str | None, typer.Option(help=_said("host"))] = None,
    port: Annotated[int | None, typer.Option(help=_said("port"))] = None,
    workers: Annotated[int | None, typer.Option(help=_said("workers"))] = None,
    model: Annotated[str | None, typer.Option(help=_said("model"))] = None,
    device: Annotated[str | None, typer.Option(help=_said("device"))] = None,
    backend: Annotated[Backend | None, typer.Option(help=_said("backend"))] = None,
    precision: Annotated[Precision | None, typer.Option(help=_said("precision"))] = None,
    threads: Annotated[int | None, typer.Option(help=_said("threads"))] = None,
    log_format: Annotated[LogFormat | None, typer.Option(help=_said("log_format"))] = None,
    log_level: Annotated[LogLevel | None, typer.Option(help=_said("log_level"))] = None,
) -> None:
    """Answer questions over HTTP from the published snapshot; a newer one is taken up without a restart.

    What is not given here is read from the environment. There are more settings, all named RELATED_PAPERS_….
    """
    given = {
        "snapshots": snapshots,
        "host": host,
        "port": port,
        "workers": workers,
        "model": model,
        "device": device,
        "backend": backend,
        "precision": precision,
        "threads": threads,
        "log_format": log_format,
        "log_level": log_level,
    }
    settings = _settings({name: value for name, value in given.items() if value is not None})
    from service.server import serve as run

    run(settings)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; our own errors are one line and exit code 1, bugs keep their traceback."""
    try:
        app(arguments)
    except RelatedPapersError as error:
        _fail(str(error))
    except (OSError, DatabaseError) as error:  # the disk is full, or not ours: no bug, and what is published stands
        _fail(f"{error}; nothing that was published has changed")


def _fail(message: str) -> NoReturn:
    sys.stderr.write(f"error: {message}\n")
    sys.exit(1)


def _settings(given: dict[str, Any]) -> "Settings":
    from pydantic import ValidationError

    from service.settings import Settings

    names = {f"{ENV_PREFIX}{field.upper()}" for field in Settings.model_fields}
    for name in sorted(set(os.environ) - names):
        # A misspelt limit, ignored in silence, would be found out only under load
        if name.startswith(ENV_PREFIX) and (near := get_close_matches(name, names, n=1, cutoff=0.8)):
            raise InvalidSettings(f"the environment sets {name}, which is no setting; did you mean {near[0]}?")
    try:
        return Settings(**given)
    except ValidationError as error:
        wrong = "; ".join(
            f"{ENV_PREFIX}{str(failure['loc'][0]).upper()} or --{str(failure['loc'][0]).replace('_', '-')}: "
            f"{failure['msg']}"
            for failure in error.errors()
        )
        raise InvalidSettings(f"the settings cannot be used: {wrong}") from error
