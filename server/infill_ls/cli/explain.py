"""``infill-ls explain FILE:LINE:COL``: explain the completion at a place, step by step."""

from __future__ import annotations

import argparse
from typing import Any

from infill_ls.cli.complete import add_place_arguments, ask_server, print_json
from infill_ls.cli.layout import HelpWithExamples
from infill_ls.cli.place import read_place

EXAMPLES = """examples:
  infill-ls explain shop/orders.py:4                           what the prompt holds there, and why
  infill-ls explain shop/orders.py:4 --option snippetTokens=0  the same without other files
  infill-ls explain shop/orders.py:4 --json                    with the text of all snippets"""


def add_command(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "explain",
        help="explain the completion at a place in a file",
        description="Run the real server on the file's workspace and print the settings in force, the "
        "candidates of each channel with their scores, which were taken and why the others were not, "
        "how much of the token budget was used, what the filters did, and the time of each step.",
        epilog=EXAMPLES,
        formatter_class=HelpWithExamples,
    )
    add_place_arguments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ask the server and print how it came to its answer."""
    from infill_ls.cli.show import print_explanation

    place = read_place(options.place)
    answer, warnings = ask_server(place, options)
    if options.json:
        print_json(answer)
    else:
        print_explanation(place, answer, warnings)
    return 0
