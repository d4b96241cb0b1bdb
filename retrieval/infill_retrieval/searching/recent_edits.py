"""Recently edited parts of files: stretches of lines, kept in place while lines move. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from infill_retrieval.common_length import common_length

MAX_FILES = 8
"""Files edited last that count as recently edited."""
MAX_STRETCHES = 16
"""Stretches that are kept of one file, the last ones."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Lines that were edited, both included."""

    first_line: int
    last_line: int


class RecentEdits:
    """The edits of the files that were edited last. It needs the texts only for a moment."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, list[Stretch]] = OrderedDict()

    def __contains__(self, key: str) -> bool:
        return key in self._files

    def note(self, key: str, old: str, new: str) -> None:
        """Note that a file had the text ``old`` and has ``new`` now."""
        known = self._files.pop(key, [])
        start = common_length(old, new)
        end = common_length(old[start:][::-1], new[start:][::-1])
        first = old.count("\n", 0, start)
        old_last = first + old.count("\n", start, len(old) - end)
        new_last = first + new.count("\n", start, len(new) - end)
        moved = [_moved(one, old_last, new_last - old_last) for one in known]
        edited = Stretch(first, new_last)
        apart = [
            one
            for one in moved
            if one.last_line < edited.first_line - 1 or one.first_line > edited.last_line + 1
        ]
        for one in moved:
            if one not in apart:
                edited = Stretch(
                    min(one.first_line, edited.first_line), max(one.last_line, edited.last_line)
                )
        self._files[key] = [*apart, edited][-MAX_STRETCHES:]
        if len(self._files) > MAX_FILES:
            self._files.popitem(last=False)

    def touches(self, key: str, first_line: int, last_line: int) -> bool:
        """Tell whether some of these lines, both included, were edited lately."""
        return any(
            one.first_line <= last_line and first_line <= one.last_line
            for one in self._files.get(key, ())
        )


def _moved(one: Stretch, behind_line: int, lines: int) -> Stretch:
    if one.first_line > behind_line:
        return Stretch(one.first_line + lines, one.last_line + lines)
    if one.last_line > behind_line:
        return Stretch(one.first_line, max(one.last_line + lines, one.first_line))
    return one
