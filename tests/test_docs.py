"""Documentation cannot lag: every file, command, option, setting, route and format is in it."""

import ast
import json
import re
from pathlib import Path

import pytest
import typer.main

import service.cli
from embeddings.readers import Format
from service.app import create_app
from service.options import ENV_PREFIX
from service.settings import Settings
from tests.service.running import running

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    return text.partition(f"\n## {heading}")[2].partition("\n## ")[0]


@pytest.mark.parametrize("package", ["embeddings", "service"])
def test_every_module_has_its_line_in_the_architecture_and_none_is_invented(package: str) -> None:
    named = set(re.findall(r"`([\w/]+\.py)`", section(read("ARCHITECTURE.md"), f"{package}/:").partition("\n## ")[0]))
    there = {path.relative_to(ROOT / package).as_posix() for path in (ROOT / package).rglob("*.py")}
    described = {name for name in there if name.endswith("__init__.py") and name not in named}
    assert named == there - described
    for name in described:  # a docstring says what the package is for; there is nothing else to say
        assert len(ast.parse((ROOT / package / name).read_text(encoding="utf-8")).body) <= 1, name


def commands() -> list[str]:
    found = []
    for name, command in typer.main.get_command(service.cli.app).commands.items():  # type: ignore[attr-defined]
        found += [f"{name} {inner}" for inner in command.commands] if hasattr(command, "commands") else [name]
    return found


@pytest.mark.parametrize("command", commands())
def test_every_command_is_in_the_readme_and_has_help(command: str) -> None:
    assert f"related-papers {command}" in read("README.md")
    found = typer.main.get_command(service.cli.app)
    for word in command.split():
        found = found.commands[word]  # type: ignore[attr-defined]
    assert found.help and all(getattr(option, "help", None) for option in found.params if option.name != "help")


@pytest.mark.parametrize("setting", Settings.model_fields)
def test_every_setting_is_documented_with_its_default(setting: str) -> None:
    line = next(
        x for x in read("docs/settings.md").splitlines() if x.startswith(f"| `{ENV_PREFIX}{setting.upper()}` |")
    )
    field = Settings.model_fields[setting]
    assert field.description is not None and field.description in line
    assert field.default is None or f"`{getattr(field.default, 'value', field.default)}`" in line


def test_every_route_is_in_the_readme(snapshots: Path) -> None:
    readme = read("README.md")
    for path in create_app(Settings(snapshots=snapshots)).openapi()["paths"]:
        assert path.replace("{paper_id}", "{id}") in readme


@pytest.mark.parametrize("format", Format)
def test_every_format_is_documented(format: Format) -> None:
    assert f"`{format.value}`" in read("docs/corpus.md")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


def test_the_answer_in_the_readme_is_the_answer(snapshots: Path) -> None:
    shown = re.search(r"^\$ curl -s '127\.0\.0\.1:8000(\S+)'.*?\n(\{.*?^\})", read("README.md"), re.M | re.S)
    assert shown is not None
    with running(Settings(snapshots=snapshots)) as service:
        answer = service.client.get(shown[1]).json()
    expected = json.loads(shown[2])
    for mine, theirs in zip(answer["hits"], expected["hits"], strict=True):
        rounded = {name: pytest.approx(theirs[name], abs=1e-4) for name in ("score", "similarity")}
        assert mine == {**theirs, **rounded}
    # The id is made of vectors, whose last bits differ between processors
    assert {**answer, "snapshot": None, "hits": None} == {**expected, "snapshot": None, "hits": None}


def test_the_readme_answers_before_it_explains() -> None:
    lines = read("README.md").splitlines()
    assert next(i for i, line in enumerate(lines, 1) if "make run" in line) <= 15
