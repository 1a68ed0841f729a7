"""Markdown tables, and the statement of where a figure comes from. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

Result: TypeAlias = Mapping[str, Any]
"""The content of one result file."""

DIRTY = "-dirty"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Render a table; the first column is left-aligned, the others are right-aligned.

    Args:
        columns: Headings.
        rows: Cells; a short row is filled up with empty cells.
    """
    lines = [f"| {' | '.join(columns)} |", f"|---|{'--:|' * (len(columns) - 1)}"]
    lines += [f"| {' | '.join([*row, *[''] * (len(columns) - len(row))])} |" for row in rows]
    return "\n".join(lines)


def source(name: str, result: Result) -> str:
    """State the script, the processor, the commit and the date of a section's figures."""
    text = (
        f"Script `benchmarks.{name}`, result `benchmarks/results/{name}.json`: {processor(result)}, "
        f"{commit(result['commit'])}, {result['date']}."
    )
    if is_dirty(result):
        text += " **Measured from a working tree with uncommitted changes.**"
    return text


def processor(result: Result) -> str:
    """Name the processor and how many of them the process could use."""
    return f"{result['processor']} ({result['processors']} processors)"


def commit(name: str) -> str:
    """Name a commit as `git describe` did."""
    return f"commit `{name}`"


def is_dirty(result: Result) -> bool:
    """Tell whether any figure of a result was measured with uncommitted changes."""
    return any(name.endswith(DIRTY) for name in commits(result))


def commits(result: Result) -> list[str]:
    """List every commit that a result names: its own, and those of parts that were measured separately."""
    found = [result["commit"]]
    for work in result.values():
        if isinstance(work, Mapping):
            found += [part["commit"] for part in work.values() if isinstance(part, Mapping) and "commit" in part]
    return list(dict.fromkeys(found))


def decimals(value: float, digits: int = 3) -> str:
    """Write a number with a fixed count of decimals and separated thousands."""
    return f"{value:,.{digits}f}"


def interval(measure: Mapping[str, float]) -> str:
    """Write a mean with its 95 % confidence interval."""
    return f"{measure['mean']:.3f} ({measure['low']:.3f} to {measure['high']:.3f})"


def percent(fraction: float, digits: int = 0) -> str:
    """Write a fraction as a percentage."""
    return f"{100 * fraction:.{digits}f} %"


def share(fraction: float, count: int) -> str:
    """Write a fraction of a count as "n of count"."""
    return f"{round(fraction * count):,} of {count:,}"
