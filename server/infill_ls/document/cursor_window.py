"""The part of a document around the cursor that is parsed at every key."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from infill_ls.document.lines import split_lines
from infill_ls.types import Hole
from infill_retrieval.syntax import Language, SyntaxTree, TreeCache

BEFORE_CHARS = 6_000
AFTER_CHARS = 2_000
PARSE_LIMIT_MS = 30.0
_trees = TreeCache()


@dataclass(frozen=True, slots=True)
class CursorWindow:
    """``before + line``, the cursor, ``after``; all with LF line ends."""

    before: str
    """Lines above the cursor's. They begin where a top-level node does, if one is near."""
    line: str
    """What stands before the cursor on its line."""
    after: str
    """The rest of the line, and whole lines below."""

    @property
    def rest_of_line(self) -> str:
        """The text after the cursor on its line."""
        return self.after.partition("\n")[0]

    @property
    def line_above(self) -> str:
        """The last line above that is not blank."""
        return next((line for line in reversed(self.before.split("\n")) if line.strip()), "")

    @property
    def line_below(self) -> str:
        """The first line below that is not blank."""
        below = self.after.split("\n")[1:]
        return next((line for line in below if line.strip()), "")


def cursor_window(hole: Hole) -> CursorWindow:
    """Return the neighbourhood of the hole's cursor."""
    typed_above, newline, line = hole.typed.rpartition("\n")
    after = (hole.line_tail + hole.below)[: AFTER_CHARS + 1]
    if len(after) > AFTER_CHARS and "\n" in after[1:]:
        after = after[: after.rindex("\n") + 1]
    before = _near_end(hole.prefix, hole.prefix_borders) + typed_above + newline
    if hole.region_before is not None:
        before = before[max(len(before) + len(line) - hole.region_before, 0) :]
        line = line[max(len(line) - hole.region_before, 0) :]
    return CursorWindow(before, line, after[: hole.region_after])


def parse_near(language: Language, text: str) -> SyntaxTree | None:
    """Parse a cursor window, or a changed version of it; fast if it resembles the last ones.

    To be called from one thread, the event loop's.
    """
    return _trees.parse(language, text, PARSE_LIMIT_MS)


@lru_cache(maxsize=8)
def _near_end(prefix: str, borders: tuple[int, ...]) -> str:
    """Return the last lines of ``prefix``; from memory, as it stays while a line is typed."""
    if len(prefix) <= BEFORE_CHARS:
        return prefix
    lines = split_lines(prefix)
    chars, first = 0, len(lines)
    while first and chars + len(lines[first - 1]) <= BEFORE_CHARS:
        first -= 1
        chars += len(lines[first])
    border = next((border for border in borders if border >= first), first)
    return "".join(lines[border:]) if border < len(lines) else prefix[-BEFORE_CHARS:]
