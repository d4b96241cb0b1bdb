"""The place that an instruction is about: the function at the cursor, or the selection."""

from __future__ import annotations

import re
from dataclasses import dataclass

from infill_ls.document.lines import line_end, line_start
from infill_ls.instruct.task import NothingToDoError, Task
from infill_retrieval.syntax import Language, language_of, parse
from infill_retrieval.syntax.functions import Function, functions

_STAND_IN = re.compile(
    r"pass|\.\.\.|raise NotImplementedError(?:\(.*\))?|return NotImplemented"
    r"|(?:todo|unimplemented)!\(.*\);?|TODO\(.*\)|panic\(\"(?:todo|not implemented).*\"\);?"
    r"|throw (?:new )?\w*(?:NotImplemented|Unsupported|Error|Exception)\w*\(.*\);?",
    re.IGNORECASE,
)
"""A body of one line that stands for one that is still to be written."""


@dataclass(frozen=True, slots=True)
class InstructionPlace:
    """What an instruction is about, in a document at one moment. Offsets are code points."""

    text: str
    """The whole document."""
    language: Language
    start: int
    """``text[start:end]`` is what the instruction is about: what the model is shown apart."""
    end: int
    function: Function | None

    @property
    def target(self) -> str:
        """The text that the instruction is about."""
        return self.text[self.start : self.end]

    @property
    def base_indent(self) -> str:
        """The white space before the place on its first line."""
        line = self.text[line_start(self.text, self.start) :]
        return line[: len(line) - len(line.lstrip(" \t"))]

    def needs_function(self) -> Function:
        """Return the function. Raises :class:`NothingToDoError` if it is none."""
        if self.function is None:
            raise NothingToDoError("there is no function at the cursor")
        return self.function


def find_place(
    text: str, path: str, language_id: str, start: int, end: int, task: Task
) -> InstructionPlace:
    """Return the place of a task for a selection, which is empty at a cursor.

    Raises :class:`NothingToDoError` if there is none.
    """
    language = language_of(path, language_id)
    function = function_at(language, text, start, end)
    if task in {Task.REWRITE, Task.EXPLAIN} and text[start:end].strip():
        first = line_start(text, start)
        last = line_end(text, end - 1 if text[end - 1] in "\r\n" else end)
        first += len(text[first:last]) - len(text[first:last].lstrip(" \t"))
        return InstructionPlace(text, language, first, len(text[:last].rstrip()), function)
    if function is None:
        what = "function at the cursor, and nothing is selected"
        known = (
            "" if parse(language, "") is not None else f" (there is no grammar for {language.name})"
        )
        raise NothingToDoError(f"there is no {what}{known}")
    whole = task in {Task.IMPLEMENT, Task.DOCUMENT, Task.TESTS}
    return InstructionPlace(
        text, language, function.docs_start if whole else function.start, function.end, function
    )


def function_at(language: Language, text: str, start: int, end: int) -> Function | None:
    """Return the innermost function that holds the selection, with the comments above it."""
    tree = parse(language, text)
    if tree is None:
        return None
    line_from, line_to = line_start(text, start), line_end(text, end)
    found = [
        one
        for one in functions(language, tree)
        if (one.docs_start <= start and end <= one.end)
        or (line_from <= one.start <= line_to and start <= one.end and end <= max(one.end, line_to))
    ]
    return min(found, key=lambda one: one.end - one.docs_start, default=None)


def has_empty_body(function: Function, text: str, language: Language) -> bool:
    """Tell whether a body is still to be written: it has comments and a stand-in at most."""
    marks = (language.comment, *language.further_comments, "*")
    lines = [line.strip() for line in text[function.inner_start : function.inner_end].splitlines()]
    code = [line for line in lines if line and not line.startswith(marks)]
    return not code or (len(code) == 1 and _STAND_IN.fullmatch(code[0]) is not None)
