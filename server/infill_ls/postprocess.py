"""From what the model wrote to what is shown: an ordered list of pure filters.

Each filter takes the text and the hole, and returns the text to go on with; an empty text means
that nothing is shown, and the filter's name is the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import takewhile

from infill_ls.lines import indent_columns, with_lf
from infill_ls.types import Completion, FilterStep, Hole, StopReason, Suggestion

Filter = Callable[[str, Hole], str]

_CLOSED_BY = {"(": ")", "[": "]", "{": "}"}
_LAST_WORD = re.compile(r"\w+\Z")
REPEATED_LINES = 3
"""So many lines like the suffix's are a repetition even if the text then goes another way."""
SHORTEST_ECHO_CHARS = 3
"""A repeated end this short, such as ``)``, is only taken off if it is the line's whole tail."""


def filters_of(completion: Completion, hole: Hole) -> tuple[FilterStep, ...]:
    """Return what each filter leaves of what the model wrote; one that leaves nothing is the last.

    Empty if the model wrote nothing.
    """
    rules = FILTERS
    if completion.stop in (StopReason.TIME, StopReason.TOKENS):
        rules = (without_cut_off_end, *FILTERS)
    steps: list[FilterStep] = []
    text = with_lf(completion.text)
    for rule in rules:
        if not text.strip():
            break
        text = rule(text, hole)
        steps.append(FilterStep(rule.__name__, text))
    return tuple(steps)


def conclude(completion: Completion, steps: Sequence[FilterStep]) -> tuple[Suggestion | None, str]:
    """Return the suggestion, or ``None`` and the reason why nothing is shown.

    ``steps`` are those of :func:`filters_of`.
    """
    if not steps:
        return None, "the model wrote nothing"
    last = steps[-1]
    if last.text.strip():
        return Suggestion(last.text), "shown"
    if last.name == without_cut_off_end.__name__:
        return None, f"cut off by the limit of {completion.stop.value} before a word was whole"
    return None, f"nothing left after filter {last.name}"


def without_cut_off_end(text: str, _hole: Hole | None = None) -> str:
    """Return what is whole of a text that a limit cut off: whole lines, else whole words."""
    head, newline, _ = text.rpartition("\n")
    return head if newline and head.strip() else _LAST_WORD.sub("", text)


def drop_blank_end(text: str, _hole: Hole) -> str:
    """Take off blank lines and blanks at the end: the document goes on with its own."""
    return text.rstrip()


def drop_repeated_line_tail(text: str, hole: Hole) -> str:
    """Take off what repeats the rest of the cursor's line."""
    tail = hole.line_tail.rstrip()
    if not tail.strip():
        return text
    overlap = _overlap(text, tail)
    if overlap >= SHORTEST_ECHO_CHARS or (overlap and overlap == len(tail)):
        return text[: len(text) - overlap]
    return text


def drop_closers_of_line_tail(text: str, hole: Hole) -> str:
    """End the text at a bracket it did not open, if the rest of the line closes brackets itself."""
    if hole.line_tail.lstrip()[:1] not in tuple(_CLOSED_BY.values()):
        return text
    open_brackets: list[str] = []
    for position, char in enumerate(text):
        if char in _CLOSED_BY:
            open_brackets.append(_CLOSED_BY[char])
        elif open_brackets and char == open_brackets[-1]:
            open_brackets.pop()
        elif char in _CLOSED_BY.values():
            return text[:position]
    return text


def drop_repeated_suffix_lines(text: str, hole: Hole) -> str:
    """End the text where it begins to repeat the lines that follow the cursor."""
    following = [_comparable(line) for line in hole.below.split("\n") if line.strip()]
    if not following:
        return text
    lines = text.split("\n")
    full = [_comparable(line) for line in (hole.line_typed + lines[0], *lines[1:])]
    for number, line in enumerate(full):
        if line != following[0]:
            continue
        rest = [one for one in full[number:] if one]
        pairs = zip(rest, following, strict=False)
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        if same == len(rest) or same >= REPEATED_LINES:
            return "\n".join(lines[:number])
    return text


def drop_echo_of_line_above(text: str, hole: Hole) -> str:
    """Show nothing if the line would only repeat the one above."""
    before = (hole.prefix + hole.typed).removesuffix(hole.line_typed)
    above = before.rstrip("\n").rpartition("\n")[2].strip()
    first, *rest = text.split("\n")
    written = (hole.line_typed + first).strip()
    return "" if not rest and len(written) > SHORTEST_ECHO_CHARS and written == above else text


def cut_at_dedent(text: str, hole: Hole) -> str:
    """End a block before the first line that is indented less than its own beginning."""
    lines = text.split("\n")
    if len(lines) == 1 or hole.line_typed.strip():
        return text
    block = indent_columns(hole.line_typed + lines[0])
    for number, line in enumerate(lines[1:], start=1):
        if line.strip() and indent_columns(line) < block:
            return "\n".join(lines[:number])
    return text


def keep_to_the_line(text: str, hole: Hole) -> str:
    """Show one line where one line was asked for."""
    return text.partition("\n")[0] if hole.mode.end_kind is None else text


FILTERS: tuple[Filter, ...] = (
    keep_to_the_line,
    drop_closers_of_line_tail,
    drop_repeated_line_tail,
    cut_at_dedent,
    drop_repeated_suffix_lines,
    drop_echo_of_line_above,
    drop_blank_end,
)


def _comparable(line: str) -> str:
    """Return the line without its indentation, which matters only for a lone closing bracket."""
    stripped = line.strip()
    return line.rstrip() if stripped and not stripped.strip("()[]{};,") else stripped


def _overlap(text: str, following: str) -> int:
    """Return how many characters at the end of ``text`` are the beginning of ``following``."""
    for size in range(min(len(text), len(following)), 0, -1):
        if text.endswith(following[:size]):
            return size
    return 0
