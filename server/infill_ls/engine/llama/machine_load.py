"""The processors that this process may use, and how much of them other programs take."""

from __future__ import annotations

import os
import time

import psutil

LEAST_S = 0.1
"""The system counts in hundredths of a second: of less time it says little."""
_SPENT = ("user", "system", "irq", "softirq", "steal")
"""Without ``nice``: programs that were made nice make way."""


def usable_processors() -> int:
    """Return on how many processors this process may run: not on all, if it is pinned to some."""
    pinned = _pinned()
    return len(pinned) if pinned is not None else os.cpu_count() or 1


class CoresTaken:
    """Says how many cores others took since it was last asked, on average.

    Where the system does not know, nobody takes any.
    """

    def __init__(self) -> None:
        self._last = _spent_s()
        self._taken = 0.0

    def __call__(self) -> float:
        """Return a number of cores, 0 or more."""
        at, all_before, own_before = self._last
        now, all_now, own_now = _spent_s()
        if now - at >= LEAST_S:
            self._last = now, all_now, own_now
            others_s = (all_now - all_before) - (own_now - own_before)
            self._taken = max(others_s, 0.0) / (now - at)
        return self._taken


def _spent_s() -> tuple[float, float, float]:
    """Return the time, how long the processors have worked until then, and how long for this process."""
    pinned = _pinned()
    try:
        processors = psutil.cpu_times(percpu=True)
    except (OSError, RuntimeError):
        processors = []
    ours = [each for number, each in enumerate(processors) if pinned is None or number in pinned]
    spent = sum(getattr(each, name, 0.0) for each in ours for name in _SPENT)
    return time.monotonic(), spent, time.process_time()


def _pinned() -> set[int] | None:
    """Return the numbers of the processors that this process may use, if the system says them."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return os.sched_getaffinity(0)
    return None
