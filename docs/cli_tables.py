"""Commands of a click application as Markdown. Pure."""

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin

_KINDS: dict[Any, str] = {int: "integer", float: "number", str: "text", Path: "path"}


def render(group: Any) -> str:  # noqa: ANN401  # typer has a click of its own in some versions
    """Render every command with its arguments and options, those of sub-groups by their full name."""
    return "\n\n".join(part for name, command in commands(group) for part in _command(name, command))


def commands(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401  # see render
    """Every command with its full name, in the order of the help; groups themselves are not commands."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def _command(name: str, command: Any) -> Iterator[str]:  # noqa: ANN401  # see render
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option" and each.name != "help"]
    yield f"### `related-papers {name}`"
    yield _line(command.help or "")
    lines = ["| argument or option | type | default | meaning |", "|---|---|---|---|"]
    lines += [_row(each) for each in (*arguments, *options)]
    if len(lines) > 2:
        yield "\n".join(lines)


def _row(parameter: Any) -> str:  # noqa: ANN401  # see render
    if parameter.param_type_name == "argument":
        names = f"`{(parameter.metavar or parameter.name).upper()}`"
    else:
        names = ", ".join(f"`{option}`" for option in (*parameter.opts, *parameter.secondary_opts))
    repeatable = " (repeatable)" if parameter.multiple or parameter.nargs == -1 else ""
    variable = f" Environment: `{parameter.envvar}`." if parameter.envvar else ""
    cells = (names, f"{_kind(parameter)}{repeatable}", _default(parameter), f"{_line(parameter.help or '')}{variable}")
    return f"| {' | '.join(cells)} |"


def _kind(parameter: Any) -> str:  # noqa: ANN401  # see render
    if getattr(parameter, "is_flag", False):
        return "flag"
    kind = parameter.type_descriptor.annotation
    if get_origin(kind) is list:
        (kind,) = get_args(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(f"`{choice.value}`" for choice in kind)
    bounds = [f"{sign} {bound:g}" for sign, bound in (("≥", parameter.min), ("≤", parameter.max)) if bound is not None]
    return " ".join([_KINDS.get(kind, getattr(kind, "__name__", str(kind))), ", ".join(bounds)]).strip()


def _default(parameter: Any) -> str:  # noqa: ANN401  # see render
    default = parameter.default
    if parameter.required:
        return "required"
    if getattr(parameter, "is_flag", False):
        chosen = parameter.opts if default else parameter.secondary_opts
        return f"`{chosen[0]}`" if chosen else "off"
    if default is None or default == ():
        return "–"
    return f"`{getattr(default, 'value', default)}`"


def _line(text: str) -> str:
    """One line, safe within a table."""
    return " ".join(text.split()).replace("|", "\\|")
