"""Neovim and Emacs in a terminal, with the bundled model, and what their screens show."""

from __future__ import annotations

import getpass
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyte
from tools.screenshots import scene
from tools.screenshots.screen import BACKGROUND, FOREGROUND, Cell, Screen

from editors.terminal import Terminal

ROOT = Path(__file__).parents[2]
EDITORS = ROOT / "build" / "editors"
TESTS = ROOT / "tests" / "editors"
COLUMNS, ROWS = 80, 16
READY_IN_EMACS = re.compile(r" Infill[ )]")
NEOVIM_STATUS = "v:lua.require('infill_ls').status()"
MODEL_WITHIN_S = 40.0
"""Only ever waited for when something hangs."""
NAMED = {
    "black": "#1c1e24",
    "red": "#e06c75",
    "green": "#98c379",
    "brown": "#e5c07b",
    "blue": "#61afef",
    "magenta": "#c678dd",
    "cyan": "#56b6c2",
    "white": "#d8dade",
}


class Editor:
    """An editor that has the scene's file open."""

    def __init__(self, terminal: Terminal, workspace: Path) -> None:
        self._terminal = terminal
        self._workspace = workspace

    def screen(self) -> Screen:
        """Return what is shown now. Raises :class:`SystemExit` if that tells of this machine."""
        shown = screen_of(self._terminal)
        telling = names_of_this_machine(self._workspace)
        if found := [name for name in telling if name in "\n".join(shown.lines())]:
            raise SystemExit(f"the picture shows {found}:\n{self._terminal.text()}")
        return shown

    def press(self, keys: str) -> Screen:
        """Send keys as a terminal does, and return what is shown then."""
        self._terminal.press(keys)
        return self.screen()

    def wait(self, what: str, shown: str) -> Screen:
        """Wait until the screen shows a text."""
        self._terminal.wait(what, lambda: shown in self._terminal.text())
        return self.screen()

    def wait_for_ghost(self, other_than: str = "") -> Screen:
        """Wait for ghost text at the cursor that holds still, and return the screen."""

        def found() -> Screen | None:
            ghost = self.screen().right_of_cursor()
            if not ghost or ghost == other_than:
                return None
            self._terminal.look(0.5)
            shown = self.screen()
            return shown if shown.right_of_cursor() == ghost else None

        shown = self._terminal.wait("ghost text", found, timeout_s=MODEL_WITHIN_S)
        assert shown is not None
        return shown

    def wait_for_no_ghost(self) -> Screen:
        """Wait until nothing is right of the cursor."""
        self._terminal.wait("the end of the line", lambda: not self.screen().right_of_cursor())
        return self.screen()


def screen_of(terminal: Terminal) -> Screen:
    """Return what a terminal shows, as data.

    Where the editor has a background of its own, cells that it only cleared have it too, as in a
    terminal that erases in the current colour.
    """
    cells = [
        [terminal.screen.buffer[row][column] for column in range(COLUMNS)] for row in range(ROWS)
    ]
    backs = Counter(cell.bg for row in cells for cell in row if cell.data.strip())
    paper = _color(backs.most_common(1)[0][0], BACKGROUND) if backs else BACKGROUND
    rows = tuple(tuple(_cell(cell, paper) for cell in row) for row in cells)
    return Screen(rows, (terminal.screen.cursor.x, terminal.screen.cursor.y))


def _cell(cell: pyte.screens.Char, paper: str) -> Cell:
    front, back = _color(cell.fg, FOREGROUND), _color(cell.bg, paper)
    if cell.reverse:
        front, back = back, front
    return Cell(cell.data or " ", front, back, cell.italics)


def _color(name: str, default: str) -> str:
    if name == "default":
        return default
    return NAMED.get(name.removeprefix("bright"), f"#{name}" if len(name) == 6 else default)


def names_of_this_machine(workspace: Path) -> list[str]:
    """Return what no picture may show: folders, and the names of user and machine."""
    folders = (str(ROOT), str(Path.home()), str(workspace.parent), tempfile.gettempdir())
    # A short name such as "root" is a word too.
    names = (getpass.getuser(), platform.node().partition(".")[0])
    return [name for name in folders if name != "/"] + [f"{name}@" for name in names if name]


