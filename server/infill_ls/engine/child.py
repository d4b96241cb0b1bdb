"""Run a task with llama.cpp in a child process. Does not load llama.cpp itself."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from infill_ls.errors import EngineError, ModelError
from infill_retrieval.processes.own_python import python_command, starting_options

LAST_LINES = 3


def run_chore(name: str, *arguments: str, timeout_s: float | None = 300) -> dict[str, Any]:
    """Run one of :mod:`infill_ls.engine.llama.tasks` and return its answer; paths must be absolute.

    Raises :class:`ModelError` with what the chore said, or with llama.cpp's last words if it ended
    without an answer; :class:`EngineError` if it took too long.
    """
    command = python_command("-m", "infill_ls.engine.llama.tasks", name, *arguments)
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            command,
            capture_output=True,
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
            **starting_options(),
        )
    except subprocess.TimeoutExpired:
        raise EngineError(f"llama.cpp did not finish '{name}' in {timeout_s:.0f} s") from None
    try:
        answer = json.loads(done.stdout.decode("utf-8", "replace").rpartition("\n")[0] or "null")
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        words = done.stderr.decode("utf-8", "replace").strip().split("\n")[-LAST_LINES:]
        raise ModelError(
            f"llama.cpp ended while it ran '{name}' (exit status {done.returncode}): "
            + " / ".join(words)
        )
    if "error" in answer:
        raise ModelError(answer["error"])
    return answer
