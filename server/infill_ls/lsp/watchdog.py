"""End the server when the editor has died without closing its end of the pipe."""

from __future__ import annotations

import asyncio
import logging
import os

import psutil

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0


async def exit_when_parent_dies(process_id: int, every_s: float = LOOK_EVERY_S) -> None:
    """Look for the editor's process now and then; without it, leave at once.

    A pid that is not there to begin with is not watched: the editor may run in another
    container or on another machine.
    """
    if not psutil.pid_exists(process_id):
        log.info("editor process %d cannot be seen from here; not watching it", process_id)
        return
    started = psutil.Process(process_id).create_time()
    while _started(process_id) == started:  # noqa: ASYNC110 - nothing tells us, we must look
        await asyncio.sleep(every_s)
    log.warning("editor process %d has gone", process_id)
    os._exit(1)  # the engine sees its pipe close and ends by itself


def _started(process_id: int) -> float:
    try:
        return psutil.Process(process_id).create_time()
    except psutil.NoSuchProcess:
        return 0.0
