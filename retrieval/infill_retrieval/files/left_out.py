"""Folders that are never searched: version control, dependencies, caches and build output."""

from __future__ import annotations

import os
from pathlib import Path

_BY_NAME = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        ".tox",
        ".nox",
        ".venv",
        "venv",
        "site-packages",
        "node_modules",
        "bower_components",
        "__pycache__",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".cache",
        ".cargo",
        ".rustup",
        ".gradle",
        ".m2",
        ".npm",
    }
)
"""Whatever lies beside or in them. Small settings of ``.cargo`` are no loss."""
_BESIDE = {
    "target": ("Cargo.toml", "pom.xml"),
    "vendor": ("go.mod", "composer.json"),
}
"""Left out if one of these files lies beside the folder: the names alone are anybody's."""
_INSIDE = ("CACHEDIR.TAG", "pyvenv.cfg")
"""Left out if one of these files lies in the folder."""
_ENDINGS = ("/go/pkg/mod",)


def is_left_out(folder: str) -> bool:
    """Return whether a folder below the workspace's own is left out."""
    parent, _, name = folder.rpartition("/")
    return (
        name in _BY_NAME
        or folder.endswith(_ENDINGS)
        or any(os.path.lexists(f"{parent}/{mark}") for mark in _BESIDE.get(name, ()))
        or any(os.path.lexists(f"{folder}/{mark}") for mark in _INSIDE)
    )


def is_too_wide(folder: Path) -> bool:
    """Return whether a folder is the home folder or holds it: no project, but all there is."""
    try:
        home = Path.home().resolve()
    except (OSError, RuntimeError):
        return folder.parent == folder
    return folder == home or folder in home.parents
