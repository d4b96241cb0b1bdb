"""Commit messages: put the staged diff in front of the message, like the cells of a notebook.

VS Code's box is a document of scheme ``vscode-scm`` whose query names the repository; elsewhere git's
own file ``COMMIT_EDITMSG`` is edited, which lies in the repository's ``.git``. A buffer of Emacs' VC has
no file: our client gives it the scheme ``vc-log``, and the query names the files that are committed too.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from infill_ls.commits import StagedChanges, comments_of
from infill_ls.settings import Settings
from infill_ls.types import Snapshot

BOX_SCHEME = "vscode-scm"
VC_SCHEME = "vc-log"
FILE_NAME = "COMMIT_EDITMSG"
CHARS_A_TOKEN = 3
"""Of a diff. The prompt is cut to its budget anyway, from above; this is so that no file misses."""


class CommitMessages:
    """Knows the staged changes of the repositories whose commit messages are written."""

    def __init__(self) -> None:
        self._changes: dict[tuple[Path, tuple[str, ...]], StagedChanges] = {}
        self._lock = asyncio.Lock()

    async def with_changes(self, snapshot: Snapshot, settings: Settings) -> Snapshot:
        """Return the snapshot with the staged changes in front, if it is of a commit message."""
        folder = repository_folder(snapshot.uri, snapshot.path)
        if folder is None:
            return snapshot
        async with self._lock:
            files = committed_files(snapshot.uri)
            changes = self._changes.setdefault((folder, files), StagedChanges(folder, files))
            diff = await asyncio.to_thread(changes.diff)
        comments = comments_of(
            diff,
            max_chars=CHARS_A_TOKEN * settings.prompt.prefix_tokens,
            sensitive_names=settings.workspace.sensitive_names,
        )
        return replace(snapshot, cells_before=comments)


def repository_folder(uri: str, path: str) -> Path | None:
    """Return a folder of the repository that a commit message is for; ``None`` if it is none."""
    if path and Path(path).name == FILE_NAME:
        return Path(path).parent
    parts = urlsplit(uri)
    if parts.scheme not in {BOX_SCHEME, VC_SCHEME}:
        return None
    is_encoded_twice = parts.scheme == BOX_SCHEME and "%3D" in parts.query
    roots = parse_qs(unquote(parts.query) if is_encoded_twice else parts.query).get("rootUri")
    # In a remote window the folder is on this machine, whatever the scheme says.
    root = Path(unquote(urlsplit(roots[0]).path)) if roots else None
    return root if root is not None and root.is_absolute() and root.is_dir() else None


def committed_files(uri: str) -> tuple[str, ...]:
    """Return the files that a commit is of, relative to the repository; none if it is what is staged."""
    parts = urlsplit(uri)
    if parts.scheme != VC_SCHEME:
        return ()
    return tuple(parse_qs(parts.query).get("file", ()))
