"""``infill-ls completion SHELL``: print a script that completes our command line in a shell."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
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


def _actions_of(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield the arguments of a parser and of all its subcommands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions_of(command)
        else:
            yield action


def _run(whole: argparse.ArgumentParser, shell: str) -> int:
    import shtab

    for action in _actions_of(whole):
        name = str(action.metavar or action.dest)
        # This is how shtab is told; argparse knows nothing of it.
        if name == "workspace":
            vars(action)["complete"] = shtab.DIRECTORY
        elif name.startswith("FILE") or name.endswith(("model", "PATH")):
            vars(action)["complete"] = shtab.FILE
    print(shtab.complete(whole, shell=shell))
    return 0
