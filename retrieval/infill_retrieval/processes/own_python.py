"""Start our own Python so that nothing in a workspace is run.

The folder that the editor started us in is often the workspace. Python puts it first in the path
of modules for ``-m`` and ``-c``, and for empty entries of ``PYTHONPATH``.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

SAFE_FOLDER = sys.base_prefix if sys.platform == "win32" else "/"
"""Where our own processes run: no workspace, and nobody else's place to leave files in. Windows also
looks for libraries in the current folder, and lets anybody write into the root of a drive."""
_MODULES = "PYTHONPATH"
_NO_WINDOW: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)
_GROUP_OF_ITS_OWN: int = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)


def python_command(*arguments: str) -> list[str]:
    """Return the command that runs Python with ``arguments``.

    Not ``-I``: what the user installed for themselves, or named in ``PYTHONPATH``, goes on working.
    """
    return [sys.executable, "-P", *arguments]


def python_environment() -> dict[str, str]:
    """Return our environment for a process in :data:`SAFE_FOLDER`.

    In ``PYTHONPATH`` relative entries keep their meaning, and empty ones, which mean the current
    folder and are there by accident, are left out.
    """
    environment = dict(os.environ)
    entries = [entry for entry in environment.pop(_MODULES, "").split(os.pathsep) if entry]
    if entries:
        environment[_MODULES] = os.pathsep.join(str(Path(entry).absolute()) for entry in entries)
    return environment


def starting_options(*, outlives_us: bool = False) -> dict[str, Any]:
    """Return the keywords with which :class:`subprocess.Popen` starts a process of our own.

    No window opens on Windows. Ctrl-C in a terminal is not for one that ``outlives_us``.
    """
    flags = _NO_WINDOW | (_GROUP_OF_ITS_OWN if outlives_us else 0)
    return {
        "cwd": SAFE_FOLDER,
        "env": python_environment(),
        "creationflags": flags,
        "start_new_session": outlives_us,
    }


def stand_back(niceness: int) -> None:
    """Let everything else on this machine go before this process."""
    nice = getattr(os, "nice", None)
    below_normal = getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", None)
    with contextlib.suppress(OSError, psutil.Error):
        if nice is not None:
            nice(niceness)
        elif below_normal is not None:  # Windows has classes in place of numbers
            psutil.Process().nice(below_normal)
