"""Arguments and environment to run git safely on a hostile repository. Starts nothing.

A repository's ``.git/config`` can name programs. Under that configuration only the places of things are
asked for, which runs none of them (:func:`asking`); all else is done in an empty repository of our own
that borrows what it needs (:func:`making`), in :func:`own_environment`.
"""

from __future__ import annotations

import os
from pathlib import Path

_HARMLESS = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")


def asking(repository: Path, *arguments: str) -> tuple[str, ...]:
    """Return the arguments that ask where things of a repository are.

    To be run under the user's configuration, whose safe.directory says whose repositories are read.
    """
    return ("-C", str(repository), *_HARMLESS, "rev-parse", *arguments)


def making(folder: str, object_format: str) -> tuple[str, ...]:
    """Return the arguments that make an empty repository in a folder of ours."""
    form = f"--object-format={object_format}"
    return ("init", "--quiet", "--bare", "--template=", form, folder)


def own_environment() -> dict[str, str]:
    """Return an environment in which neither the user's nor the system's filters are known.

    They are trusted, but a filter like git-lfs' would use the network.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return own | {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
    }
