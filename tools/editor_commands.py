"""Write the table of commands into docs/editors.md: ``python -m tools.editor_commands [--check]``."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

from tools.generated import between, write_or_check

ROOT = Path(__file__).parent.parent
DATA = ROOT / "editors" / "commands.toml"
DOCUMENT = ROOT / "docs" / "editors.md"
BEGIN = "<!-- commands: written by `python -m tools.editor_commands` -->\n"
END = "<!-- /commands -->"


def commands() -> list[dict[str, Any]]:
    """Return the rows of the table."""
    rows: list[dict[str, Any]] = tomllib.loads(DATA.read_text("utf-8"))["command"]
    return rows


def table() -> str:
    """Return the table in Markdown."""
    rows = ["| | VS Code | Neovim | Emacs |", "|---|---|---|---|"]
    for row in commands():
        cells = [row["what"], _vscode(row), _neovim(row), _emacs(row)]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _vscode(row: dict[str, Any]) -> str:
    return ", ".join(row["vscode"].get("keys", ["menu"])) if "vscode" in row else "-"


def _neovim(row: dict[str, Any]) -> str:
    return _keys_and_command(row.get("neovim", {}), ":Infill ")


def _emacs(row: dict[str, Any]) -> str:
    return _keys_and_command(row.get("emacs", {}), "")


def _keys_and_command(cell: dict[str, Any], called: str) -> str:
    command = [f"`{called}{cell['command']}`"] if "command" in cell else []
    return ", ".join([*cell.get("keys", []), *command]).replace("|", "\\|") or "-"


def main() -> int:
    """Write the table, or with ``--check`` tell by the exit status whether it is up to date."""
    document = DOCUMENT.read_text("utf-8")
    return write_or_check(DOCUMENT, between(document, BEGIN, END, table()))


if __name__ == "__main__":
    sys.exit(main())
