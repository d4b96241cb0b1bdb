"""``infill-ls ask FILE:LINE[-LINE] INSTRUCTION``: change code by an instruction, and print a diff."""

from __future__ import annotations

import argparse
import asyncio
import difflib
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infill_ls.cli.complete import settings_of
from infill_ls.cli.layout import HelpWithExamples
from infill_ls.cli.place import find_workspace, read_place
from infill_ls.errors import InfillError, UsageError
from infill_ls.models.store import locate

if TYPE_CHECKING:
    from infill_ls.lsp.client import Changed

EXAMPLES = """examples:
  infill-ls ask shop/orders.py:12                                  write the body of the function there
  infill-ls ask shop/orders.py:12-20 "raise, do not return None"   rewrite these lines
  infill-ls ask shop/orders.py:12 --task tests --apply             write tests for it into their file
  infill-ls ask a.py:3 --instruct-model qwen2.5-coder-7b-instruct  use this model"""
TASKS = ("implement", "rewrite", "explain", "document", "tests")
_LINES = re.compile(r"(?P<first>\d{1,9})(?:-(?P<last>\d{1,9}))?")


def add_command(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "ask",
        help="write or change code by an instruction, and print a diff",
        description="Run the real server on the file's workspace, give it an instruction and print the "
        "change as a unified diff. Without an instruct model, the completion model fills in functions "
        "without a body.",
        epilog=EXAMPLES,
        formatter_class=HelpWithExamples,
    )
    parser.add_argument("place", metavar="FILE:LINE[-LINE]", help="lines count from 1")
    parser.add_argument("instruction", nargs="?", default="", help="what to do")
    parser.add_argument(
        "--task",
        choices=TASKS,
        metavar="KIND",
        help=f"kind of instruction: {', '.join(TASKS)} (default: implement a function without a body, "
        "otherwise rewrite)",
    )
    parser.add_argument("--apply", action="store_true", help="write the change into the file")
    parser.add_argument(
        "--workspace", type=Path, help="workspace folder (default: the nearest one above the file)"
    )
    parser.add_argument(
        "--instruct-model",
        default="",
        help="GGUF file, or a name from `infill-ls model list`; with --option instructUrl=URL its name there",
    )
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting from the README, such as instructOutline=comment; may be repeated",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ask the server, then print the difference or make it."""
    path, text, start, end = _selection(options.place)
    task = options.task or _task_for(path, text, start, end, options)
    settings = settings_of(options)
    if options.instruct_model:
        is_remote = bool(settings.get("instructUrl"))
        model = options.instruct_model
        settings["instructModel"] = model if is_remote else str(locate(model).resolve())
    words, note, changed = asyncio.run(_ask(options, path, text, (start, end), task, settings))
    if words:
        print(words)
    for one in changed:
        _show(one)
        if options.apply:
            _write(one)
    if note:
        print(f"infill-ls: {note}", file=sys.stderr)
    return 0


async def _ask(
    options: argparse.Namespace,
    path: Path,
    text: str,
    where: tuple[int, int],
    task: str,
    settings: dict[str, Any],
) -> tuple[str, str, list[Changed]]:
    from infill_ls.lsp.client import run_server

    folder = options.workspace.resolve() if options.workspace else find_workspace(path)
    level = options.log_level if options.log_level in {"DEBUG", "INFO"} else "CRITICAL"
    arguments = ["--log-level", level]
    if options.scripted_engine:
        arguments += ["--scripted-engine", options.scripted_engine]
    async with run_server(folder, settings, arguments, edits=True) as server:
        result, changed = await server.carry_out(task, path, text, where, options.instruction)
        warnings = server.warnings
    for warning in warnings:
        if warning not in {result["message"], result["words"]}:
            print(f"infill-ls: warning: {warning}", file=sys.stderr)
    if not result["applied"] and not result["words"]:
        raise InfillError(result["message"])
    return result["words"], result["message"], changed


def _selection(argument: str) -> tuple[Path, str, int, int]:
    """Return the file, its text, and the offsets of the lines that are named."""
    file, _, lines = argument.rpartition(":")
    match = _LINES.fullmatch(lines)
    if not file or match is None:
        raise UsageError(f"expected FILE:LINE or FILE:LINE-LINE, got {argument!r}")
    first = read_place(f"{file}:{match['first']}:1")
    if match["last"] is None:
        line = first.text[first.offset :]
        at = first.offset + len(line) - len(line.lstrip(" \t"))
        return first.path, first.text, at, at
    last = read_place(f"{file}:{match['last']}")
    if last.offset < first.offset:
        raise UsageError(f"line {match['last']} comes before line {match['first']}")
    return first.path, first.text, first.offset, last.offset


def _task_for(path: Path, text: str, start: int, end: int, options: argparse.Namespace) -> str:
    from infill_ls.instruct import Task, find_place, has_empty_body
    from infill_ls.instruct.task import NothingToDoError

    try:
        place = find_place(text, str(path), "", start, end, Task.IMPLEMENT)
    except NothingToDoError:
        return "rewrite"
    function = place.needs_function()
    is_empty = has_empty_body(function, text, place.language)
    return "implement" if is_empty or not options.instruction else "rewrite"


def _show(changed: Changed) -> None:
    name = os.path.relpath(changed.path, Path.cwd())
    before, after = changed.before or "", changed.after
    lines = difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        name if changed.before is not None else os.devnull,
        name,
    )
    for line in lines:
        print(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n", end="")


def _write(changed: Changed) -> None:
    """Write a file, unless it has changed meanwhile."""
    path = changed.path
    try:
        if changed.before is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="") as file:
                file.write(changed.after)
            return
        if path.read_bytes() != changed.before.encode():
            raise UsageError(f"{path} has changed meanwhile: nothing was written")
        path.write_text(changed.after, "utf-8", newline="")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
