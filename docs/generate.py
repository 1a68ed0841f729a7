"""Write the tables of docs/api.md, docs/cli.md and docs/settings.md from the code, or check that they are current.

    python -m docs.generate            # writes what lies between the markers
    python -m docs.generate --check    # exits with 1 and names the files that differ

The routes come from the OpenAPI document, the commands from typer, the settings from their class.
"""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typer.main

import service.cli
from docs import api_tables, cli_tables
from service.app import create_app
from service.options import ENV_PREFIX
from service.settings import Settings

DOCS = Path(__file__).parent


PAGES = ("api.md", "cli.md", "settings.md")


def main() -> None:
    """Write the generated parts, or compare them with what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file is not current")
    check = parser.parse_args().check
    texts = {DOCS / page: rendered(page) for page in PAGES}
    outdated = {path: text for path, text in texts.items() if path.read_text(encoding="utf-8") != text}
    if check and outdated:
        sys.exit(f"not current: {', '.join(path.name for path in outdated)}; run python -m docs.generate")
    for path, text in outdated.items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote {path}\n")


def rendered(page: str) -> str:
    """Render a page: what is written by hand, and its generated part anew.

    Args:
        page: One of `PAGES`.
    """
    text = (DOCS / page).read_text(encoding="utf-8")
    if page == "api.md":
        return insert(text, "routes", api_tables.render(openapi()))
    if page == "cli.md":
        return insert(text, "commands", cli_tables.render(typer.main.get_command(service.cli.app)))
    return insert(text, "settings", settings_table())


def openapi() -> dict[str, Any]:
    """Describe the routes; nothing needs to be published for that."""
    with TemporaryDirectory() as folder:
        return create_app(Settings(snapshots=Path(folder))).openapi()


def settings_table() -> str:
    """Every setting of the service with its variable, default and meaning."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{getattr(field.default, 'value', field.default)}`"
        lines.append(f"| `{ENV_PREFIX}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines)


def insert(text: str, part: str, content: str) -> str:
    """Put the content between the markers of a part.

    Raises:
        ValueError: The markers are missing.
    """
    start, end = f"<!-- generated {part}: python -m docs.generate -->", f"<!-- end of {part} -->"
    before, found, rest = text.partition(start)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the page has no {start} … {end}")
    return f"{before}{start}\n\n{content}\n\n{end}{after}"


if __name__ == "__main__":
    main()
