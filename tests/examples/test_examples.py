"""Each program of examples/ runs and prints answers."""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.settings import Settings
from tests.service.running import running

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def address(snapshots: Path) -> Iterator[str]:
    """Of a service that answers from the snapshot of the seeds."""
    with running(Settings(snapshots=snapshots)) as service:
        yield service.base_url


def output(*command: str | Path) -> str:
    """Run a program to its end, and return what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, capture_output=True, encoding="utf-8", env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def program(name: str) -> str:
    """Path of an installed program; skips the test where it is missing."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def test_every_example_is_listed() -> None:
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for path in EXAMPLES.iterdir():
        assert path.name == "README.md" or path.is_dir() or f"]({path.name})" in readme


def test_the_library_searches_a_snapshot(snapshots: Path) -> None:
    lines = output(
        sys.executable, EXAMPLES / "python_library.py", snapshots, "quantization of object detectors"
    ).splitlines()
    assert len(lines) == 5
    assert any("GHOST" in line for line in lines)


def test_a_researcher_finds_related_work_for_a_draft(tmp_path: Path) -> None:
    printed = output(sys.executable, EXAMPLES / "researcher.py", tmp_path)
    assert "4 papers, 4 of them embedded now" in printed
    with (tmp_path / "related.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [row["draft"] for row in rows] == ["en"] * 3 + ["zh"] * 3
    segmentation, federated = "基于深度学习的医学图像分割", "Federated learning on phones"
    for language in ("en", "zh"):
        titles = {row["title"] for row in rows if row["draft"] == language}
        assert {segmentation, federated} <= titles
    assert all(row["sentence of the paper"] for row in rows)


def test_node_searches_over_http(address: str) -> None:
    lines = output(program("node"), EXAMPLES / "http.js", address).splitlines()
    assert sum(line[:2] in ("0.", "1.") for line in lines) == 6
    failed = subprocess.run(
        [program("node"), EXAMPLES / "http.js", address, " "], capture_output=True, text=True, check=False
    )
    assert failed.returncode == 1
    assert failed.stderr.startswith("422: ")


def test_curl_searches_over_http(address: str) -> None:
    by_text, with_sentences, papers = map(
        json.loads, output(program("bash"), EXAMPLES / "curl.sh", address).splitlines()
    )
    assert len(by_text["hits"]) == 3
    assert with_sentences["hits"][0]["why"]["hit_sentence"]
    assert len(papers["papers"]) == 1
