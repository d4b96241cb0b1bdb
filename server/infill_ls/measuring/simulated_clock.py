"""An event loop with simulated time, which passes only while there is nothing to do.

However busy the machine: a sleep of a second takes none, and work takes no time. Work that is given
to threads is waited for.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

LOOK_S = 0.05
"""In real time, while a thread is at work."""
LONGEST_S = 10.0


class _Selector(selectors.DefaultSelector):
    clock: SimulatedLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; if that is nothing, let the time pass until something is due."""
        if (ready := super().select(0)) or timeout == 0:
            return ready
        if self.clock.jobs:
            return super().select(LOOK_S)
        if timeout is None:  # the loop is closed and waits for its threads, or all hangs
            if ready := super().select(LONGEST_S):
                return ready
            raise RuntimeError("nothing will ever happen")
        self.clock.now_s += timeout
        return []


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop with such a clock."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.jobs = 0
        selector = _Selector()
        selector.clock = self
        super().__init__(selector)

    def time(self) -> float:
        """Return the simulated time in seconds."""
        return self.now_s

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Run work in a thread; no time passes until it is done."""
        self.jobs += 1
        job: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        job.add_done_callback(self._job_done)
        return job

    async def shutdown_default_executor(self, *limit_s: float | None) -> None:
        """Wait for the threads at the end, which Python limits from 3.13 on; no time passes."""
        self.jobs += 1
        try:
            await super().shutdown_default_executor(*limit_s)
        finally:
            self.jobs -= 1

    def _job_done(self, _job: object) -> None:
        self.jobs -= 1


def run_simulated(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on such a loop and return its result."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(main)
