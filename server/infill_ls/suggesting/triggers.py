"""When to complete unasked, and when to answer. Two rules, so that users can predict them."""

from __future__ import annotations

from collections import deque
from statistics import median, quantiles

from infill_ls.suggesting.fit import is_closing
from infill_ls.types import Hole

SHARE_OF_LATENCY = 0.25
"""How long to wait for the next key, as a part of the time that a completion takes: a fast model
is asked at nearly every key, a slow one in pauses only."""
SHARE_OF_KEY = 0.1
"""The most of the time between two keys that is waited."""
LONGEST_PAUSE_S = 0.25
MEASURED = 15
"""Number of latencies to take the median of."""
FEWEST_LATENCIES = 3
KEYS = 24
"""Number of times between keys to know a rhythm by."""
FEWEST_KEYS = 4
LONGEST_BETWEEN_KEYS_S = 1.0
"""A longer time is a pause."""
QUICK_SHARE = 4
"""The quickest quarter of the keys may come before the answer."""
DELIVERY_S = 0.015
"""For the answer to get from here to the screen."""


def why_not(hole: Hole) -> str | None:
    """Return why nothing is suggested here unless it is asked for, or ``None``."""
    before, after = hole.line_typed[-1:], hole.line_tail[:1]
    if is_word_char(before) and is_word_char(after):
        return "the cursor is inside a word"
    if not is_closing(hole.line_tail):
        return "there is text right of the cursor; ask explicitly to complete here"
    return None


class Pace:
    """The user's rhythm and the model's: how long to wait before it is asked, and for its answer.

    Who asks at every key without a pause of its own waits for another key first.
    """

    def __init__(self) -> None:
        self._latencies_s: deque[float] = deque(maxlen=MEASURED)
        self._between_keys_s: deque[float] = deque(maxlen=KEYS)
        self._last_key_s: float | None = None
        self._is_in_a_run = False

    def key(self, now_s: float) -> None:
        """Take note that a key was pressed."""
        if self._last_key_s is not None:
            between_s = now_s - self._last_key_s
            self._is_in_a_run = between_s <= LONGEST_BETWEEN_KEYS_S
            if self._is_in_a_run:
                self._between_keys_s.append(between_s)
        self._last_key_s = now_s

    def deadline_s(self, now_s: float) -> float | None:
        """Return in how many seconds to answer, so that it is seen before the next key is likely.

        ``None`` as long as no rhythm is known, and for the first key after a pause: whoever reads what
        is there has time for all of it.
        """
        expected_s = self._between_quick_keys_s()
        if self._last_key_s is None or expected_s is None or not self._is_in_a_run:
            return None
        return max(self._last_key_s + expected_s - DELIVERY_S - now_s, 0.0)

    def measured(self, latency_s: float) -> None:
        """Take the time that a completion took into account."""
        self._latencies_s.append(latency_s)

    @property
    def pause_s(self) -> float:
        """Seconds to wait before the next one."""
        if len(self._latencies_s) < FEWEST_LATENCIES:
            return 0.0  # the first one is that of a whole prompt
        pause_s = min(median(self._latencies_s) * SHARE_OF_LATENCY, LONGEST_PAUSE_S)
        between_keys_s = self._between_quick_keys_s()
        # Whoever waited longer would ask in pauses only, and never learn that the model is quick.
        return pause_s if between_keys_s is None else min(pause_s, between_keys_s * SHARE_OF_KEY)

    def _between_quick_keys_s(self) -> float | None:
        if len(self._between_keys_s) < FEWEST_KEYS:
            return None
        return quantiles(self._between_keys_s, n=QUICK_SHARE, method="inclusive")[0]


def is_word_char(char: str) -> bool:
    """Tell whether a character, if there is one, belongs to a word."""
    return char.isalnum() or char == "_"
