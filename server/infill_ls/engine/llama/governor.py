"""The thread governor: fewer threads while the machine is busy with something else.

llama.cpp's threads wait for each other at every operation. When one of them has to share its core,
all of them wait for it: with two threads on two cores, of which another program keeps one busy, a
step was measured to take seven times as long as with a single thread, and a hundred times where
four programs want both.
"""

from __future__ import annotations

from collections.abc import Callable

from infill_ls.engine.llama.calibration import Calibration

SLOWED_DOWN = 2.5
"""Steps so many times as long as calibrated mean that the cores are shared."""
FADE = 0.5
"""Weight of the newest step in the running mean."""
LOOK_EVERY_S = 0.5
"""How often to look what other programs use."""
SHARED_CORES = 0.5
"""So much may be wanted beyond the cores there are: an editor draws, a browser blinks."""
RETRY_AFTER_S = 5.0
"""After so long all threads are tried again, if there are cores for them."""
RETRY_ANYWAY_S = 60.0
"""In a container others may take cores of a machine that are not ours."""


class ThreadGovernor:
    """Watches how long steps take, and chooses between all threads and one.

    ``set_threads(decode, prefill)`` is called at each change. ``cores_taken`` says how many of the
    ``cores`` others took since it was last called. What was calibrated on a busy machine says
    nothing of how long a step should take: then what others take decides alone.
    """

    def __init__(
        self,
        calibration: Calibration,
        set_threads: Callable[[int, int], None],
        *,
        cores: int,
        cores_taken: Callable[[], float],
    ) -> None:
        self._threads = (calibration.decode_threads, calibration.prefill_threads)
        self._costs = dict(calibration.batch_costs) if calibration.is_steady else {}
        self._set_threads = set_threads
        self._cores = cores
        self._cores_taken = cores_taken
        self._have_room = True
        self._looked_at = float("-inf")
        self._slowness = 1.0
        self._reduced_at: float | None = None

    @property
    def is_reduced(self) -> bool:
        """Whether one thread runs where more would be used on a quiet machine."""
        return self._reduced_at is not None

    def observe(self, tokens: int, milliseconds: float, now_s: float) -> None:
        """Take note of a step of ``tokens`` tokens; its time counts for sizes that were calibrated."""
        if max(self._threads) == 1:
            return
        self._look(now_s)
        if self._reduced_at is not None:
            if now_s - self._reduced_at >= (RETRY_AFTER_S if self._have_room else RETRY_ANYWAY_S):
                self._reduced_at = None
                self._slowness = 1.0
                self._set_threads(*self._threads)
            return
        if (expected := self._costs.get(tokens)) is not None:
            self._slowness += FADE * (milliseconds / expected - self._slowness)
        if self._slowness > SLOWED_DOWN or not (self._costs or self._have_room):
            self._reduced_at = now_s
            self._set_threads(1, 1)

    def _look(self, now_s: float) -> None:
        if now_s - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now_s
            wanted = self._cores_taken() + max(self._threads)
            self._have_room = wanted <= self._cores + SHARED_CORES
