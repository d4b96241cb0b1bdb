"""Programs of the user, found where the user has put them and nowhere else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def find_program(name: str) -> str | None:
    """Return the path of a program, or ``None``; the current folder is never looked in.

    Windows would look there first, and some have ``.`` in their ``PATH``: it may be a workspace.
    """
    for entry in os.environ.get("PATH", os.defpath).split(os.pathsep):
        folder = Path(entry)
        if entry and folder.is_absolute() and (found := shutil.which(str(folder / name))):
            return found
    return None
