"""What the tools write into files of the repository, and check to be up to date."""

from __future__ import annotations

import sys
from pathlib import Path


def between(document: str, begin: str, end: str, text: str) -> str:
    """Return ``document`` with ``text`` in place of what stands between two marks."""
    head, _, rest = document.partition(begin)
    _, _, tail = rest.partition(end)
    return head + begin + text + end + tail


def write_or_check(path: Path, wanted: str) -> int:
    """Write a file, or with ``--check`` only tell by the exit status whether it is as wanted."""
    if "--check" in sys.argv:
        return int(path.read_text("utf-8") != wanted)
    path.write_text(wanted, "utf-8")
    return 0