@contextmanager
def shop() -> Iterator[Path]:
    """Copy examples/shop, with the scene's file in it, to a folder that goes again."""
    with tempfile.TemporaryDirectory(prefix="infill-") as name:
        workspace = Path(name) / "shop"
        shutil.copytree(
            ROOT / "examples" / "shop", workspace, ignore=shutil.ignore_patterns("__pycache__")
        )
        (workspace / scene.FILE).write_text(scene.TEXT, "utf-8")
        yield workspace


def _environment(workspace: Path) -> dict[str, str]:
    own = workspace.parent
    options = json.dumps({"thinkAhead": False, "timeBudgetMs": 60_000, "coldTargetMs": 0})
    return {
        **os.environ,
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LANG": "C.UTF-8",
        "HOME": str(own),
        "XDG_CACHE_HOME": str(EDITORS / "cache"),
        "XDG_DATA_HOME": str(own / "data"),
        "XDG_STATE_HOME": str(own / "state"),
        "XDG_CONFIG_HOME": str(own / "config"),
        "INFILL_LS_RUNTIME_DIR": str(own / "run"),
        "INFILL_COMMAND": json.dumps([str(ROOT / ".venv/bin/infill-ls"), "--stdio"]),
        "INFILL_OPTIONS": options,
        "INFILL_SETTINGS": options,
        "INFILL_PLUGIN": str(ROOT / "editors/neovim"),
        "INFILL_SOCKET": str(own / "emacs"),
        "INFILL_RESULT": str(own / "ready"),
    }


@contextmanager
def neovim() -> Iterator[Editor]:
    """Run Neovim.

    Started through its own libc's loader, it cannot start its other half by itself. That half has no
    terminal, so it does not find out that ours shows all colours.
    """
    program = str(EDITORS / "neovim" / "nvim")
    with shop() as workspace:
        environment = _environment(workspace)
        socket = workspace.parent / "neovim"
        arguments = ["--clean", "--headless", "--listen", str(socket), "--cmd", "set termguicolors"]
        arguments += ["-u", str(TESTS / "neovim" / "init.lua"), scene.FILE]
        half = subprocess.Popen([program, *arguments], env=environment, cwd=workspace)  # noqa: S603
        terminal = Terminal(COLUMNS, ROWS)
        try:
            terminal_command = [program, "--server", str(socket), "--remote-ui"]
            while not socket.exists():
                if half.poll() is not None:
                    raise SystemExit("Neovim has ended")
                time.sleep(0.05)
            terminal.start(terminal_command, environment, workspace)
            try:
                asking = [program, "--server", str(socket), "--remote-expr", NEOVIM_STATUS]
                terminal.wait(
                    "the model", lambda: "Ready" in _printed(asking, environment), MODEL_WITHIN_S
                )
                yield _opened(Editor(terminal, workspace))
            finally:
                terminal.stop()
        finally:
            half.kill()
            half.wait()


@contextmanager
def emacs() -> Iterator[Editor]:
    """Run Emacs."""
    command = [str(EDITORS / "emacs" / "emacs"), "-nw", "-Q", "-L", str(ROOT / "editors" / "emacs")]
    command += ["-l", str(TESTS / "emacs" / "init.el"), scene.FILE]
    command += ["--eval", "(progn (load-theme 'modus-vivendi t) (infill-mode))"]
    with shop() as workspace:
        terminal = Terminal(COLUMNS, ROWS)
        terminal.start(command, _environment(workspace), workspace)
        try:
            terminal.wait(
                "the model", lambda: READY_IN_EMACS.search(terminal.text()), MODEL_WITHIN_S
            )
            yield _opened(Editor(terminal, workspace))
        finally:
            terminal.stop()


def _printed(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout + done.stderr


def _opened(editor: Editor) -> Editor:
    editor.wait("the file", scene.TEXT.splitlines()[0])
    return editor
