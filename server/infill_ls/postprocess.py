"""From what the model wrote to what is shown: an ordered list of pure filters.

Each filter takes the text and the hole, and returns the text to go on with; an empty text means
that nothing is shown, and the filter's name is the reason.
"""

from __future__ import annotations

from collections.abc import Callable

from infill_ls.lines import indent_columns, with_lf
from infill_ls.types import Completion, Hole, Suggestion

Filter = Callable[[str, Hole], str]

SHORTEST_ECHO_CHARS = 3
"""A repeated end this short, such as ``)``, is only taken off if it is the line's whole tail."""


def postprocess(completion: Completion, hole: Hole) -> tuple[Suggestion | None, str]:
    """Return the suggestion, or ``None`` and the reason why nothing is shown."""
    text = with_lf(completion.text)
    if not text.strip():
        return None, "the model wrote nothing"
    for rule in FILTERS:
        text = rule(text, hole)
        if not text.strip():
            return None, f"nothing left after filter {rule.__name__}"
    return Suggestion(text), "shown"


def drop_blank_end(text: str, _hole: Hole) -> str:
    """Take off blank lines and blanks at the end: the document goes on with its own."""
    return text.rstrip()


def drop_repeated_line_tail(text: str, hole: Hole) -> str:
    """Take off what repeats the rest of the cursor's line."""
    tail = hole.line_tail.rstrip()
    if not tail.strip():
        return text
    first, newline, rest = text.partition("\n")
    overlap = _overlap(first, tail)
    if overlap and (overlap >= SHORTEST_ECHO_CHARS or overlap == len(tail)):
        # What would follow the rest of the line in the text is not in the right place any more.
        return first[: len(first) - overlap]
    # The document goes on behind the cursor: only the line itself can be filled.
    return first if newline and rest is not None else text


def drop_repeated_suffix_lines(text: str, hole: Hole) -> str:
    """End the text where it begins to repeat the lines that follow the cursor."""
    following = [line.strip() for line in hole.suffix.split("\n")[1:] if line.strip()]
    if not following:
        return text
    lines = text.split("\n")
    full = [hole.typed + lines[0], *lines[1:]]
    for number, line in enumerate(full):
        stripped = line.strip()
        if not stripped or stripped != following[0]:
            continue
        rest = [one.strip() for one in full[number:] if one.strip()]
        repeats = all(one == other for one, other in zip(rest, following, strict=False))
        # A lone closing bracket is common: it repeats the suffix only if the text ends with it.
        if repeats and (len(rest) <= len(following) or len(rest) > 1):
            return "\n".join(lines[:number])
    return text


def drop_echo_of_line_above(text: str, hole: Hole) -> str:
    """Show nothing if the line would only repeat the one above."""
    lines = hole.prefix.rstrip("\n").split("\n")
    above = lines[-1].strip()
    first, *rest = text.split("\n")
    written = (hole.typed + first).strip()
    return "" if not rest and len(written) > SHORTEST_ECHO_CHARS and written == above else text


def cut_at_dedent(text: str, hole: Hole) -> str:
    """End a block before the first line that is indented less than its own beginning."""
    lines = text.split("\n")
    if len(lines) == 1 or hole.typed.strip():
        return text
    block = indent_columns(hole.typed + lines[0])
    for number, line in enumerate(lines[1:], start=1):
        if line.strip() and indent_columns(line) < block:
            return "\n".join(lines[:number])
    return text


FILTERS: tuple[Filter, ...] = (
    drop_repeated_line_tail,
    cut_at_dedent,
    drop_repeated_suffix_lines,
    drop_echo_of_line_above,
    drop_blank_end,
)


def _overlap(text: str, following: str) -> int:
    """Return how many characters at the end of ``text`` are the beginning of ``following``."""
    for size in range(min(len(text), len(following)), 0, -1):
        if text.endswith(following[:size]):
            return size
    return 0
