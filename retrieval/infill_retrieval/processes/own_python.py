"""How we start Python for ourselves, so that nothing that lies in a workspace is run.

The folder that the editor started us in is often the workspace. Python puts it first in the path
of modules for ``-m`` and ``-c``, and for empty entries of ``PYTHONPATH``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

SAFE_FOLDER = str(Path(os.sep).absolute())
"""Where our own processes run: no workspace, and nobody else's place to leave files in."""
_MODULES = "PYTHONPATH"


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
