"""Converts LaTeX to text with pylatexenc. The only module that imports pylatexenc."""

import functools
import logging
from collections.abc import Callable
from typing import NamedTuple


class LatexReader(NamedTuple):
    """The functions of a configured pylatexenc.

    Attributes:
        read: LaTeX → text; raises on malformed input.
        knows: Whether a macro of this name has a definition.
        takes_arguments: Whether a macro of this name takes arguments.
    """

    read: Callable[[str], str]
    knows: Callable[[str], bool]
    takes_arguments: Callable[[str], bool]


@functools.cache
def reader() -> LatexReader:
    """Configure pylatexenc on the first call."""
    from pylatexenc import latex2text, latexwalker

    logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)  # malformed LaTeX is expected
    tables = latex2text.get_default_latex_context_db()
    tables.add_context_category(
        "related-papers",
        prepend=True,
        macros=[
            *(latex2text.MacroTextSpec(name, "") for name in ("cite", "ref", "label")),
            latex2text.MacroTextSpec("deg", "°"),
        ],
        specials=[latex2text.SpecialsTextSpec(mark, mark) for mark in ("<<", ">>", "?`", "!`")],
    )
    grammar = latexwalker.get_default_latex_context_db()
    printer = latex2text.LatexNodes2Text(
        latex_context=tables,
        keep_comments=True,
        strict_latex_spaces={"between-macro-and-chars": False, "between-latex-constructs": True},
    )

    def read(latex: str) -> str:
        walker = latexwalker.LatexWalker(latex, latex_context=grammar, tolerant_parsing=True)
        return str(printer.nodelist_to_text(walker.get_latex_nodes()[0]))

    def knows(macro: str) -> bool:
        return any(getattr(table.get_macro_spec(macro), "macroname", "") for table in (tables, grammar))

    def takes_arguments(macro: str) -> bool:
        spec = grammar.get_macro_spec(macro)
        return bool(spec and spec.args_parser.argspec)

    return LatexReader(read, knows, takes_arguments)
