"""When to complete without being asked. Two rules, so that users can tell beforehand."""

from __future__ import annotations

from collections import deque
from statistics import median

from infill_ls.suggesting.fit import is_closing
from infill_ls.types import Hole

SHARE_OF_LATENCY = 0.25
"""How long to wait for the next key, as a part of the time that a completion takes: a fast model
is asked at nearly every key, a slow one in pauses only."""
LONGEST_PAUSE_S = 0.25
MEASURED = 15
"""Number of latencies to take the median of."""


def why_not(hole: Hole) -> str | None:
    """Return why nothing is suggested here unless it is asked for, or ``None``."""
    before, after = hole.line_typed[-1:], hole.line_tail[:1]
    if _is_word(before) and _is_word(after):
        return "the cursor is inside a word"
    if not is_closing(hole.line_tail):
        return "there is text right of the cursor; ask explicitly to complete here"
    return None


class Pace:
    """How long to wait for another key before the model is asked.

    For editors that ask at every key without a pause of their own.
    """

    def __init__(self) -> None:
        self._latencies_s: deque[float] = deque(maxlen=MEASURED)

    def measured(self, latency_s: float) -> None:
        """Take the time that a completion took into account."""
        self._latencies_s.append(latency_s)

    @property
    def pause_s(self) -> float:
        """Seconds to wait before the next one."""
        if not self._latencies_s:
            return 0.0
        return min(median(self._latencies_s) * SHARE_OF_LATENCY, LONGEST_PAUSE_S)


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"
