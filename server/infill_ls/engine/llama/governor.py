"""The thread governor: fewer threads while the machine is busy with something else.

llama.cpp's threads wait for each other at every operation. When one of them has to share its core,
all of them wait for it: with two threads on two cores, of which another program keeps one busy, a
step was measured to take seven times as long as with a single thread.
"""

from __future__ import annotations

from collections.abc import Callable

from infill_ls.engine.llama.calibration import Calibration

SLOWED_DOWN = 2.5
"""Steps so many times as long as calibrated mean that the cores are shared."""
FADE = 0.5
"""Weight of the newest step in the running mean."""
RETRY_AFTER_S = 5.0
"""After so long all threads are tried again."""


class ThreadGovernor:
    """Watches how long steps take and chooses between all threads and one.

    ``set_threads(decode, prefill)`` is called at each change.
    """

    def __init__(self, calibration: Calibration, set_threads: Callable[[int, int], None]) -> None:
        self._threads = (calibration.decode_threads, calibration.prefill_threads)
        self._costs = dict(calibration.batch_costs)
        self._set_threads = set_threads
        self._slowness = 1.0
        self._reduced_at: float | None = None

    @property
    def is_reduced(self) -> bool:
        """Whether one thread runs where more would be used on a quiet machine."""
        return self._reduced_at is not None

    def observe(self, tokens: int, milliseconds: float, now_s: float) -> None:
        """Take note of a step of ``tokens`` tokens; only sizes that were calibrated count."""
        if self._reduced_at is not None:
            if now_s - self._reduced_at >= RETRY_AFTER_S:
                self._reduced_at = None
                self._slowness = 1.0
                self._set_threads(*self._threads)
            return
        expected = self._costs.get(tokens)
        if expected is None or max(self._threads) == 1:
            return
        self._slowness += FADE * (milliseconds / expected - self._slowness)
        if self._slowness > SLOWED_DOWN:
            self._reduced_at = now_s
            self._set_threads(1, 1)
