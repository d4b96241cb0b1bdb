"""Circuit breaker: when to stop asking a failing server."""

from __future__ import annotations

FAILURES_TO_OPEN = 2
"""So many requests in a row, each tried again already."""
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
LONGEST_PASSING_PAUSE_S = 2.5
"""For what may pass by itself: a server that was started again is to be in use within seconds. Shorter than the
time between two looks at a server that is away: a look that asks nothing would be one missed."""


class Breaker:
    """Counts failures; open means that nothing is asked until a pause is over. Keeps no clock.

    The pause doubles with each failure, and starts anew with the first success.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._pause_s = 0.0
        self._open_until_s = 0.0

    def is_open(self, now_s: float) -> bool:
        """Tell whether the server is to be left in peace."""
        return now_s < self._open_until_s

    def failed(self, now_s: float, *, is_lasting: bool, opens: bool = False) -> None:
        """Note a failure; one that asking again cannot mend opens the breaker at once, as ``opens`` does."""
        self._failures += 1
        if opens or is_lasting or self._failures >= FAILURES_TO_OPEN:
            longest_s = LONGEST_PAUSE_S if is_lasting else LONGEST_PASSING_PAUSE_S
            self._pause_s = min(max(self._pause_s * 2, FIRST_PAUSE_S), longest_s)
            self._open_until_s = now_s + self._pause_s

    def succeeded(self) -> None:
        """Note an answer."""
        self._failures = 0
        self._pause_s = self._open_until_s = 0.0
