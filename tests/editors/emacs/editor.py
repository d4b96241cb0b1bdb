"""Driver of a real Emacs in a terminal: sends keys and reads the screen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from editors.terminal import TIMEOUT_S, Terminal, server

ROOT = Path(__file__).resolve().parents[3]
EMACS = ROOT / "build" / "editors" / "emacs"
HERE = Path(__file__).resolve().parent


SETTLED = """(not (or (and infill--opened (> (jsonrpc-continuation-count infill--opened) 0))
         (memq infill--timer timer-idle-list)
         (memq infill--edit-timer timer-idle-list)))"""
"""Whether the server has been asked, and has answered, all that comes of the keys so far.

A timer leaves the list when it runs; one that is due has not always run yet.
"""
READY = "(and infill--opened (infill--status infill--opened) t)"


class Emacs(Terminal):
    """One Emacs with one file, in a workspace of its own.

    ``answers`` is what the scripted engine says, in turn or by the text before the cursor, after ``delay_ms``, and ``script`` what else is in its
    script; without it, the bundled model answers. ``files`` are those of the workspace beside the one that is
    open. With ``listens``, which is ``wants`` or ``ignores``, ``.git/cursor`` gets what it is told of point.
    ``home`` is a home folder that has infill as a package, and an init file that switches it on.
    """

    def __init__(
        self,
        workspace: Path,
        text: str,
        *,
        name: str = "demo.py",
        answers: Sequence[str] | Mapping[str, str] | None = None,
        settings: dict[str, Any] | None = None,
        start: str = "(infill-mode 1)",
        listens: str = "",
        delay_ms: int = 0,
        script: dict[str, Any] | None = None,
        files: Mapping[str, str] | None = None,
        home: Path | None = None,
        cache: Path | None = None,
    ) -> None:
        super().__init__()
        self._is_package = home is not None
        self.workspace = workspace
        (workspace / ".git").mkdir(parents=True)
        (workspace / ".git").chmod(0o700)  # as Emacs wants the folder of its socket
        for other, content in (files or {}).items():
            (workspace / other).write_text(content, "utf-8")
        self.file = workspace / name
        self.file.write_bytes(text.encode())
        self._result = workspace / ".git" / "result.json"
        self._socket = workspace / ".git" / "socket"
        command = [server(warm=answers is not None), "--stdio"]
        if listens:
            listening = ROOT / "tests" / "editors" / "listening_server.py"
            record = workspace / ".git" / "cursor"
            command = [sys.executable, str(listening), str(record), listens, *command]
        if answers is not None:
            file = workspace / ".git" / "answers.json"
            whole = {"answers": answers, "delay_ms": delay_ms, **(script or {})}
            file.write_text(json.dumps(whole))
            command += ["--scripted-engine", str(file)]
        self._environment = {
            **os.environ,
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "LANG": "C.UTF-8",
            # Not in the workspace: a folder that holds the home folder is not searched.
            "HOME": str(home or tempfile.mkdtemp(prefix="infill-home-")),
            # A short path, as it holds a socket.
            "INFILL_LS_RUNTIME_DIR": tempfile.mkdtemp(prefix="infill-"),
            # What the engine measures for a model is kept: it takes a while.
            "XDG_CACHE_HOME": str(cache or ROOT / "build" / "editors" / "cache"),
            "XDG_DATA_HOME": str(workspace / ".git" / "data"),
            "INFILL_SOCKET": str(self._socket),
            "INFILL_RESULT": str(self._result),
            "INFILL_COMMAND": json.dumps(command),
            "INFILL_SETTINGS": json.dumps({"thinkAhead": False, **(settings or {})}),
        }
        self._start()
        self.eval(f'(progn (find-file "{self.file}") {start} t)')
        self.press("\x1b>")  # to the end of the buffer

    def _start(self) -> None:
        if self._is_package:
            # As a user starts it: packages are activated, then the init file is read.
            self.start([str(EMACS / "emacs"), "-nw"], self._environment, self.workspace)
            self.wait("Emacs to start", self._result.exists)
            return
        packages = EMACS / "root/usr/share/emacs/site-lisp/elpa-src"
        folders = [ROOT / "editors" / "emacs", *packages.iterdir()]
        command = [str(EMACS / "emacs"), "-nw", "-Q"]
        for folder in folders:
            command += ["-L", str(folder)]
        command += ["-l", str(HERE / "init.el")]
        self.start(command, self._environment, self.workspace)
        self.wait("Emacs to start", self._result.exists)

    def eval(self, expression: str) -> Any:
        """Evaluate Lisp in the buffer under test, and return the value by way of JSON."""
        self.look(0)
        self._result.unlink(missing_ok=True)
        client = EMACS / "root/usr/bin/emacsclient.emacs"
        done = subprocess.run(
            [
                *(*self._loader(), str(client), "-s", str(self._socket)),
                *("--eval", f"(infill-test-evaluate '{expression})"),
            ],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"{expression}: {done.stdout}{done.stderr}\n{self.describe()}")
        self.wait(f"the value of {expression}", self._result.exists)
        result = json.loads(self._result.read_text("utf-8"))
        assert "error" not in result, f"{expression}: {result['error']}\n{self.describe()}"
        return result["value"]

    def ghost(self) -> str | None:
        """Return the ghost text, or ``None``."""
        ghost = self.eval(
            "(when (and (boundp 'infill--overlay) (infill--visible-p))"
            " (substring-no-properties (or (overlay-get infill--overlay 'display)"
            " (overlay-get infill--overlay 'after-string))))"
        )
        assert ghost is None or isinstance(ghost, str)
        return ghost

    def expect_ghost(self, expected: str) -> None:
        """Wait for this very ghost text."""
        self.wait(f"the ghost text {expected!r}", lambda: self.ghost() == expected)

    def dismiss(self) -> None:
        """Take the ghost text away with C-g."""
        self.press("\x07")
        self.wait("the ghost text to go", lambda: self.ghost() is None)

    def settle(self) -> None:
        """Wait until the server has been asked, and has answered, what comes of the keys."""
        self.wait("the answers to the keys", lambda: self.eval(SETTLED))

    def expect_no_ghost(self) -> None:
        """Check that no ghost text comes."""
        self.settle()
        ghost = self.ghost()
        assert ghost is None, f"there is ghost text: {ghost!r}"

    def expect_saved(self, expected: str) -> None:
        """Save, and compare the bytes on disk."""
        self.press("\x18\x13")
        self.wait(
            f"the file to hold {expected!r}", lambda: self.file.read_bytes() == expected.encode()
        )

    def describe(self) -> str:
        """Return what is on the screen, and in the file."""
        return f"{self.text()}\nfile: {self.file.read_bytes()!r}"

    @staticmethod
    def _loader() -> list[str]:
        libraries = EMACS / "root/usr/lib/x86_64-linux-gnu"
        return [str(libraries / "ld-linux-x86-64.so.2"), "--library-path", str(libraries)]


Start = Callable[..., Emacs]
"""Takes what :class:`Emacs` takes, but for the workspace; waits for the server, unless given how to
start."""
