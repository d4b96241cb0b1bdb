"""Lines and indentation. Lines end at LF, CRLF or CR, as in LSP, and nowhere else."""

from __future__ import annotations

from itertools import accumulate

TAB_COLUMNS = 4


def line_start(text: str, offset: int) -> int:
    """Return the offset at which the line that holds ``offset`` starts."""
    # The CR is looked for within the line alone: in a text without any, a search never ends early.
    start = text.rfind("\n", 0, offset) + 1
    return max(start, text.rfind("\r", start, offset) + 1)


def line_end(text: str, offset: int) -> int:
    """Return the offset of the end of the line that holds ``offset``, before its line end."""
    end = text.find("\n", offset)
    end = end if end >= 0 else len(text)
    before = text.find("\r", offset, end)
    return before if before >= 0 else end


def split_lines(text: str) -> list[str]:
    """Split LF text into lines that keep their newline; ``""`` has no lines."""
    parts = text.split("\n")
    lines = [f"{part}\n" for part in parts[:-1]]
    return [*lines, parts[-1]] if parts[-1] else lines


def line_starts(text: str) -> list[int]:
    """Return the offset at which each line of LF text starts, as :func:`split_lines` has them, and that of the end."""
    return list(accumulate(map(len, split_lines(text)), initial=0))


def indent_columns(line: str) -> int:
    """Return how many columns of white space a line starts with."""
    return len(line[: len(line) - len(line.lstrip(" \t"))].expandtabs(TAB_COLUMNS))


def with_lf(text: str) -> str:
    """Return ``text`` with all line ends as LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
