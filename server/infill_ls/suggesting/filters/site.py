"""The site: what the filters know about the place they fill."""

from __future__ import annotations

from dataclasses import dataclass

from infill_ls.document.balance import Balance
from infill_ls.document.cursor_window import CursorWindow, cursor_window, parse_near
from infill_ls.suggesting.fit import Fit, fit
from infill_ls.types import Hole


@dataclass(frozen=True, slots=True)
class Site:
    """A hole with what all its completions are compared to."""

    hole: Hole
    near: CursorWindow
    balance: Balance

    @classmethod
    def of(cls, hole: Hole) -> Site:
        """Return the site of ``hole``."""
        near = cursor_window(hole)
        return cls(hole, near, Balance(hole.language, near.before, near.line, near.after))

    @property
    def is_code(self) -> bool:
        """Whether brackets and syntax matter at the cursor."""
        return self.balance.at_cursor.in_code

    def fit(self, text: str) -> Fit:
        """Return the part of ``text`` that fits before the rest of the line, and what it replaces."""
        return fit(text, self.near.rest_of_line, self.balance, self.hole.language)

    def errors(self, text: str, replaced: int = 0) -> int | None:
        """Return the errors of the neighbourhood with ``text``; ``None`` without a grammar.

        What is only missing, such as a semicolon, is no error: the user may still type it.
        """
        near = self.near
        return self._errors(f"{near.before}{near.line}{text}{near.after[replaced:]}")

    def errors_around(self) -> int:
        """Return the errors of the neighbourhood without the cursor's line."""
        below = self.near.after[len(self.near.rest_of_line) :]
        return self._errors(self.near.before + below) or 0

    def _errors(self, text: str) -> int | None:
        tree = parse_near(self.hole.language, text)
        return tree.error_count(with_missing=False) if tree is not None else None
