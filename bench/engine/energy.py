"""What typing costs in processor time, with the defaults and in frugal mode.

The same past edits are typed again through a whole server, once each way in turn; counted are the
CPU seconds of the language server, of the engine and of what they started, from the first key to a
second after the last.
Keys come at a fixed pace, so that both ways have the same time.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from bench.command import finish, parser_of

from infill_ls.engine.rendezvous import RUNTIME_ENVIRONMENT_VARIABLE
from infill_ls.lsp.client import run_server
from infill_ls.measuring.git_history import PastEdit, check_out_parent, edits_of
from infill_ls.measuring.typist import Typist

MODES: dict[str, dict[str, Any]] = {
    "default": {"frugal": "off"},
    "no thinking ahead, no hints": {
        "frugal": "off",
        "thinkAhead": False,
        "cursorHints": "never",
    },
    "frugal": {"frugal": "on"},
}
AFTER_S = 1.0
"""What is computed after the last key is a part of it."""


@dataclass(slots=True)
class Spent:
    """What one way of typing took."""

    keys: int = 0
    pressed: int = 0
    cpu_s: float = 0.0

    def figures(self) -> dict[str, float]:
        """Return what is told of it."""
        return {
            "keys": self.keys,
            "cpu_s_per_1000_keys": round(1000 * self.cpu_s / max(self.pressed, 1), 1),
            "keys_saved_percent": round(100 * (self.keys - self.pressed) / max(self.keys, 1), 1),
        }


def cpu_s_of_children() -> float:
    """Return the CPU seconds that our child processes have used until now, and theirs that have ended."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        # Who looks what has changed on disk is a process of a moment.
        total += times.user + times.system + times.children_user + times.children_system
    return total


async def type_edit(
    edit: PastEdit, folder: Path, options: dict[str, Any], key_ms: float, spent: Spent
) -> None:
    """Type one edit, and add what that took."""
    path = folder / edit.path
    async with run_server(folder, options) as server:
        server.open(path, edit.before + edit.after)
        await server.until_ready()
        typist = Typist(server, path, edit, key_ms)
        await typist.rest(AFTER_S)
        before_s = cpu_s_of_children()
        await typist.type_all()
        await asyncio.sleep(AFTER_S)
        spent.cpu_s += cpu_s_of_children() - before_s
        row = typist.row()
        spent.keys += row["keys"]
        spent.pressed += row["pressed"]


def measure(
    repository: Path, edits: Sequence[PastEdit], key_ms: float
) -> dict[str, dict[str, float]]:
    """Type all edits in all ways, in turn."""
    spent = {name: Spent() for name in MODES}
    with (
        tempfile.TemporaryDirectory() as name,
        # Engines of our own: that of an editor which runs here is no child of ours, and not counted.
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as meeting,
    ):
        folder = Path(name).resolve()
        os.environ[RUNTIME_ENVIRONMENT_VARIABLE] = meeting
        for edit in edits:
            check_out_parent(repository, edit.commit, folder)
            for mode, options in MODES.items():
                asyncio.run(type_edit(edit, folder, options, key_ms, spent[mode]))
    return {mode: one.figures() for mode, one in spent.items()}


def main() -> None:
    """Measure and write the result."""
    parser = parser_of(__doc__)
    parser.add_argument("repository", type=Path, metavar="REPOSITORY")
    parser.add_argument("--edits", type=int, default=6)
    parser.add_argument("--commits", type=int, default=50)
    parser.add_argument("--key-ms", type=float, default=150.0)
    arguments = parser.parse_args()
    edits = edits_of(arguments.repository, arguments.commits, arguments.edits, 0)
    figures = measure(arguments.repository, edits, arguments.key_ms)
    finish(
        arguments.out,
        "energy",
        run={
            "repository": arguments.repository.name,
            "edits": len(edits),
            "key_ms": arguments.key_ms,
        },
        figures=figures,
    )


if __name__ == "__main__":
    main()
