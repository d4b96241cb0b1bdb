"""``infill-ls complete FILE:LINE:COL``: show the completion an editor would get there."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infill_ls.cli.layout import HelpWithExamples
from infill_ls.cli.place import CursorPlace, find_workspace, read_place
from infill_ls.errors import UsageError
from infill_ls.models.store import locate

if TYPE_CHECKING:
    from infill_ls.lsp.client import ServerAnswer


EXAMPLES = """examples:
  infill-ls complete shop/orders.py:4                     at the end of line 4
  infill-ls complete shop/orders.py:4:12 --json           before the 12th character
  infill-ls complete a.py --option maxLines=1             at the end of the file, one line
  infill-ls complete a.py:9 --model deepseek-coder-1.3b   with another model"""


def add_command(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "complete",
        help="print the completion at a place in a file",
        description="Run the real server on the file's workspace and print what it suggests. "
        "Without colour, marks enclose the suggestion.",
        epilog=EXAMPLES,
        formatter_class=HelpWithExamples,
    )
    add_place_arguments(parser)
    parser.add_argument("--prompt", action="store_true", help="also print the prompt")
    parser.add_argument(
        "--svg", metavar="FILE", default="", help="also save the output to FILE as an SVG picture"
    )
    parser.set_defaults(run=run)


def add_place_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what every command needs that asks the server about a place."""
    parser.add_argument(
        "place",
        metavar="FILE[:LINE[:COL]]",
        help="LINE and COL count from 1 (default: the end of the file, the end of the line)",
    )
    parser.add_argument(
        "--workspace", type=Path, help="workspace folder (default: the nearest one above the file)"
    )
    parser.add_argument(
        "--model", default="", help="GGUF file, or a name from `infill-ls model list`"
    )
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting from the README, such as maxLines=1; may be repeated",
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


def ask_server(place: CursorPlace, options: argparse.Namespace) -> tuple[ServerAnswer, list[str]]:
    """Run a server with ``options``; return its answer for ``place`` and its warnings."""
    from infill_ls.lsp.client import run_server

    folder = options.workspace.resolve() if options.workspace else find_workspace(place.path)
    settings = settings_of(options)
    if options.model:
        settings["model"] = str(locate(options.model).resolve())

    async def ask() -> tuple[ServerAnswer, list[str]]:
        # What the server finds wrong it also says to us: in the log it would come twice.
        level = options.log_level if options.log_level in {"DEBUG", "INFO"} else "CRITICAL"
        async with run_server(folder, settings, ["--log-level", level]) as server:
            return await server.ask(place.path, place.text, place.offset), server.warnings

    return asyncio.run(ask())


def settings_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings from the command line, as an editor would send them."""
    # What an editor gets while one types; several candidates are for when one asks.
    # What nobody could accept is not counted.
    said = dict(_parse_option(option) for option in options.option)
    return {"candidates": 1, "statistics": False} | said


def print_json(answer: ServerAnswer) -> None:
    """Print everything that the server said."""
    print(json.dumps({**answer.explanation, "requestMs": answer.request_ms}, indent=2))


def _parse_option(option: str) -> tuple[str, Any]:
    name, equals, value = option.partition("=")
    if not equals:
        raise UsageError(f"--option needs NAME=VALUE, got {option!r}")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value
