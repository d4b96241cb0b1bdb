"""Journal of finished cases on disk, so that an interrupted evaluation can continue.

One line of JSON a case. The file's name holds a hash of all that decides the result (the model,
the data, the switches and the server's own source), so that another run has another file.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, TextIO

import infill_ls
import infill_retrieval
from infill_ls.errors import UsageError
from infill_ls.measuring.figures import Row


class Journal:
    """The measured cases of one run."""

    def __init__(self, path: Path, *, fresh: bool = False) -> None:
        self.path = path
        self.rows: dict[str, Row] = {} if fresh else _read(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Written anew: a line that the last run left unfinished goes.
            self._file: TextIO = path.open("w", encoding="utf-8")
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}") from None
        for row in self.rows.values():
            self._write(row)
        self._file.flush()

    def add(self, row: Row) -> None:
        """Save the measurement of a case to disk at once."""
        self.rows[row["id"]] = row
        self._write(row)
        self._file.flush()

    def close(self) -> None:
        """Write nothing more."""
        self._file.close()

    def _write(self, row: Row) -> None:
        self._file.write(json.dumps(row) + "\n")


def fingerprint(run: dict[str, Any]) -> str:
    """Return a hash of everything in ``run``."""
    text = json.dumps(run, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def source_fingerprint() -> str:
    """Return a hash of the server's source: another version is another result."""
    digest = hashlib.sha256()
    for package in (infill_ls, infill_retrieval):
        folder = Path(package.__path__[0])
        for path in sorted(folder.rglob("*")):
            if path.suffix in {".py", ".scm"}:
                digest.update(path.relative_to(folder).as_posix().encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _read(path: Path) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    if path.exists():
        for line in path.read_text("utf-8", "replace").splitlines():
            try:
                row = json.loads(line)
                rows[row["id"]] = row
            except (ValueError, TypeError, KeyError):
                continue  # cut off when the run was interrupted
    return rows
