"""Tests that ``editors/commands.toml`` lists what the clients have, and docs/editors.md shows it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from infill_ls.lsp.handlers import create_server

ROOT = Path(__file__).parents[2]
EDITORS = ROOT / "editors"
LUA = EDITORS / "neovim" / "lua" / "infill_ls"
TABLE = tomllib.loads((EDITORS / "commands.toml").read_text("utf-8"))

EMACS_OWN = {"M-f": "forward-word", "C-e": "move-end-of-line", "C-g": "keyboard-quit"}
"""Keys that Emacs has for commands of its own, which are remapped."""


def cells(client: str) -> list[dict[str, Any]]:
    return [row[client] for row in TABLE["command"] if client in row]


def named(client: str) -> set[str]:
    """The commands of the table and the further ones of a client."""
    return {cell["command"] for cell in cells(client) if "command" in cell} | set(
        TABLE["others"][client]
    )


def manifest() -> dict[str, Any]:
    text = (EDITORS / "vscode" / "package.json").read_text("utf-8")
    contributed: dict[str, Any] = json.loads(text)["contributes"]
    return contributed


def test_the_table_of_commands_is_up_to_date() -> None:
    command = [sys.executable, "-m", "tools.editor_commands", "--check"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0, (
        "run: python -m tools.editor_commands"
    )


def test_vs_code_has_these_commands_and_no_others() -> None:
    ours = {command for command in named("vscode") if command.startswith("infill-ls.")}
    assert ours == {command["command"] for command in manifest()["commands"]}


def test_vs_code_has_these_keys() -> None:
    bound: dict[str, set[str]] = {}
    for binding in manifest()["keybindings"]:
        bound.setdefault(binding["command"], set()).add(binding["key"])
    for cell in cells("vscode"):
        keys = {key.lower() for key in cell.get("keys", [])}
        contributed = bound.pop(cell["command"], set())
        if cell["command"].startswith("infill-ls."):
            assert keys == contributed, cell
        else:
            assert keys >= contributed, cell  # the rest are VS Code's own
    assert not bound, "keys of commands that the table does not have"


def test_vs_code_has_in_its_menu_what_has_no_key() -> None:
    menu = (EDITORS / "vscode" / "src" / "commands.ts").read_text("utf-8")
    entries = set(re.findall(r'command: "(infill-ls\.\w+)"', menu))
    without_key = {cell["command"] for cell in cells("vscode") if "keys" not in cell}
    assert without_key <= entries, without_key - entries


def test_neovim_has_these_commands_and_no_others() -> None:
    lua = (LUA / "commands.lua").read_text("utf-8")
    table = lua.partition("M.commands = {\n")[2].partition("\n}\n")[0]
    assert named("neovim") == set(re.findall(r"^  (\w+) = ", table, re.MULTILINE))


def test_neovim_has_these_keys_and_no_others() -> None:
    mapped = set(re.findall(r"lhs = '(<[^']+>)'", (LUA / "maps.lua").read_text("utf-8")))
    keys = [key for cell in cells("neovim") for key in cell.get("keys", [])]
    spelled = {
        f"<{key.replace('Alt+', 'M-').replace('Ctrl+', 'C-')}>".replace("\\", r"\\") for key in keys
    }
    assert spelled == mapped


def lisp() -> str:
    return "\n".join(file.read_text("utf-8") for file in sorted((EDITORS / "emacs").glob("*.el")))


def test_emacs_has_these_commands_and_no_others() -> None:
    forms = re.split(r"^(?=\()", lisp(), flags=re.MULTILINE)
    defined = {
        found[1]
        for form in forms
        if (found := re.match(r"\(defun (infill-(?!-)\S+) ", form))
        and re.search(r"^  \(interactive", form, re.MULTILINE)
    }
    assert named("emacs") == defined


def test_emacs_has_these_keys() -> None:
    for cell in cells("emacs"):
        for key in cell.get("keys", []):
            bound = f"<remap> <{EMACS_OWN[key]}>" if key in EMACS_OWN else key
            pattern = rf'"{re.escape(bound)}" (#\'|\'\(menu-item "" ){re.escape(cell["command"])}\b'
            assert re.search(pattern, lisp()), (key, cell["command"])


def test_the_servers_commands_are_none_of_the_clients_own() -> None:
    # VS Code's language client registers all that the server names, and fails at one that is there.
    server = create_server()
    commands = set(server.protocol.fm.commands)
    assert "infill-ls.ask.explain" in commands
    assert commands & {command["command"] for command in manifest()["commands"]} == set()
