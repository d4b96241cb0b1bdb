"""Helper that runs ``infill-ls`` with arguments, as a user does."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bounds import WITHIN_S
from warm.process import ForkServer


@dataclass(frozen=True)
class Outcome:
    """What came of a command."""

    status: int
    stdout: str
    stderr: str


class Run(Protocol):
    """Runs a command to its end."""

    async def __call__(
        self, *arguments: str | Path, cwd: Path | None = None, **environment: str
    ) -> Outcome: ...


async def run(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> Outcome:
    """Run the real command."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "infill_ls", *map(str, arguments)),
        stdout=PIPE,
        stderr=PIPE,
        cwd=cwd,
        env={**os.environ, **environment},
    )
    try:
        async with asyncio.timeout(WITHIN_S):
            stdout, stderr = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Outcome(process.returncode, stdout.decode(), stderr.decode())


def runs_in(fork_server: ForkServer) -> Run:
    """Return what runs a command that is forked, as is its server, from one that has loaded everything."""

    async def run_forked(
        *arguments: str | Path, cwd: Path | None = None, **environment: str
    ) -> Outcome:
        env = os.environ | environment
        process = await fork_server.start(*map(str, arguments), cwd=cwd, env=env)
        process.stdin.close()
        try:
            async with asyncio.timeout(WITHIN_S):
                stdout, stderr = await asyncio.gather(process.stdout.read(), process.stderr.read())
                status = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return Outcome(status, stdout.decode(), stderr.decode())

    return run_forked
