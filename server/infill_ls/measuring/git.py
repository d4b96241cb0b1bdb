"""Git, read without running anything that a repository's own configuration names.

A repository is hostile: its ``.git/config`` can name programs (``core.fsmonitor``,
``filter.*.smudge``, ``core.sshCommand`` of a promisor remote). Only its ``HEAD`` and the place of
its objects are asked for under that configuration, which run none of them; the objects are read
from an empty repository of our own that borrows them.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from infill_ls.errors import UsageError
from infill_retrieval.processes.git import asking, making, own_environment
from infill_retrieval.processes.programs import find_program

TIMEOUT_S = 60.0


def commit_of(repository: Path, name: str = "HEAD") -> str:
    """Return the id of a commit, by default the newest. Raises :class:`UsageError` if there is none."""
    if not repository.is_dir():
        raise UsageError(f"{repository} is no folder")
    try:
        return _ask(repository, "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    except subprocess.CalledProcessError as error:
        why = error.stderr.decode("utf-8", "replace").strip()
        none = (
            f"{repository} has no commit {name}"
            if name != "HEAD"
            else f"{repository} has no commits"
        )
        raise UsageError(f"{repository} is no git repository ({why})" if why else none) from None


def read(repository: Path, *arguments: str) -> bytes:
    """Return the output of a git command that only reads objects; commits are named by ids.

    Raises :class:`UsageError` without git or when it hangs, and
    :class:`subprocess.CalledProcessError` when it fails.
    """
    environment, _ = _borrowing(repository)
    return _run(arguments, environment, repository)


def blobs(repository: Path, ids: Sequence[str]) -> dict[str, bytes]:
    """Return the contents of blobs by their ids, with one git command; what is no blob is left out.

    Raises what :func:`read` raises.
    """
    environment, _ = _borrowing(repository)
    asked = "".join(f"{one}\n" for one in ids).encode()
    output = _run(("cat-file", "--batch"), environment, repository, asked)
    found: dict[str, bytes] = {}
    at = 0
    while at < len(output):
        end = output.index(b"\n", at)
        name, kind, *size = output[at:end].decode().split()
        at = end + 1
        if size:
            if kind == "blob":
                found[name] = output[at : at + int(size[0])]
            at += int(size[0]) + 1
    return found


@cache
def _borrowing(
    repository: Path,
) -> tuple[dict[str, str], tempfile.TemporaryDirectory[str]]:
    """Return the environment of a repository of ours with the objects of ``repository``."""
    folder = tempfile.TemporaryDirectory(prefix="infill-ls-git-")
    own = own_environment()
    form = _ask(repository, "--show-object-format")
    _run(making(folder.name, form), own, repository)
    objects = repository / _ask(repository, "--git-path", "objects")
    shallow = repository / _ask(repository, "--git-path", "shallow")
    own |= {"GIT_DIR": folder.name, "GIT_OBJECT_DIRECTORY": str(objects.absolute())}
    if shallow.is_file():
        own["GIT_SHALLOW_FILE"] = str(shallow.absolute())
    return own, folder


def _ask(repository: Path, *arguments: str) -> str:
    return os.fsdecode(_run(asking(repository, *arguments), None, repository)).strip()


def _run(
    arguments: tuple[str, ...],
    environment: dict[str, str] | None,
    repository: Path,
    given: bytes = b"",
) -> bytes:
    git = find_program("git")
    if git is None:
        raise UsageError("git is not installed")
    try:
        return subprocess.run(  # noqa: S603 - the user's own git, with fixed commands
            [git, *arguments],
            capture_output=True,
            input=given,
            timeout=TIMEOUT_S,
            check=True,
            env=environment,
            cwd=tempfile.gettempdir() if environment else None,
        ).stdout
    except subprocess.TimeoutExpired:
        raise UsageError(f"git did not answer in {TIMEOUT_S:.0f} s in {repository}") from None
