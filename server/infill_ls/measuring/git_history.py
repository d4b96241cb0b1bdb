"""What the commits of a repository changed: files with their old and new blobs, and edits to type again."""

from __future__ import annotations

import difflib
import random
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from infill_ls.document.lines import split_lines, with_lf
from infill_ls.errors import UsageError
from infill_ls.measuring import git
from infill_retrieval.common_length import common_length
from infill_retrieval.syntax import language_of

LEAST_CHARS, MOST_CHARS = 12, 400
"""Of one edit: less shows nothing, more was not typed in one go."""
MOST_FILE_BYTES = 200_000
MOST_FILES_OF_A_COMMIT = 20
"""A commit with more is a sweep by a tool."""
BATCH_FILES = 40
"""Files of which git is asked for the contents at once."""
_DATA = frozenset({"json", "toml", "yaml"})
"""Languages that tools write more than people do."""
_RAW = re.compile(r":\d+ \d+ (\w+) (\w+) M\t(.+)")
_NUMBERS = re.compile(r"^(\d++)\t(\d++)\t(.+)", re.MULTILINE)
_KEYS = re.compile(r"\n[ \t]*|.", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A source file that a commit changed."""

    commit: str
    path: str
    """Relative to the repository, with ``/``."""
    old_blob: str
    new_blob: str
    lines: int
    """Added and removed, as git counts."""


def changed_files(
    repository: Path,
    commits: int,
    is_code: Callable[[str], bool],
    newest: str = "HEAD",
    most_files: int = MOST_FILES_OF_A_COMMIT,
) -> list[ChangedFile]:
    """Return the source files that each of the ``commits`` up to ``newest`` changed, newest first.

    Merges and sweeps by a tool (of more than ``most_files``) are left out. Raises :class:`UsageError` if there is no history.
    """
    try:
        output = git.read(
            repository, "-c", "core.quotePath=false", "log", "--no-merges", "--min-parents=1",
            f"--max-count={commits}", "--raw", "--numstat", "--no-abbrev", "--no-renames",
            "--diff-filter=M", "--format=commit %H", git.commit_of(repository, newest),
        ).decode("utf-8", "replace")  # fmt: skip
    except subprocess.CalledProcessError as error:
        raise UsageError(f"{repository}: git log failed") from error
    found: list[ChangedFile] = []
    for part in re.split(r"^commit ", output, flags=re.MULTILINE)[1:]:
        commit, _, rest = part.partition("\n")
        lines = {m[3]: int(m[1]) + int(m[2]) for m in _NUMBERS.finditer(rest)}
        files = [
            ChangedFile(commit, m[3], m[1], m[2], lines.get(m[3], 0))
            for m in _RAW.finditer(rest)
            if is_code(m[3])
        ]
        if len(files) <= most_files:
            found += files
    return found


def with_blobs(
    repository: Path, changes: Sequence[ChangedFile]
) -> Iterator[tuple[ChangedFile, bytes, bytes]]:
    """Yield each change with what the file was before and after; what is no blob is left out."""
    for first in range(0, len(changes), BATCH_FILES):
        some = changes[first : first + BATCH_FILES]
        ids = [blob for change in some for blob in (change.old_blob, change.new_blob)]
        blobs = git.blobs(repository, ids)
        for change in some:
            if change.old_blob in blobs and change.new_blob in blobs:
                yield change, blobs[change.old_blob], blobs[change.new_blob]


def edits_of(
    repository: Path, commits: int, count: int | None, seed: int, newest: str = "HEAD"
) -> list[PastEdit]:
    """Return ``count`` edits, by chance, of the ``commits`` up to ``newest`` that are no merges.

    In the order of the commits, newest first. Raises :class:`UsageError` if there is no history.
    """
    changes = changed_files(repository, commits, _is_code, newest)
    found = [edit for change in with_blobs(repository, changes) for edit in _edits_of_file(*change)]
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


def _edits_of_file(change: ChangedFile, old: bytes, new: bytes) -> Iterator[PastEdit]:
    if max(len(old), len(new)) > MOST_FILE_BYTES or b"\0" in old + new:
        return
    try:
        before_commit, after_commit = old.decode("utf-8"), new.decode("utf-8")
    except UnicodeDecodeError:
        return  # no text
    for start, typed, after in edits_between(before_commit, after_commit):
        # The indentation of the first line comes from the editor.
        blanks = len(typed) - len(typed.lstrip(" \t"))
        before, text = start + typed[:blanks], typed[blanks:].rstrip()
        if LEAST_CHARS <= len(text) <= MOST_CHARS:
            name = f"{change.commit[:10]}:{change.path}:{len(before)}"
            rest = typed[blanks + len(text) :] + after
            yield PastEdit(
                id=name,
                commit=change.commit,
                path=change.path,
                before=before,
                typed=text,
                after=rest,
            )


def _is_code(path: str) -> bool:
    language = language_of(path)
    return language.grammar is not None and language.name not in _DATA
