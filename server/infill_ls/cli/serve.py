"""``infill-ls``: serve an editor over stdio or TCP."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from typing import BinaryIO

from infill_ls.errors import UsageError

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8765
LARGEST_PORT = 65_535
LOOK_EVERY_S = 5.0

NOT_FOR_PEOPLE = """this is a language server: an editor starts it and talks to it. Try instead
  infill-ls doctor            check the installation, and look for editors
  infill-ls complete FILE:9   show what an editor would show at the end of line 9
  infill-ls --help            list all commands
docs/editors.md explains how to set up an editor."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the server; it is what runs without a command."""
    transport = parser.add_mutually_exclusive_group()
    transport.add_argument("--stdio", action="store_true", help="serve stdin/stdout (the default)")
    transport.add_argument("--tcp", action="store_true", help="serve one client over TCP")
    parser.add_argument("--host", default=DEFAULT_HOST, help="TCP address (default: %(default)s)")
    parser.add_argument(
        "--port", type=_port, default=DEFAULT_PORT, help="TCP port (default: %(default)s)"
    )
    # Some editors append their own pid; it also comes with ``initialize``.
    parser.add_argument("--clientProcessId", type=int, help=argparse.SUPPRESS)
    parser.add_argument(
        "--look-for-editor-every", type=float, default=LOOK_EVERY_S, help=argparse.SUPPRESS
    )
    parser.add_argument(
        "--trust-model-files",
        action="store_true",
        help="load a model named by settings even if its file is in an open folder",
    )
    parser.add_argument("--scripted-engine", metavar="FILE", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port <= LARGEST_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to {LARGEST_PORT}, not {port}")
    return port


def run(options: argparse.Namespace) -> int:
    """Serve until the editor leaves."""
    if not options.tcp and not options.stdio and sys.stdin.isatty() and sys.stdout.isatty():
        raise UsageError(NOT_FOR_PEOPLE)
    # What is imported stays: to look whether it can be freed takes a tenth of the start, and pauses later.
    gc.disable()
    try:
        from infill_ls.engine.fallback import engine_for
        from infill_ls.engine.scripted import scripted_engine_factory
        from infill_ls.lsp.handlers import create_server
    finally:
        gc.freeze()
        gc.enable()

    factory = (
        scripted_engine_factory(options.scripted_engine) if options.scripted_engine else engine_for
    )
    server = create_server(
        factory,
        editor_pid=options.clientProcessId,
        look_for_editor_every_s=options.look_for_editor_every,
        trusts_model_files=options.trust_model_files,
    )
    if options.tcp:
        try:
            server.start_tcp(options.host, options.port)
        except OSError as error:
            raise UsageError(f"cannot serve {options.host}:{options.port}: {error}") from None
    else:
        server.start_io(stdout=_take_stdout())
    return server.exit_code


def _take_stdout() -> BinaryIO:
    """Return the stream to the editor; whatever else is printed goes to stderr from now on."""
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return stream
