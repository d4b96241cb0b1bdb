"""A place in a file, as the command line names it: ``FILE[:LINE[:COL]]``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from infill_ls.document.lines import line_end
from infill_ls.errors import UsageError

MAX_BYTES = 50_000_000
_PLACE = re.compile(r"(?P<file>.+?)(?::(?P<line>\d+))?(?::(?P<column>\d+))?\Z")
_LINE_END = re.compile(r"\r\n|\r|\n")
_WORKSPACE_MARKERS = (".git", ".hg", "pyproject.toml", "package.json", "Cargo.toml", "go.mod")


@dataclass(frozen=True, slots=True)
class CursorPlace:
    """A cursor in a file. Lines and columns count from 1, columns in characters."""

    path: Path
    text: str
    line: int
    column: int
    offset: int
    """In code points."""


def read_place(argument: str) -> CursorPlace:
    """Parse ``FILE[:LINE[:COL]]`` and read the file. Raises :class:`UsageError`."""
    from infill_retrieval.files.regular_file import NotRegularError, TooLargeError, read_regular

    match = _PLACE.match(argument)
    # A file whose name ends in ":12" exists rarely, but it exists.
    whole = Path(argument)
    file = whole if match is None or whole.is_file() else Path(match["file"])
    try:
        data = read_regular(file, MAX_BYTES)
    except NotRegularError:
        raise UsageError(f"{file} is not a regular file") from None
    except TooLargeError:
        raise UsageError(f"{file} is larger than {MAX_BYTES / 1e6:.0f} MB") from None
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from None
    if b"\0" in data:
        raise UsageError(f"{file} is a binary file")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not UTF-8 text") from None
    numbers = match.groupdict() if match is not None and file != whole else {}
    starts = [0, *(match.end() for match in _LINE_END.finditer(text))]
    line = int(numbers.get("line") or len(starts))
    if not 1 <= line <= len(starts):
        raise UsageError(f"{file} has {len(starts)} lines, there is no line {line}")
    start = starts[line - 1]
    width = line_end(text, start) - start
    column = int(numbers.get("column") or width + 1)
    if not 1 <= column <= width + 1:
        raise UsageError(f"line {line} of {file} has columns 1 to {width + 1}, not {column}")
    return CursorPlace(file.resolve(), text, line, column, start + column - 1)


def find_workspace(path: Path) -> Path:
    """Return the nearest folder above ``path`` that looks like a project, else its own folder."""
    for folder in path.parents:
        if any((folder / marker).exists() for marker in _WORKSPACE_MARKERS):
            return folder
    return path.parent
