"""The table of commands in docs/editors.md says what the clients have."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
EDITORS = ROOT / "editors"


def cells(column: int) -> str:
    text = (ROOT / "docs" / "editors.md").read_text("utf-8")
    table = text.partition("## The same commands everywhere")[2].partition("\n\nA suggestion")[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("|")][2:]
    assert len(rows) > 10
    return "\n".join(row[column] for row in rows)


def test_emacs_has_these_commands() -> None:
    lisp = (EDITORS / "emacs" / "infill.el").read_text("utf-8")
    named = re.findall(r"`(infill-[\w-]+)`", cells(4))
    defined = set(
        re.findall(r"\(defun (infill-[\w-]+) \([^()]*\)\n(?:[^\n]+\n)+?  \(interactive", lisp)
    )
    assert named
    assert set(named) <= defined, set(named) - defined


def test_neovim_has_these_commands_and_no_others() -> None:
    lua = (EDITORS / "neovim" / "lua" / "infill_ls" / "commands.lua").read_text("utf-8")
    table = lua.partition("M.commands = {\n")[2].partition("\n}\n")[0]
    defined = set(re.findall(r"^  (\w+) = ", table, re.MULTILINE))
    assert set(re.findall(r":Infill (\w+)", cells(3))) == defined - {"status"}


def test_vs_code_has_these_keys_and_menu_entries() -> None:
    manifest = json.loads((EDITORS / "vscode" / "package.json").read_text("utf-8"))
    contributed = manifest["contributes"]
    keys = {binding["key"] for binding in contributed["keybindings"]}
    of_vs_code = {"tab", "ctrl+right", "alt+]", "alt+["}
    shown = re.findall(r"(?:Alt|Ctrl|Tab)[^ ,|]*", cells(2))
    assert {key.lower() for key in shown} == keys | of_vs_code
    commands = {command["command"] for command in contributed["commands"]}
    menu = (EDITORS / "vscode" / "src" / "commands.ts").read_text("utf-8")
    entries = set(re.findall(r'command: "(infill-ls\.\w+)"', menu))
    assert entries <= commands, entries - commands
