"""``infill-ls completion SHELL``: print a script that completes our command line in a shell."""

from __future__ import annotations

import argparse
from typing import Any

SHELLS = ("bash", "zsh", "fish")
HOW = """examples:
  bash: infill-ls completion bash > ~/.local/share/bash-completion/completions/infill-ls
  zsh:  infill-ls completion zsh > "${fpath[1]}/_infill-ls"
  fish: infill-ls completion fish > ~/.config/fish/completions/infill-ls.fish"""


def add_command(commands: Any, whole: argparse.ArgumentParser) -> None:
    """Add the command to the subcommands of the parser ``whole``."""
    parser = commands.add_parser(
        "completion",
        help="print a shell script that completes infill-ls commands",
        description="Print a completion script for a shell. Save it where the shell looks for them.",
        epilog=HOW,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=SHELLS)
    parser.set_defaults(run=lambda options: _run(whole, options.shell))


def _run(whole: argparse.ArgumentParser, shell: str) -> int:
    import shtab

    print(shtab.complete(whole, shell=shell))
    return 0
