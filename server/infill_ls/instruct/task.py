"""The tasks that an instruction can name."""

from __future__ import annotations

from enum import StrEnum

from infill_ls.errors import InfillError


class Task(StrEnum):
    """One kind of instruction."""

    IMPLEMENT = "implement"
    """Write the body of the function at the cursor."""
    REWRITE = "rewrite"
    """Change the selection, or the function, as the user says."""
    EXPLAIN = "explain"
    DOCUMENT = "document"
    """Write the documentation of the function; its code stays as it is."""
    TESTS = "tests"
    """Write tests of the function, in the file for them."""


class OutlineUse(StrEnum):
    """What to do with the outline that the model writes before the code."""

    DISCARD = "discard"
    COMMENT = "comment"
    OFF = "off"
    """The model is not asked for them."""


class NothingToDoError(InfillError):
    """There is no place for the task, or it may not be shown to a model."""


class AnswerRefusedError(InfillError):
    """What the model wrote is not taken; nothing is changed."""
