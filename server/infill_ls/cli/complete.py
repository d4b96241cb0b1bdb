"""``infill-ls complete FILE:LINE:COL``: show the completion an editor would get there."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infill_ls.convert import offset_of_line_and_column
from infill_ls.errors import UsageError
from infill_ls.models.store import locate

if TYPE_CHECKING:
    from infill_ls.lsp.client import Answer

_PLACE = re.compile(r"(?P<file>.+?)(?::(?P<line>\d+))?(?::(?P<column>\d+))?\Z")
_WORKSPACE_MARKERS = (".git", ".hg", "pyproject.toml", "package.json", "Cargo.toml", "go.mod")


@dataclass(frozen=True, slots=True)
class Place:
    """A cursor in a file. Lines and columns count from 1, columns in characters."""

    path: Path
    text: str
    line: int
    column: int

    @property
    def offset(self) -> int:
        """The code-point offset of the cursor."""
        return offset_of_line_and_column(self.text, self.line - 1, self.column - 1)


def add_command(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "complete",
        help="print the completion at a place of a file",
        description="Run the real server on the file's workspace and print what it suggests.",
    )
    add_place_arguments(parser)
    parser.add_argument("--prompt", action="store_true", help="print the prompt too")
    parser.add_argument("--svg", metavar="FILE", default="", help="save the picture to FILE too")
    parser.set_defaults(run=run)


def add_place_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what every command needs that asks the server about a place."""
    parser.add_argument(
        "place", metavar="FILE[:LINE[:COL]]", help="LINE and COL count from 1; COL: end of line"
    )
    parser.add_argument("--workspace", type=Path, help="workspace folder (default: found upwards)")
    parser.add_argument(
        "--model", default="", help="GGUF file, or a name of `infill-ls model list`"
    )
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting, as an editor would send it; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(options: argparse.Namespace) -> int:
    """Ask the server and print its answer."""
    from infill_ls.cli.show import print_answer

    place = read_place(options.place)
    answer, warnings = ask_server(place, options)
    if options.json:
        print_json(answer)
    else:
        print_answer(place, answer, warnings, show_prompt=options.prompt, picture=options.svg)
    return 0


def ask_server(place: Place, options: argparse.Namespace) -> tuple[Answer, list[str]]:
    """Run a server as ``options`` say; return its answer for ``place`` and its warnings."""
    from infill_ls.lsp.client import run_server

    folder = options.workspace.resolve() if options.workspace else find_workspace(place.path)
    # What an editor gets while one types; several candidates are for when one asks.
    settings = {"candidates": 1} | dict(_parse_option(option) for option in options.option)
    if options.model:
        settings["model"] = str(locate(options.model).resolve())

    async def ask() -> tuple[Answer, list[str]]:
        async with run_server(folder, settings, ["--log-level", options.log_level]) as server:
            return await server.ask(place.path, place.text, place.offset), server.warnings

    return asyncio.run(ask())


def print_json(answer: Answer) -> None:
    """Print everything that the server said."""
    print(json.dumps({**answer.explanation, "requestMs": answer.request_ms}, indent=2))


def read_place(argument: str) -> Place:
    """Parse ``FILE[:LINE[:COL]]`` and read the file. Raises :class:`UsageError`."""
    match = _PLACE.match(argument)
    # A file whose name ends in ":12" exists rarely, but it exists.
    whole = Path(argument)
    file = whole if match is None or whole.is_file() else Path(match["file"])
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from None
    if b"\0" in data:
        raise UsageError(f"{file} is a binary file")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not UTF-8 text") from None
    numbers = match.groupdict() if match is not None and file != whole else {}
    lines = re.split(r"\r\n|\r|\n", text)
    line = int(numbers.get("line") or len(lines))
    if not 1 <= line <= len(lines):
        raise UsageError(f"{file} has {len(lines)} lines, there is no line {line}")
    width = len(lines[line - 1])
    column = int(numbers.get("column") or width + 1)
    if not 1 <= column <= width + 1:
        raise UsageError(f"line {line} of {file} has columns 1 to {width + 1}, not {column}")
    return Place(file.resolve(), text, line, column)


def find_workspace(path: Path) -> Path:
    """Return the nearest folder above ``path`` that looks like a project, else its own folder."""
    for folder in path.parents:
        if any((folder / marker).exists() for marker in _WORKSPACE_MARKERS):
            return folder
    return path.parent


def _parse_option(option: str) -> tuple[str, Any]:
    name, equals, value = option.partition("=")
    if not equals:
        raise UsageError(f"--option needs NAME=VALUE, got {option!r}")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value
