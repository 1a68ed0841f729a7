"""The stages of the ranking pipeline, in the order in which they run. Light to import: options are declared with it.

To add a stage, add a member here and a module of the same name in `ranking/stages/`.
"""

from enum import StrEnum


class StageName(StrEnum):
    """A stage of the ranking pipeline; each has a module in `ranking/stages/` that defines `STAGE`."""

    LEXICAL = "lexical"
    CROSS_LANGUAGE = "cross_language"
    TITLE = "title"
    FEEDBACK = "feedback"
    FUSION = "fusion"
    SMOOTHING = "smoothing"


OPTIONAL = tuple(name for name in StageName if name is not StageName.FUSION)
"""Stages that a query may leave out."""
