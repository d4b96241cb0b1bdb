"""Tests of the completion menu in a real Helix, which has no ghost text. Run by ``tests/editors/helix.sh``."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from editors.terminal import Terminal, server

ROOT = Path(__file__).resolve().parents[3]
CONTROL_N, CONTROL_X, ESCAPE = "\x0e", "\x18", "\x1b"
LANGUAGES = """
[language-server.infill-ls]
command = "{server}"
args = {arguments}
config = {{ thinkAhead = false, completionDeadlineMs = 10000 }}

[[language]]
name = "python"
language-servers = ["infill-ls"]
"""


class Helix(Terminal):
    """One Helix with one file and nothing but our server."""

    def __init__(self, workspace: Path, text: str, answers: Sequence[str] | None) -> None:
        super().__init__()
        self.file = workspace / "demo.py"
        self.file.write_bytes(text.encode())
        arguments = ["--stdio"]
        if answers is not None:
            script = workspace / ".git" / "answers.json"
            script.parent.mkdir()
            script.write_text(json.dumps({"answers": answers}))
            arguments += ["--scripted-engine", str(script)]
        home = workspace / ".home"
        (home / "helix").mkdir(parents=True)
        command = server(warm=answers is not None)
        languages = LANGUAGES.format(server=command, arguments=json.dumps(arguments))
        (home / "helix" / "languages.toml").write_text(languages)
        (home / "helix" / "config.toml").write_text("editor.word-completion.enable = false")
        environment = {
            **os.environ,
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "XDG_CONFIG_HOME": str(home),
            "XDG_DATA_HOME": str(home),
            "XDG_CACHE_HOME": str(ROOT / "build/editors/cache"),
            "INFILL_LS_RUNTIME_DIR": tempfile.mkdtemp(prefix="infill-"),
        }
        self.start([str(ROOT / "build/editors/helix/hx"), str(self.file)], environment, workspace)
        self.wait("Helix to start", lambda: "demo.py" in self.text())
        self.press("geA")  # to the end of the last line, and insert

    def item(self) -> str:
        """Wait for our item in the menu and return its label; it comes by itself or by Control-x."""

        def label() -> str | None:
            found = re.search(r"^ *~? *(\S.*?) *…? +text$", self.text(), re.MULTILINE)
            if found is None:
                self.press(CONTROL_X)  # the server was not there yet when the text was typed
                self.look(0.5)
            return found[1] if found else None

        shown = self.wait("an item", label)
        assert shown is not None
        return shown

    def accept(self) -> None:
        """Take the item."""
        self.press(CONTROL_N)
        self.press(ESCAPE)

    def expect_saved(self, expected: str) -> None:
        """Save, and compare the bytes on disk."""
        # Before it has taken the Escape, what follows would be keys with Alt.
        self.wait("normal mode", lambda: " NOR " in self.text())
        self.type(":w\n")
        self.wait(
            f"the file to hold {expected!r}", lambda: self.file.read_bytes() == expected.encode()
        )

    def describe(self) -> str:
        """Return what is on the screen, and in the file."""
        return f"{self.text()}\nfile: {self.file.read_bytes()!r}"


Start = Callable[..., Helix]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running: list[Helix] = []

    def start(text: str, answers: Sequence[str] | None = None) -> Helix:
        running.append(Helix(tmp_path, text, answers))
        return running[-1]

    yield start
    for helix in running:
        helix.stop()


def test_an_item_of_the_menu_is_inserted(start: Start) -> None:
    helix = start("def add(a, b):\n    r\n", ["turn a + b"])
    helix.type("e")
    assert helix.item() == "return a + b"
    helix.accept()
    helix.expect_saved("def add(a, b):\n    return a + b\n")


def test_emoji_and_cjk_before_the_cursor(start: Start) -> None:
    helix = start('print("🦊 狐 é", pr\n', ["ce)"])
    helix.type("i")
    assert helix.item() == "price)"
    helix.accept()
    helix.expect_saved('print("🦊 狐 é", price)\n')


def test_bundled_model(start: Start) -> None:
    """The text repeats itself, so that any model goes on."""
    before = "first_total = price_total + tax_total\nsecond_total = price_total + tax_total\n"
    helix = start(f"{before}third_total = p\n")
    helix.type("ri")
    label = helix.item()
    assert label.startswith("pri")
    helix.accept()
    helix.expect_saved(f"{before}third_total = {label}\n")
