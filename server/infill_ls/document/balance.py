"""Whether a completion opens or closes brackets that the text around it does not expect."""

from __future__ import annotations

from infill_ls.document.brackets import (
    Bracket,
    BracketKind,
    ScanState,
    closed_by,
    scan,
    state_after,
)
from infill_retrieval.syntax import Language


class Balance:
    """What is open around a completion.

    ``before`` begins where no bracket is open, or as near to that as there is text; ``typed`` goes
    on from there to the cursor, and ``after`` begins at the cursor.
    """

    def __init__(self, language: Language, before: str, typed: str, after: str) -> None:
        self._language = language
        self._line = typed.rpartition("\n")[2]
        outer = state_after(language, before)
        self.at_cursor = scan(language, typed, outer)
        self._outer = len(outer.open)
        rest, newline, below = after.partition("\n")
        on_line = scan(language, rest + newline, ScanState(self.at_cursor.open), self._line)
        self.closers_on_line = on_line.outer_closers
        """What stands right of the cursor on its line and closes something, in order."""
        self._below = self._closers_below(below, on_line)
        self._after_line = on_line.open
        self._closed_on_line = {one.depth for one in self.closers_on_line if one.depth >= 0}
        self._closed = closed_by(on_line.open, self._below) | self._closed_on_line
        """Depths of what is open at the cursor and closed further down."""

    def _closers_below(self, below: str, on_line: ScanState) -> tuple[Bracket, ...]:
        if on_line.in_code:
            return state_after(self._language, below).unmatched
        # In a string or comment that spans lines: what ends it is the first thing to be found.
        found = scan(self._language, below, ScanState(on_line.open)).outer_closers
        last = on_line.open[-1]
        is_same = last.closer == last.char
        before_end = below[: found[0].offset] if found else below
        # Is that mark its end, or does it belong to another string or comment further down?
        is_its_end = below.count(last.closer) % 2 == 1 if is_same else last.char not in before_end
        return found if is_its_end else state_after(self._language, below).unmatched

    def of(self, text: str) -> ScanState:
        """Return what ``text`` opens, leaves open, and closes that was open before."""
        return scan(self._language, text, ScanState(self.at_cursor.open), self._line, strict=True)

    def is_closed_after(self, depth: int) -> bool:
        """Whether the text after the cursor closes what is open at the cursor at this depth.

        Not if it would close as much without that: then one closing bracket is missing.
        """
        if depth not in self._closed or depth in self._closed_on_line:
            return depth in self._closed
        before = closed_by(self._after_line, self._below)
        return len(closed_by(self._after_line[:depth], self._below)) < len(before)

    def excess_closer(self, text: str) -> Bracket | None:
        """Return the first closing bracket that nothing needs: not open, or closed further down."""
        for closer in self.of(text).outer_closers:
            if closer.depth < 0 or self.is_closed_after(closer.depth):
                return closer
        return None

    def left_open(self, text: str, replaced: int = 0) -> Bracket | None:
        """Return the first bracket that ``text`` opens and neither it nor the rest closes.

        ``replaced`` characters right of the cursor are not there any more.
        """
        own = self.of(text)
        around = len(self.at_cursor.open) - len(own.closed)
        mine = [one for one in own.open[around:] if one.kind is BracketKind.BRACKET]
        if not mine:
            return None
        after = [one for one in self.closers_on_line if one.offset >= replaced] + [*self._below]
        outer = [one for one in own.open[:around] if one.kind is BracketKind.BRACKET]
        closed = closed_by((*outer, *mine), after)
        for place, bracket in enumerate(mine, start=len(outer)):
            if place not in closed:
                return bracket
        # What closes ours must not be what closes those around.
        taken = closed_by(outer, after) - closed
        return mine[0] if taken else None

    def is_whole(self, text: str) -> bool:
        """Whether all that was opened in ``text`` and in the typed text before it is closed."""
        own = self.of(text)
        if not own.in_code or self.left_open(text) is not None:
            return False
        around = len(self.at_cursor.open) - len(own.closed)
        return all(depth in self._closed for depth in range(self._outer, around))
