"""The edits of a repository's past: what a person has typed, and what stood around it then."""

from __future__ import annotations

import difflib
import random
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from infill_ls.document.lines import split_lines, with_lf
from infill_ls.errors import UsageError
from infill_ls.evaluation import git
from infill_retrieval.common_length import common_length
from infill_retrieval.syntax import language_of

LEAST_CHARS, MOST_CHARS = 12, 400
"""Of one edit: less shows nothing, more was not typed in one go."""
MOST_FILE_BYTES = 200_000
MOST_FILES_OF_A_COMMIT = 20
"""A commit with more is a sweep by a tool."""
_DATA = frozenset({"json", "toml", "yaml"})
"""Languages that tools write more than people do."""
_KEYS = re.compile(r"\n[ \t]*|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PastEdit:
    """One stretch of text typed into a file: ``before + typed + after`` is what came of it."""

    id: str
    commit: str
    """The tree before it (the parent of the commit) is what the editor had open."""
    path: str
    """Relative to the repository, with ``/``."""
    before: str
    typed: str
    after: str

    @property
    def keys(self) -> list[str]:
        """What each key adds; an editor indents a new line by itself."""
        return _KEYS.findall(self.typed)


def edits_of(repository: Path, commits: int, count: int | None, seed: int) -> list[PastEdit]:
    """Return ``count`` edits, by chance, of the newest ``commits`` that are no merges.

    In the order of the commits, newest first. Raises :class:`UsageError` if there is no history.
    """
    found = [
        edit
        for commit in _commits(repository, commits)
        for path in _changed_files(repository, commit)
        for edit in _edits_of_file(repository, commit, path)
    ]
    if not found:
        raise UsageError(f"{repository}: no commit adds text to a source file; nothing to replay")
    places = list(range(len(found)))
    random.Random(seed).shuffle(places)  # noqa: S311 - a sample, not a secret
    return [found[place] for place in sorted(places[:count])]


def check_out_parent(repository: Path, commit: str, folder: Path) -> None:
    """Make ``folder`` the tree before ``commit``; the repository itself is left alone."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # A repository of its own: what is above must not hide it from the index.
    (folder / ".git").mkdir()
    with tarfile.open(fileobj=BytesIO(git.read(repository, "archive", f"{commit}^"))) as tree:
        tree.extractall(folder, filter="data")


def edits_between(old: str, new: str) -> Iterator[tuple[str, str, str]]:
    """Yield what stood before, was typed, and stood after, for each place where text was added.

    Edits are made from top to bottom. What a line keeps of itself is not typed again.
    """
    old_lines, new_lines = split_lines(with_lf(old)), split_lines(with_lf(new))
    matcher = difflib.SequenceMatcher(None, old_lines, new_lines, autojunk=False)
    for kind, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if kind not in {"insert", "replace"}:
            continue
        removed = "".join(old_lines[old_from:old_to])
        added = "".join(new_lines[new_from:new_to])
        if kind == "insert" and added.endswith("\n"):
            # A person opens a line and writes on it; its end stands there already.
            removed = "\n"
        head = common_length(removed, added)
        tail = common_length(removed[head:][::-1], added[head:][::-1])
        before = "".join(new_lines[:new_from]) + added[:head]
        after = added[len(added) - tail :] + "".join(old_lines[old_to:])
        yield before, added[head : len(added) - tail], after


def _edits_of_file(repository: Path, commit: str, path: str) -> Iterator[PastEdit]:
    texts = []
    for revision in (f"{commit}^", commit):
        try:
            data = git.read(repository, "cat-file", "blob", f"{revision}:{path}")
            texts.append(data.decode("utf-8"))
        except (subprocess.CalledProcessError, UnicodeDecodeError):
            return  # a submodule, a link, or no text
        if len(data) > MOST_FILE_BYTES or b"\0" in data:
            return
    for start, typed, after in edits_between(*texts):
        # The indentation of the first line comes from the editor.
        blanks = len(typed) - len(typed.lstrip(" \t"))
        before, text = start + typed[:blanks], typed[blanks:].rstrip()
        if LEAST_CHARS <= len(text) <= MOST_CHARS:
            name = f"{commit[:10]}:{path}:{len(before)}"
            yield PastEdit(name, commit, path, before, text, typed[blanks + len(text) :] + after)


def _commits(repository: Path, count: int) -> list[str]:
    newest = git.head_of(repository)
    # Those with a parent: the first commit of all was not typed into anything.
    arguments = ("--no-merges", "--min-parents=1", f"--max-count={count}", "--format=%H")
    return git.read(repository, "log", *arguments, newest).decode().split()


def _changed_files(repository: Path, commit: str) -> list[str]:
    try:
        output = git.read(
            repository, "diff-tree", "-r", "-z", "--no-commit-id", "--no-renames",
            "--diff-filter=M", "--name-only", commit,
        )  # fmt: skip
    except subprocess.CalledProcessError:
        return []  # a shallow clone ends here
    paths = output.decode("utf-8", "replace").split("\0")[:-1]
    known = [path for path in paths if _is_code(path)]
    return known if len(known) <= MOST_FILES_OF_A_COMMIT else []


def _is_code(path: str) -> bool:
    language = language_of(path)
    return language.grammar is not None and language.name not in _DATA
