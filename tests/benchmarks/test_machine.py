"""Results name the commit that they were measured with."""

import json
import subprocess
from pathlib import Path

import pytest

from benchmarks import machine


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one committed file, in which results are written."""
    monkeypatch.setattr(machine, "ROOT", tmp_path)
    monkeypatch.setattr(machine, "RESULTS", tmp_path / "benchmarks" / "results")
    monkeypatch.delenv(machine.ALLOW_DIRTY, raising=False)
    machine.RESULTS.mkdir(parents=True)
    (machine.RESULTS / "some.json").write_text("{}")
    (tmp_path / "code.py").write_text("before")
    author = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    for command in (["init", "--quiet"], ["add", "."], [*author, "commit", "--quiet", "--message", "First"]):
        subprocess.run(["git", "-C", tmp_path, *command], check=True)
    return tmp_path


def written() -> str:
    commit = json.loads((machine.RESULTS / "some.json").read_text())["commit"]
    assert isinstance(commit, str)
    return commit


def test_a_result_of_committed_code_names_its_commit(checkout: Path) -> None:
    machine.write_result("some", {"value": 1})
    machine.write_result("some", {"value": 2})  # the changed result itself is no change of the code
    head = subprocess.run(["git", "-C", checkout, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert head.stdout.startswith(written())


def test_a_result_of_uncommitted_code_is_refused(checkout: Path) -> None:
    (checkout / "code.py").write_text("after")
    with pytest.raises(SystemExit, match=r"code\.py not committed"):
        machine.require_committed()
    with pytest.raises(SystemExit):
        machine.write_result("some", {"value": 1})
    assert (machine.RESULTS / "some.json").read_text() == "{}"


def test_a_result_of_uncommitted_code_is_marked_where_it_is_allowed(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "code.py").write_text("after")
    monkeypatch.setenv(machine.ALLOW_DIRTY, "1")
    machine.write_result("some", {"value": 1})
    assert written().endswith("-dirty")
