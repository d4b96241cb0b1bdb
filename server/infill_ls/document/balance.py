"""Whether a completion opens or closes brackets that the text around it does not expect."""

from __future__ import annotations

from infill_ls.document.brackets import CLOSER_OF, Bracket, State, closed_by, scan, state_after
from infill_retrieval.syntax import Language


class Balance:
    """The brackets of the text around a completion.

    ``before`` begins where no bracket is open, or as near to that as there is text; ``typed`` goes
    on from there to the cursor, and ``after`` begins at the cursor.
    """

    def __init__(self, language: Language, before: str, typed: str, after: str) -> None:
        self._language = language
        self._line = typed.rpartition("\n")[2]
        outer = state_after(language, before)
        self.at_cursor = scan(language, typed, outer)
        self._outer = len(outer.open)
        # If the cursor is in a string, it ends in the text after it or with the line.
        begin = State(string=self.at_cursor.string, comment=self.at_cursor.comment)
        self._closers = self._unmatched_in(after, begin)
        self._closed = closed_by(self.at_cursor.open, self._closers)

    def _unmatched_in(self, after: str, begin: State) -> tuple[Bracket, ...]:
        rest_of_line, newline, below = after.partition("\n")
        at_line_end = scan(self._language, rest_of_line + newline, begin, self._line)
        if at_line_end == State():
            return state_after(self._language, below).unmatched
        return scan(self._language, below, at_line_end).unmatched

    def of(self, text: str) -> State:
        """Return what ``text`` alone opens, leaves open, and closes of what was open before."""
        begin = State(string=self.at_cursor.string, comment=self.at_cursor.comment)
        return scan(self._language, text, begin, self._line)

    def excess_closer(self, text: str) -> Bracket | None:
        """Return the first closing bracket that nothing needs: not open, or closed further down."""
        place = len(self.at_cursor.open)
        for closer in self.of(text).unmatched:
            place -= 1
            if place < 0 or place in self._closed:
                return closer
            if CLOSER_OF[self.at_cursor.open[place].char] != closer.char:
                return closer
        return None

    def left_open(self, text: str) -> Bracket | None:
        """Return the first bracket that ``text`` opens and neither it nor the rest closes."""
        own = self.of(text)
        if not own.open:
            return None
        around = self._around(own)
        closed = closed_by((*around, *own.open), self._closers)
        for place, bracket in enumerate(own.open, start=len(around)):
            if place not in closed:
                return bracket
        # What closes ours must not be what closes those around.
        taken = closed_by(around, self._closers) - closed
        return own.open[0] if taken else None

    def is_whole(self, text: str) -> bool:
        """Whether all that was opened in ``text`` and in the typed text before it is closed."""
        own = self.of(text)
        if not own.in_code or self.left_open(text) is not None:
            return False
        around = self._around(own)
        typed = range(self._outer, len(around))
        return not typed or closed_by(around, self._closers).issuperset(typed)

    def _around(self, own: State) -> tuple[Bracket, ...]:
        """Return the brackets open at the cursor that a text which does ``own`` leaves open."""
        return self.at_cursor.open[: max(len(self.at_cursor.open) - len(own.unmatched), 0)]
