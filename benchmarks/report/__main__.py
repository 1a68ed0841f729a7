"""Write docs/benchmarks.md and the README's claims from `results/*.json`, or check that they are current.

python -m benchmarks.report            # writes both
python -m benchmarks.report --check    # exits with 1 and names the files that differ
"""

import argparse
import json
import sys
from pathlib import Path

from benchmarks.machine import RESULTS
from benchmarks.report import claims, page
from benchmarks.report.markdown import Result

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
README = ROOT / "README.md"


def main() -> None:
    """Write the generated texts, or compare them with what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file is not current")
    check = parser.parse_args().check
    outdated = {path: text for path, text in rendered().items() if _stored(path) != text}
    if check and outdated:
        names = ", ".join(path.name for path in outdated)
        sys.exit(f"not current: {names}; run python -m benchmarks.report")
    for path, text in outdated.items():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path}")


def _stored(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def rendered() -> dict[Path, str]:
    """Render every generated file from the results on disk."""
    results = read()
    readme = README.read_text(encoding="utf-8")
    return {PAGE: page.render(results), README: claims.insert(readme, claims.render(results))}


def read() -> dict[str, Result]:
    """Read all results, by the name of their file without suffix."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))}


if __name__ == "__main__":
    main()
