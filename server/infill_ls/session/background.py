"""Background work: nobody waits for it, and its failure is logged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)

LAST_WAIT_S = 2.0


class Background:
    """Keeps tasks alive until they are done."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Future[None]] = set()

    def run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine."""
        task = asyncio.get_running_loop().create_task(work)
        self.keep(task)
        return task

    def keep(self, future: asyncio.Future[None]) -> None:
        """Look after what runs already."""
        self._tasks.add(future)
        future.add_done_callback(self._done)

    async def finish(self) -> None:
        """Wait a while for what is still running."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=LAST_WAIT_S)

    def _done(self, future: asyncio.Future[None]) -> None:
        self._tasks.discard(future)
        if not future.cancelled() and (error := future.exception()) is not None:
            log.error("background work failed", exc_info=error)
