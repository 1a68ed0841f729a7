"""What benchmarks may import."""

from pathlib import Path

import pytest

from tests.test_architecture import ROOT, imports, name

SCRIPTS = sorted((ROOT / "benchmarks").rglob("*.py"))


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_no_benchmark_imports_tests(path: Path) -> None:
    assert "tests" not in {module.split(".")[0] for module in imports(path)}
