"""Paths as the index spells them: with ``/``, on Windows too, whose system calls take that as well."""

from __future__ import annotations

import os
from pathlib import PurePath


def spelled(path: str | PurePath, separator: str = os.sep) -> str:
    """Return ``path`` with ``/`` between its parts."""
    text = str(path)
    return text if separator == "/" else text.replace(separator, "/")


def inside(folder: str | PurePath) -> str:
    """Return what the paths below ``folder`` begin with; a root ends in a separator already."""
    return f"{spelled(folder).rstrip('/')}/"
