"""`related-papers --version`."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from service.cli import main
from tests.test_architecture import HEAVY


def test_version_is_that_of_the_installed_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"related-papers {version('related-papers')}\n"


def test_the_installed_command_prints_its_version() -> None:
    command = Path(sys.executable).parent / "related-papers"
    asked = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert asked.stdout == f"related-papers {version('related-papers')}\n"


def test_version_loads_nothing_heavy() -> None:
    script = """
import sys
from service.cli import main
try:
    main(["--version"])
except SystemExit:
    print(",".join(sorted({module.split(".")[0] for module in sys.modules})))
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    loaded = set(said.splitlines()[-1].split(","))
    assert "typer" in loaded
    assert loaded.isdisjoint(HEAVY), loaded & HEAVY
