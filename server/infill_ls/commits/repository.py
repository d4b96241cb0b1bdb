"""The staged changes of a repository, read without running anything that its configuration names.

A repository is hostile: its ``.git/config`` can name programs (``core.fsmonitor``, ``diff.external``,
``diff.*.textconv``). Under that configuration git is asked for the places of things only, which runs
none of them; the diff is made in an empty repository of our own that borrows objects and index.
"""

from __future__ import annotations

import logging
import math
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from infill_retrieval.processes.git import asking, making, own_environment
from infill_retrieval.processes.programs import find_program

log = logging.getLogger(__name__)

_State = tuple[int, int] | int | None
_now = time.monotonic
WITHIN_S = 3.0
TRY_AGAIN_S = 5.0
"""So long after a failure, which may have been a busy machine's, it is read again; else it is not until the index changes."""
MAX_DIFF_BYTES = 200_000
"""More is not read, and could not be shown."""
_PLACES = ("--git-path", "index", "--git-path", "objects", "--show-object-format")
_DIFF = ("diff-index", "--patch", "--unified=1", "--no-color", "--no-ext-diff")
_NO_RUNNING = ("--no-textconv", "--ignore-submodules=all", "--find-renames", "--diff-filter=d")
_EMPTY_TREES = {
    "sha1": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}


class StagedChanges:
    """What is staged in the repository around a folder, or in whose ``.git`` the folder is.

    With files, which are relative to the folder, it is instead what ``git commit --only`` takes of them:
    the files as they are on disk, staged or not. To be used from one thread at a time. The diff is kept
    until the index or a file changes.
    """

    def __init__(self, folder: Path, files: Sequence[str] = ()) -> None:
        self._folder = folder
        self._files = files
        self._index: Path | None = None
        self._seen: tuple[_State, ...] = ()
        self._good_until = math.inf
        self._diff = ""

    def diff(self) -> str:
        """Return the diff, or what there was time for; empty without git, or if that fails."""
        is_good = _now() < self._good_until
        if is_good and self._index is not None and self._seen == self._states(self._index):
            return self._diff
        try:
            self._diff = self._read()
            self._good_until = math.inf
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            log.info("cannot read the staged changes: %s", type(error).__name__)
            self._diff = ""
            self._good_until = _now() + TRY_AGAIN_S
        return self._diff

    def _read(self) -> str:
        git = find_program("git")
        if git is None:
            return ""
        index, objects, form = self._ask(git, *_PLACES).split("\n")
        self._index = self._folder / index
        self._seen = self._states(self._index)
        try:
            tree = self._ask(git, "--verify", "--quiet", "HEAD")
        except subprocess.CalledProcessError:
            tree = _EMPTY_TREES[form]  # the first commit
        with tempfile.TemporaryDirectory(prefix="infill-ls-git-") as own:
            environment = own_environment() | {"GIT_DIR": own}
            _run([git, *making(own, form)], environment, own)
            environment["GIT_OBJECT_DIRECTORY"] = str((self._folder / objects).absolute())
            environment["GIT_INDEX_FILE"] = str(self._index.absolute())
            if self._files:
                environment |= {"GIT_WORK_TREE": self._ask(git, "--show-toplevel")}
                environment |= {"GIT_LITERAL_PATHSPECS": "1"}
                command = [git, *_DIFF, *_NO_RUNNING, tree, "--", *self._files]
                diff = _run(command, environment, str(self._folder))
            else:
                command = [git, *_DIFF, "--cached", *_NO_RUNNING, tree, "--"]
                diff = _run(command, environment, own)
        return diff.decode("utf-8", "replace")

    def _states(self, index: Path) -> tuple[_State, ...]:
        files = [self._folder / file for file in self._files]
        if any(file.is_dir() for file in files):
            return (time.monotonic_ns(),)  # what is in there may change unseen: read it again
        return tuple(_state_of(path) for path in (index, *files))

    def _ask(self, git: str, *arguments: str) -> str:
        command = [git, *asking(self._folder, *arguments)]
        return os.fsdecode(_run(command, None, None)).strip()


def _run(command: Sequence[str], environment: dict[str, str] | None, folder: str | None) -> bytes:
    """Return the beginning of a program's output. Raises :class:`subprocess.CalledProcessError`."""
    with subprocess.Popen(  # noqa: S603 - the user's own git, with fixed commands
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd=folder or tempfile.gettempdir(),
    ) as process:
        hung = threading.Timer(WITHIN_S, process.kill)
        hung.start()
        try:
            assert process.stdout is not None
            printed = process.stdout.read(MAX_DIFF_BYTES)
            is_whole = len(printed) < MAX_DIFF_BYTES
            if not is_whole:
                process.kill()
            status = process.wait()
        finally:
            hung.cancel()
    if is_whole and status:
        raise subprocess.CalledProcessError(status, command[0])
    return printed


def _state_of(path: Path) -> _State:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
