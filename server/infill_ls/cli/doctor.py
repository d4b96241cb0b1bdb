"""``infill-ls doctor``: check this machine, measure the model, recommend improvements."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from infill_ls.cli.layout import HelpWithExamples

if TYPE_CHECKING:
    from infill_ls.cli.doctor_report import Section

EXAMPLES = """examples:
  infill-ls doctor                              is all well, and what would be better
  infill-ls doctor --model deepseek-coder-1.3b  how fast is that model here
  infill-ls doctor --measure                    after an update, or measured while it was busy"""


def add_command(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "doctor",
        help="check this machine, measure the model, recommend improvements",
        description="Show the hardware, the installed llama.cpp and the model in use; measure the "
        "model's speed and let it fill a hole; look for editors; recommend a model and how to install "
        "llama.cpp. The exit status is 2 if the model does not work.",
        epilog=EXAMPLES,
        formatter_class=HelpWithExamples,
    )
    parser.add_argument(
        "--model", default="", help="GGUF file, or a name from `infill-ls model list`"
    )
    parser.add_argument(
        "--measure",
        action="store_true",
        help="measure anew how fast the model is here and what runs it best (threads, attention), "
        "best while nothing else runs; engines that run already use it from their next start on",
    )
    parser.add_argument("--json", action="store_true", help="print as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the report."""
    from infill_ls.cli.doctor_report import examine

    if options.measure:
        print("measuring the model; this takes up to a minute ...", file=sys.stderr, flush=True)
    sections = examine(options.model, measures=options.measure)
    if options.json:
        print(json.dumps({one.title: one.data for one in sections}, indent=2))
    else:
        _print(sections)
    return 2 if any(one.problem for one in sections) else 0


def _print(sections: Iterable[Section]) -> None:
    from rich.console import Console
    from rich.text import Text

    from infill_ls.cli.layout import print_pair

    console = Console(highlight=False, soft_wrap=True)
    for section in sections:
        console.print(Text(section.title, style="bold"))
        for label, value in section.lines:
            print_pair(console, Text(f"  {label:17} ", style="bright_black"), Text(value))
        if section.problem:
            problem = Text(section.problem, style="red")
            print_pair(console, Text(f"  {'problem':17} ", style="red"), problem)
