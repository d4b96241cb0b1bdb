"""Make the pictures for the README and the VS Code extension, with the bundled model.

usage: python tests/editors/screenshots.py   (after `make test-editors`)

Neovim and Emacs are run in a terminal, whose screen is drawn; VS Code's are from its tests.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time
from pathlib import Path

import pyte
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
MEDIA = ROOT / "editors" / "vscode" / "media"
VSCODE_RUN = ROOT / "build" / "editors" / "vscode-run"
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf"
COLUMNS, ROWS = 72, 16
SIZE = 16
BACKGROUND, FOREGROUND = "#1c1e24", "#d8dade"
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
CODE = """\
import json
from pathlib import Path


def load_settings(path: Path) -> dict[str, str]:
    with path.open() as file:
"""
GHOST = "json.load(file)"
"""A part of what the bundled model suggests below ``CODE``."""


def picture(screen: pyte.Screen, path: Path) -> None:
    """Draw what the terminal shows, the margin in the colour of its last cell."""
    paper = _color(screen.buffer[ROWS - 1][COLUMNS - 1].bg, BACKGROUND)
    font = ImageFont.truetype(FONT, SIZE)
    width, height = round(font.getlength("M")), SIZE + 5
    image = Image.new("RGB", (COLUMNS * width + 16, ROWS * height + 16), paper)
    draw = ImageDraw.Draw(image)
    for row in range(ROWS):
        for column in range(COLUMNS):
            cell = screen.buffer[row][column]
            front, back = _color(cell.fg, FOREGROUND), _color(cell.bg, BACKGROUND)
            is_cursor = (column, row) == (screen.cursor.x, screen.cursor.y)
            if bool(cell.reverse) != is_cursor:
                front, back = back, front
            x, y = 8 + column * width, 8 + row * height
            if back != paper:
                draw.rectangle((x, y, x + width, y + height), fill=back)
            if cell.data.strip():
                draw.text((x, y), cell.data, font=font, fill=front)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, optimize=True)


def _color(name: str, default: str) -> str:
    if name == "default":
        return default
    return NAMED.get(name.removeprefix("bright"), f"#{name}" if len(name) == 6 else default)


def run(command: list[str], keys: str, environment: dict[str, str], folder: Path) -> pyte.Screen:
    """Run an editor in a terminal, press keys, and return what it shows with its ghost text."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execve(command[0], command, {**os.environ, **environment})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))

    def look(seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([terminal], [], [], left)[0]:
                continue
            try:
                stream.feed(os.read(terminal, 65536))
            except OSError:
                raise SystemExit("\n".join(["the editor has ended", *screen.display])) from None

    try:
        look(4)  # the editor and the server start
        for key in keys:
            os.write(terminal, key.encode())
            look(0.1)
        for _ in range(60):
            if GHOST in "".join(screen.display):
                break
            look(0.5)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    shown = "\n".join(screen.display)
    if GHOST not in shown:
        raise SystemExit(f"no ghost text:\n{shown}")
    return screen


def main() -> None:
    """Take all pictures."""
    for target in (IMAGES / "vscode.png", MEDIA / "ghost-text.png"):
        shutil.copyfile(VSCODE_RUN / "ghost-text.png", target)
    shutil.copyfile(VSCODE_RUN / "menu.png", MEDIA / "menu.png")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "settings.py"
        file.write_text(CODE)
        server = [str(ROOT / ".venv/bin/infill-ls"), "--stdio"]
        options = json.dumps({"thinkAhead": False, "timeBudgetMs": 60_000})
        common = {
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "LANG": "C.UTF-8",
            "HOME": name,
            "XDG_DATA_HOME": name,
            "INFILL_COMMAND": json.dumps(server),
            "INFILL_OPTIONS": options,
            "INFILL_SETTINGS": options,
            "INFILL_PLUGIN": str(ROOT / "editors/neovim"),
            "INFILL_SOCKET": f"{name}/socket",
            "INFILL_RESULT": f"{name}/result",
        }
        tests = ROOT / "tests/editors"
        nvim = str(ROOT / "build/editors/neovim/nvim")
        socket = f"{name}/nvim"
        # Started through its own libc's loader, Neovim cannot start its other half by itself.
        # That half has no terminal, so it does not find out that ours shows all colours.
        arguments = ["--clean", "--headless", "--listen", socket, "--cmd", "set termguicolors"]
        arguments += ["-u", str(tests / "neovim/init.lua"), str(file)]
        half = subprocess.Popen([nvim, *arguments], env={**os.environ, **common}, cwd=folder)
        try:
            time.sleep(1)
            screen = run([nvim, "--server", socket, "--remote-ui"], "Go", common, folder)
            picture(screen, IMAGES / "neovim.png")
        finally:
            half.kill()
            half.wait()
        emacs = [str(ROOT / "build/editors/emacs/emacs"), "-nw", "-Q", "-L"]
        emacs += [str(ROOT / "editors/emacs"), "-l", str(tests / "emacs/init.el"), str(file)]
        emacs += ["--eval", "(progn (load-theme 'modus-vivendi t) (infill-mode))"]
        picture(run(emacs, "\x1b>        ", common, folder), IMAGES / "emacs.png")


if __name__ == "__main__":
    main()
