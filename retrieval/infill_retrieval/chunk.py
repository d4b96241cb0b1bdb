"""A file's text to the windows of lines that are searched."""

from __future__ import annotations

from dataclasses import dataclass

WINDOW_LINES = 10
"""Non-blank lines of a window; CrossCodeEval's size. Whole functions do worse (2605.04763)."""
MAX_LINE_CHARS = 300
"""A file with a longer line is taken for generated or minified and is not searched."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive lines of a file; ``text`` ends with a newline."""

    path: str
    first_line: int
    text: str


def split_windows(path: str, text: str) -> list[Chunk]:
    """Cut ``text`` into windows of ``WINDOW_LINES`` non-blank lines that do not overlap."""
    lines = text.replace("\r\n", "\n").split("\n")
    if any(len(line) > MAX_LINE_CHARS for line in lines):
        return []
    chunks: list[Chunk] = []
    window: list[str] = []
    start = filled = 0
    for number, line in enumerate(lines):
        if not window and not line.strip():
            continue
        if not window:
            start = number
        window.append(line.rstrip())
        filled += bool(line.strip())
        if filled == WINDOW_LINES:
            chunks.append(Chunk(path, start, "\n".join(window) + "\n"))
            window, filled = [], 0
    if filled:
        chunks.append(Chunk(path, start, "\n".join(window).rstrip("\n") + "\n"))
    return chunks
