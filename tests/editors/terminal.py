"""Terminal emulator that runs a program: keys in, a screen out."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import pyte

COLUMNS, ROWS = 80, 24
TIMEOUT_S = 120.0
"""Bound of every wait. Only ever reached when something hangs."""

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]


def server(*, warm: bool) -> str:
    """Return the command of the server: the real one, or what has one that is loaded already start it."""
    return os.environ["WARM_SERVER"] if warm else str(ROOT / ".venv/bin/infill-ls")


class _Screen(pyte.Screen):  # type: ignore[misc]
    """Leaves what programs ask the terminal unanswered, also what pyte does not know."""

    def report_device_status(self, mode: int, **_: bool) -> None:
        """Say nothing."""


class Terminal:
    """Runs a program in a terminal of its own, from :meth:`start` to :meth:`stop`."""

    def __init__(self, columns: int = COLUMNS, rows: int = ROWS) -> None:
        self.screen = _Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self._watched_row: int | None = None
        self._seen: list[str] = []

    def start(self, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        """Start the program."""
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(command[0], list(command), dict(environment))
        size = struct.pack("HHHH", self.screen.lines, self.screen.columns, 0, 0)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, size)

    def press(self, keys: str) -> None:
        """Send keys as a terminal does."""
        os.write(self._terminal, keys.encode())
        self.look(0.02)

    def type(self, text: str) -> None:
        """Type text as fast as a person does."""
        for char in text:
            self.press("\r" if char == "\n" else char)
            self.look(0.03)

    def wait(self, what: str, check: Callable[[], T], timeout_s: float = TIMEOUT_S) -> T:
        """Wait until ``check`` returns something, and return that."""
        deadline = time.monotonic() + timeout_s
        while not (found := check()):
            if time.monotonic() > deadline:
                raise AssertionError(f"waited in vain for {what}\n{self.describe()}")
            self.look(0.03)
        return found

    def look(self, seconds: float) -> None:
        """Take in what the program draws, for some time."""
        deadline = time.monotonic() + seconds
        while True:
            left = max(deadline - time.monotonic(), 0)
            if not select.select([self._terminal], [], [], left)[0]:
                return
            try:
                self._stream.feed(os.read(self._terminal, 65536))
            except OSError:
                return  # the program has ended
            if self._watched_row is not None:
                self._seen.append(self.screen.display[self._watched_row].rstrip())

    def watch(self, row: int) -> list[str]:
        """Return a list that gets what the row shows after every piece of output."""
        self._watched_row, self._seen = row, []
        return self._seen

    def text(self) -> str:
        """Return what is on the screen."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def describe(self) -> str:
        """Return what helps to understand a failure."""
        return self.text()

    def stop(self) -> None:
        """End the program."""
        os.kill(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + 5
        while os.waitpid(self.pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
            self.look(0.02)
        os.close(self._terminal)
