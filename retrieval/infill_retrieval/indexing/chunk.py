"""Cut a file into the windows of lines that are searched for usages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WINDOW_LINES = 10
"""Non-blank lines of a window; CrossCodeEval's size. Whole functions do worse (2605.04763)."""
MAX_LINE_CHARS = 300
"""A window with a longer line is data or minified code, and is not searched."""


@dataclass(frozen=True, slots=True)
class Window:
    """The lines ``first_line`` to ``last_line`` of a file, both included, neither blank."""

    first_line: int
    last_line: int


def split_windows(lines: Sequence[str], borders: Sequence[int] = ()) -> list[Window]:
    """Cut lines into windows of at most ``WINDOW_LINES`` non-blank lines that do not overlap.

    ``borders`` are the lines at which top-level statements begin: a window that is at least half
    full ends before one, so that it does not tear a definition apart for the sake of its size.
    """
    starts = frozenset(borders)
    windows: list[Window] = []
    first = last = -1
    filled = 0
    for number in [n for n, line in enumerate(lines) if line and not line.isspace()]:
        if filled == WINDOW_LINES or (number in starts and filled * 2 >= WINDOW_LINES):
            windows.append(Window(first, last))
            filled = 0
        if not filled:
            first = number
        last = number
        filled += 1
    if filled:
        windows.append(Window(first, last))
    long = [number for number, line in enumerate(lines) if len(line) > MAX_LINE_CHARS]
    return [w for w in windows if not any(w.first_line <= n <= w.last_line for n in long)]
