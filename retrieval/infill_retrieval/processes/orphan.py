"""Ends a child process when its parent is gone, however that ended and whatever the child does."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import sys
import threading

LOCK_LIMIT_S = 120
"""How long a regular expression or a parser may keep all other threads from running."""
LOOK_EVERY_S = 10.0
_PR_SET_PDEATHSIG, _SIGKILL = 1, 9  # of Linux


def end_with_parent(parent_pid: int, pipe: int) -> None:
    """End this process when the parent has gone, which held the other end of ``pipe``.

    Nothing but the end of ``pipe`` may be left to read. On Linux the kernel also kills us, to
    which it needs no thread of ours; elsewhere a native timer does if a regular expression keeps
    the interpreter for :data:`LOCK_LIMIT_S`. The thread that started us must live as long as we do.
    """
    threading.Thread(target=_wait_for_end, args=(pipe,), name="parent", daemon=True).start()
    if sys.platform == "linux":
        _ask_kernel()
        if os.getppid() != parent_pid:  # it went before we asked
            os._exit(1)
    else:
        threading.Thread(target=_wind_timer, name="parent-timer", daemon=True).start()


def _wait_for_end(pipe: int) -> None:
    with contextlib.suppress(OSError):
        while os.read(pipe, 4096):
            pass
    os._exit(1)


def _ask_kernel() -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)


def _wind_timer() -> None:
    never = threading.Event()
    while True:
        faulthandler.dump_traceback_later(LOCK_LIMIT_S, exit=True)
        never.wait(LOOK_EVERY_S)
