"""Walk a workspace folder and yield the files worth searching."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pathspec

from infill_retrieval.syntax import PLAIN_TEXT, language_of

log = logging.getLogger(__name__)

MAX_FILE_BYTES = 400_000
SKIPPED_FOLDERS = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        ".venv",
        "venv",
        "node_modules",
        "__pycache__",
        "build",
        "dist",
        "target",
    }
)


def read_source(path: Path) -> str | None:
    """Return the text of a source file, or ``None`` if it is no text we would search."""
    try:
        if path.is_symlink() or path.stat().st_size > MAX_FILE_BYTES:
            return None
        data = path.read_bytes()
        if b"\0" in data:
            return None
        return data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        log.debug("skipped %s: %s", path, type(error).__name__)
        return None


def find_sources(folder: Path) -> Iterator[Path]:
    """Yield the source files below ``folder`` that its top ``.gitignore`` does not name."""
    ignored = pathspec.GitIgnoreSpec.from_lines(_gitignore_lines(folder))
    for root, folders, names in os.walk(folder):
        base = Path(root)
        relative = base.relative_to(folder)
        folders[:] = sorted(
            name
            for name in folders
            if name not in SKIPPED_FOLDERS and not ignored.match_file(f"{relative / name}/")
        )
        for name in sorted(names):
            if language_of(name) is not PLAIN_TEXT and not ignored.match_file(str(relative / name)):
                yield base / name


def _gitignore_lines(folder: Path) -> list[str]:
    try:
        return (folder / ".gitignore").read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
