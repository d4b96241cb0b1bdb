"""End the server when the editor has died without closing its end of the pipe."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Coroutine
from typing import Any

import psutil

log = logging.getLogger(__name__)


def watch_editor(process_id: int, every_s: float) -> Coroutine[Any, Any, None]:
    """Return work that looks for the editor's process now and then; without it, we leave at once.

    A pid that is not there to begin with is not watched: the editor may run in another
    container or on another machine.
    """
    try:
        editor = psutil.Process(process_id)
    except psutil.Error:
        editor = None
    return _exit_without(editor, every_s)


async def _exit_without(editor: psutil.Process | None, every_s: float) -> None:
    if editor is None:
        log.info("cannot see the editor's process from here; not watching it")
        return
    while _is_alive(editor):  # noqa: ASYNC110 - nothing tells us, we must look
        await asyncio.sleep(every_s)
    log.warning("editor process %d has gone", editor.pid)
    os._exit(1)  # the engine sees its pipe close and ends by itself


def _is_alive(process: psutil.Process) -> bool:
    try:
        # A process that nobody has waited for yet is as dead as any.
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
