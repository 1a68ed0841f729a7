"""The documentation covers every file, command, option, setting, route and format, and its links and examples work."""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

import embeddings
import service.cli
from docs import generate
from embeddings.readers import Format
from service.options import ENV_PREFIX
from service.settings import Settings
from tests.service.running import running

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "embeddings").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("0*.md"))


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
def test_every_command_is_documented_and_has_help(command: str) -> None:
    assert f"### `related-papers {command}`\n" in read("docs/cli.md")
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


def test_every_route_is_documented() -> None:
    page = read("docs/api.md")
    for path, methods in generate.openapi()["paths"].items():
        for method in methods:
            assert f"### `{method.upper()} {path}`\n" in page


@pytest.mark.parametrize("page", generate.PAGES)
def test_generated_tables_are_current(page: str) -> None:
    assert generate.rendered(page) == read(f"docs/{page}"), "run python -m docs.generate"


@pytest.mark.parametrize("format", Format)
def test_every_format_is_documented(format: Format) -> None:
    assert f"`{format.value}`" in read("docs/corpus.md")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_a_file_and_to_a_heading_of_it(document: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", document.read_text(encoding="utf-8")):
        path = document.parent / target if target else document
        assert path.exists(), target
        assert not anchor or anchor in headings(path), f"{target}#{anchor}"


def headings(document: Path) -> set[str]:
    """Anchors of the headings, as GitHub and the documentation site name them."""
    found = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in found}


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.name)
def test_a_decision_has_a_date_and_a_status_and_is_listed(decision: Path) -> None:
    text = decision.read_text(encoding="utf-8")
    number = decision.name.partition("-")[0]
    assert text.startswith(f"# {int(number)}. ")
    assert re.search(r"^Date: \d{4}-\d\d-\d\d  $", text, re.M)
    status = re.search(r"^Status: (accepted|superseded by )", text, re.M)
    assert status is not None
    assert f"| {int(number)} | [{text.splitlines()[0].partition('. ')[2]}]({decision.name}) |" in read(
        "docs/decisions/index.md"
    )


@pytest.mark.parametrize("stage", ["dense", "lexical", "cross_language", "title", "feedback", "fusion", "smoothing"])
def test_every_ranking_stage_is_described_with_what_it_gains(stage: str) -> None:
    described = read("docs/ranking.md").partition(f"\n### {stage}\n")[2].partition("\n##")[0]
    assert re.search(r"0\.\d{3}", described)


def test_every_public_name_of_the_library_is_documented() -> None:
    page = read("docs/python.md")
    for name in getattr(embeddings, "__all__", ()):
        assert re.search(rf"\b{name}\b", page), name


def test_the_example_of_the_library_runs(
    snapshots: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(snapshots.parent)
    example = re.findall(r"```python\n(.*?)```", read("docs/python.md"), re.S)[1]
    names: dict[str, Any] = {}
    exec(compile(example, "docs/python.md", "exec"), names)
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert len(names["related"].hits) == 3
    names["snapshot"].close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation site, built as `make docs` builds it, without writing into the checkout."""
    folder = tmp_path_factory.mktemp("site")
    for name in ("docs", "embeddings"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.npz"))
    for name in ("mkdocs.yml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, folder)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


def test_the_site_has_every_page_and_needs_no_other_host(site: Path) -> None:
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    navigation = read("mkdocs.yml").partition("\nnav:\n")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"[\w/-]+\.md", navigation)) == sorted(pages)
    for page in pages:
        built = site / page.removesuffix(".md") / "index.html" if not page.endswith("index.md") else None
        html = (built or site / Path(page).parent / "index.html").read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|img|link)[^>]*(?:src|href)="?(https?://[^"\s>]+)', html)
        assert not loaded, f"{page} loads {loaded}"


def test_the_site_describes_the_library(site: Path) -> None:
    page = (site / "python" / "index.html").read_text(encoding="utf-8")
    for name in ("build.job.build", "search.searcher.Searcher.search", "queries.SearchOptions"):
        assert f'id="embeddings.{name}"' in page


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


def test_the_readme_is_short() -> None:
    assert len(read("README.md").split()) <= 700


def test_the_readme_answers_before_it_explains() -> None:
    lines = read("README.md").splitlines()
    assert next(i for i, line in enumerate(lines, 1) if "make run" in line) <= 15
