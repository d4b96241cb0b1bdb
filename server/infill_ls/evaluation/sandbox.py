"""Run a program that a model wrote in part, and report whether it succeeds.

The program gets a folder of its own, no input, and limits of time, memory and file size. Where the
kernel lets us (``unshare`` of util-linux), it gets no network and a process table of its own as
well, so that all that it starts ends with it. This guards against accidents: it is no jail for
programs that mean harm.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from infill_ls.errors import UsageError
from infill_retrieval.processes.programs import find_program

NAMESPACES = ("--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child")
MOST_FILE_BYTES = 1_000_000
MOST_PROCESSES = 64
"""Of one user; the kernel does not count those of root."""
REACHED_END = 42
"""The exit status of a program that ran to its end: one that leaves before its tests has another."""

# What runs first in the new process; its arguments are the limits and the program's path.
_STARTER = """
import os, resource, sys
seconds, memory, file, processes = map(int, sys.argv[1:5])
for kind, value in (
    (resource.RLIMIT_CPU, seconds),
    (resource.RLIMIT_AS, memory),
    (resource.RLIMIT_FSIZE, file),
    (resource.RLIMIT_CORE, 0),
    (resource.RLIMIT_NPROC, processes),
):
    resource.setrlimit(kind, (value, value))
with open(sys.argv[5], encoding="utf-8") as source:
    code = compile(source.read(), "program.py", "exec")
exec(code, {"__name__": "__main__"})
os._exit(int(sys.argv[6]))
"""


class ProgramEnd(StrEnum):
    """How a program ended."""

    PASSED = "passed"
    FAILED = "failed"
    """With an exception, or killed for memory."""
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may take."""

    seconds: float = 10.0
    memory_bytes: int = 1_000_000_000


DEFAULT_LIMITS = Limits()


def run_program(source: str, limits: Limits = DEFAULT_LIMITS) -> ProgramEnd:
    """Run ``source`` as a Python program; return when it, and all that it started, has ended.

    Raises :class:`UsageError` where the system knows no limits for a program.
    """
    if sys.platform == "win32":
        raise UsageError("programs are run on Linux and macOS only: Windows sets them no limits")
    with tempfile.TemporaryDirectory(prefix="infill-ls-eval-") as folder:
        program = Path(folder) / "program.py"
        program.write_text(source, encoding="utf-8")
        command = [
            *namespace_command(),
            *(sys.executable, "-I", "-c", _STARTER),
            *map(str, (int(limits.seconds) + 1, limits.memory_bytes)),
            *map(str, (MOST_FILE_BYTES, MOST_PROCESSES)),
            *(str(program), str(REACHED_END)),
        ]
        process = subprocess.Popen(  # noqa: S603 - this is what the sandbox is for
            command,
            cwd=folder,
            env={"PATH": os.defpath, "PYTHONHASHSEED": "0"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            status = process.wait(limits.seconds)
        except subprocess.TimeoutExpired:
            return ProgramEnd.TIMEOUT
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return ProgramEnd.PASSED if status == REACHED_END else ProgramEnd.FAILED


@cache
def namespace_command() -> tuple[str, ...]:
    """Return what to put before a command so that it runs apart; empty where that is not allowed."""
    unshare, true = find_program("unshare"), find_program("true")
    if unshare is None or true is None:
        return ()
    command = (unshare, *NAMESPACES, "--")
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            [*command, true], capture_output=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return command if done.returncode == 0 else ()
