"""Client of the fork server, and the processes it starts, with the interface of asyncio's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

FORKSERVER = Path(__file__).with_name("forkserver.py")
START_WITHIN_S = 120.0
"""Only ever reached when something hangs."""


class ForkServer:
    """Starts servers that have loaded everything already (``forkserver.py``)."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ils-")
        self._path = Path(self._folder.name, "socket")
        self.python_path = os.environ.get("PYTHONPATH")
        """What other modules a process must have had is not known here: it is for this path only."""
        self._process = subprocess.Popen([sys.executable, "-P", str(FORKSERVER), str(self._path)])
        deadline = time.monotonic() + START_WITHIN_S
        while not self._path.exists():
            assert self._process.poll() is None, "the fork server has ended"
            assert time.monotonic() < deadline, "the fork server does not begin"
            time.sleep(0.02)

    @property
    def is_as_we_are(self) -> bool:
        """Whether what it starts finds the modules that a process of ours would find now."""
        return self.python_path == os.environ.get("PYTHONPATH")

    async def start(
        self, *arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> ForkedProcess:
        """Start a server or a command with these arguments, by default in our folder and environment."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(str(self._path))
        order = {
            "arguments": arguments,
            "folder": str(cwd or Path.cwd()),
            "environment": dict(os.environ if env is None else env),
        }
        body = json.dumps(order).encode()
        theirs, ours = zip(*_pipes(), strict=True)
        data = b"%8d" % len(body) + body
        sent = socket.send_fds(connection, [data], theirs)
        connection.sendall(data[sent:])
        for file in theirs:
            os.close(file)
        connection.setblocking(False)
        status, to_server = await asyncio.open_connection(sock=connection)
        process = ForkedProcess(int(await status.readline()), status, to_server)
        await process.connect(ours)
        return process

    def close(self) -> None:
        """End it. Servers that still run are ended too, as their clients are gone."""
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()


class ForkedProcess:
    """One server: what :class:`asyncio.subprocess.Process` has, as far as tests need it."""

    stdin: asyncio.StreamWriter
    stdout: asyncio.StreamReader
    stderr: asyncio.StreamReader

    def __init__(
        self, pid: int, status: asyncio.StreamReader, to_server: asyncio.StreamWriter
    ) -> None:
        self.pid = pid
        self._end = asyncio.create_task(_exit_code(status, to_server))

    async def connect(self, files: Sequence[int]) -> None:
        """Read and write the other ends of the server's pipes."""
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.connect_write_pipe(
            asyncio.streams.FlowControlMixin, os.fdopen(files[0], "wb", 0)
        )
        self.stdin = asyncio.StreamWriter(transport, protocol, None, loop)
        self.stdout, self.stderr = [await _reader(file) for file in files[1:]]

    @property
    def returncode(self) -> int | None:
        """The exit status, or ``None`` while it runs."""
        return self._end.result() if self._end.done() else None

    async def wait(self) -> int:
        """Wait for its end."""
        return await asyncio.shield(self._end)

    def terminate(self) -> None:
        """Tell it to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)


def _pipes() -> list[tuple[int, int]]:
    """Return the server's end and ours of its standard input, output and error."""
    reads_from = os.pipe()
    return [reads_from, *((write, read) for read, write in (os.pipe(), os.pipe()))]


async def _reader(file: int) -> asyncio.StreamReader:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    await loop.connect_read_pipe(lambda: protocol, os.fdopen(file, "rb", 0))
    return reader


async def _exit_code(status: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> int:
    # While this is open, the server lives.
    with contextlib.closing(to_server):
        return int(await status.readline())
