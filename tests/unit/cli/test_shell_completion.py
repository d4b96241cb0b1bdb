"""Tests of the scripts of ``infill-ls completion`` in the shells."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bounds import WITHIN_S
from infill_ls.cli import main

SHELLS = ("bash", "zsh", "fish")
CASES = [
    ("doc", {"doctor"}),
    ("model qua", {"quantize"}),
    ("doctor --mea", {"--measure"}),
    ("complete sho", {"shop.py", "shopping"}),
    ("explain --workspace sho", {"shopping"}),
    ("doctor --model shop.", {"shop.py"}),
]
"""What is typed behind the program's name, and how its last word may go on."""


def program(shell: str) -> str:
    """Return the shell's path; skip the test, with the reason, where there is none."""
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed here: its completion was not tried")
    return found


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a file and a subfolder whose names begin alike."""
    work = tmp_path / "work"
    (work / "shopping").mkdir(parents=True)
    (work / "shop.py").touch()
    return work


@pytest.mark.parametrize("shell", SHELLS)
def test_every_script_has_the_commands_and_their_actions(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = script(shell, capsys)
    assert "doctor" in text
    assert "quantize" in text


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_can_read_its_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = [program(shell), "-n"]
    done = subprocess.run(command, input=script(shell, capsys), text=True, check=False)
    assert done.returncode == 0


def test_bash_completes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bash, text = program("bash"), script("bash", capsys)
    for typed, expected in CASES:
        asked = f"COMP_WORDS=(infill-ls {typed}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))"
        code = f'{text}\n{asked}\n_shtab_infill_ls\nprintf "%s\\n" "${{COMPREPLY[@]}}"'
        done = subprocess.run(
            [bash, "-c", code], cwd=folder, capture_output=True, text=True, check=True
        )
        assert {line.rstrip("/ ") for line in done.stdout.split("\n") if line} == expected, typed


def test_fish_completes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fish = program("fish")
    file = folder.parent / "infill-ls.fish"
    file.write_text(script("fish", capsys), "utf-8")
    own = {name: str(folder.parent / "home") for name in ("HOME", "XDG_CONFIG_HOME")}
    for typed, expected in CASES:
        done = subprocess.run(
            [fish, "--no-config", "-c", f"source {file}; complete -C 'infill-ls {typed}'"],
            cwd=folder,
            env={**os.environ, **own},
            capture_output=True,
            text=True,
            check=True,
        )
        # A description stands behind a tab.
        found = {line.partition("\t")[0].rstrip("/") for line in done.stdout.splitlines()}
        assert found == expected, typed


TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)
"""Has a shell control its terminal: it waits for that."""


class Zsh:
    """A zsh in a terminal, which is where it completes."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._written = ""

    def press(self, keys: str) -> None:
        """Send keys."""
        os.write(self._terminal, keys.encode())

    def expect(self, text: str) -> None:
        """Wait until it has written this."""
        deadline = time.monotonic() + WITHIN_S
        while text not in self._written:
            left = max(deadline - time.monotonic(), 0)
            assert select.select([self._terminal], [], [], left)[0], (text, self._written)
            piece = os.read(self._terminal, 65536).decode("utf-8", "replace")
            self._written += re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", piece)


@contextmanager
def running_zsh(zsh: str, folder: Path, home: Path) -> Iterator[Zsh]:
    import pty  # not on Windows

    terminal, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", TAKE_TERMINAL, zsh, "-d", "-i"],
        cwd=folder,
        env={**os.environ, "TERM": "dumb", "HOME": str(home), "ZDOTDIR": str(home)},
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    os.close(its)
    try:
        yield Zsh(terminal)
    finally:
        os.close(terminal)  # which ends it
        process.wait(WITHIN_S)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such terminals")
def test_zsh_completes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    zsh = program("zsh")
    home = folder.parent / "home"
    (home / "functions").mkdir(parents=True)
    (home / "functions" / "_infill-ls").write_text(script("zsh", capsys), "utf-8")
    (home / ".zshrc").write_text(
        "PS1='ready> '\nCOLUMNS=200\nfpath=(~/functions $fpath)\nautoload -U compinit\ncompinit -u -D\n"
    )
    for typed, expected in CASES:
        if len(expected) > 1:
            continue  # it would show a menu
        line = f"infill-ls {' '.join([*typed.split()[:-1], *expected])}"
        # A new one each time: a line that is taken back is drawn again in parts.
        with running_zsh(zsh, folder, home) as shell:
            shell.expect("ready> ")
            shell.press(f"infill-ls {typed}\t")
            shell.expect(line)
