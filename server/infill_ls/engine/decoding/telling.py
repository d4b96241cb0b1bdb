"""When the listener of a completion is told of it: at its beginning, and when it asks.

Each telling wakes another process while the model needs all cores: one for each token cost half as much
as the decode steps themselves took of Python. Pure; one thread hears, any may look.
"""

from __future__ import annotations

from collections.abc import Callable

from infill_ls.types import Written


class Telling:
    """Passes on what a completion's listener wants to know of what is written."""

    def __init__(self, tell: Callable[[Written], None], *, tells_all: bool = False) -> None:
        self._tell = tell
        self._tells_all = tells_all
        self._is_wanted = True
        """Whether the next text is to be told: the first one, and one that was asked for."""
        self._written = Written("", 0.0, 0)

    def hear(self, written: Written) -> None:
        """Take note of what there is now, and tell of it if somebody wants to know."""
        self._written = written
        if self._tells_all or (self._is_wanted and written.text):
            self._is_wanted = False
            self._tell(written)

    def look(self) -> None:
        """Tell what there is at once, and of the next text too.

        What is told may be older than what the other thread tells at this moment.
        """
        self._is_wanted = True
        self._tell(self._written)
