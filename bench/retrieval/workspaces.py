"""Workspaces of a wanted size, made of installed packages."""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path

from infill_retrieval.files.sources import is_source_name
from infill_retrieval.settings import DEFAULT_SETTINGS


def sources(limit: int, suffixes: tuple[str, ...] = (".py",)) -> list[Path]:
    """Return source files of the standard library and of the installed packages, at random.

    The order is by name of the file and not of its folder, which mixes projects but is the same
    on each run of one machine.
    """
    folders = [Path(sysconfig.get_paths()[name]) for name in ("stdlib", "purelib")]
    found = {
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix in suffixes
        and is_source_name(path.name, DEFAULT_SETTINGS)
        and 200 < path.stat().st_size < DEFAULT_SETTINGS.max_file_bytes
    }
    return sorted(found, key=lambda path: (path.name[::-1], str(path)))[:limit]


def build(folder: Path, files: int, suffixes: tuple[str, ...] = (".py",)) -> Path:
    """Fill ``folder`` with ``files`` source files; names repeat with a number where they run out.

    A copy has a comment of its own in front, so that no two files are the same.
    """
    originals = sources(files, suffixes)
    folder.mkdir(parents=True)
    (folder / ".git").mkdir()
    for number in range(files):
        original = originals[number % len(originals)]
        target = folder / f"pkg{number % 97}" / f"part{number % 11}" / f"{number}_{original.name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        if number < len(originals):
            shutil.copyfile(original, target)
        else:
            text = original.read_bytes()
            target.write_bytes(f"# copy {number}\n".encode() + text)
    return folder
