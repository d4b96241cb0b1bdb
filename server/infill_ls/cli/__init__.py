"""The command line: ``infill-ls`` serves an editor; its commands show what an editor would get."""

from __future__ import annotations

import argparse
import io
import logging
import sys
from collections.abc import Sequence

from infill_ls import __version__
from infill_ls.errors import InfillError

EXIT_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0, or 2 after an error the user can mend."""
    _allow_any_text()
    options = _parser().parse_args(arguments)
    _set_up_logging(options)
    try:
        return int(options.run(options))
    except InfillError as error:
        print(f"infill-ls: error: {error}", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    # Imported here, not above: the server starts without what only the commands need.
    from infill_ls.cli import (
        ask,
        complete,
        completion,
        doctor,
        evaluate,
        explain,
        model,
        serve,
        stats,
    )

    parser = argparse.ArgumentParser(
        prog="infill-ls",
        description="Local, private, fast code completion for every editor. "
        "Without a command, serve an editor over stdin and stdout.",
    )
    parser.add_argument("--version", action="version", version=f"infill-ls {__version__}")
    parser.add_argument(
        "--log-level",
        choices=["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
        default="WARNING",
        help="log messages of this level and above (default: %(default)s)",
    )
    parser.add_argument("--log-file", metavar="FILE", help="log to FILE instead of stderr")
    serve.add_arguments(parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    complete.add_command(commands)
    explain.add_command(commands)
    ask.add_command(commands)
    doctor.add_command(commands)
    model.add_command(commands)
    stats.add_command(commands)
    evaluate.add_command(commands)
    completion.add_command(commands, parser)
    return parser


def _allow_any_text() -> None:
    """Print characters that the terminal cannot encode as ``?`` instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _set_up_logging(options: argparse.Namespace) -> None:
    # stdout belongs to LSP: everything is logged to stderr or to a file.
    try:
        logging.basicConfig(
            level=options.log_level,
            format="%(asctime)s %(levelname)s %(name)s: %(message)s",
            **({"filename": options.log_file} if options.log_file else {"stream": sys.stderr}),
        )
    except OSError as error:
        logging.basicConfig(level=options.log_level, stream=sys.stderr)
        print(f"infill-ls: cannot log to {options.log_file}: {error}", file=sys.stderr)
    # pygls logs the content of messages, and so source text with its secrets, at any level.
    logging.getLogger("pygls").setLevel(logging.CRITICAL)
