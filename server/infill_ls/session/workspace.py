"""The workspace of one editor: folders, open documents, the index, and what holds secrets.

Runs on the event loop; the index is touched from one worker thread only, so that a crawl never holds
up a keystroke.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from urllib.parse import unquote, urlsplit

from platformdirs import user_cache_path

from infill_ls.session.background import Background
from infill_ls.settings import Settings
from infill_ls.types import Snapshot
from infill_retrieval import CountTokens, Query, Retrieval
from infill_retrieval.index import WorkspaceIndex
from infill_retrieval.settings import RetrievalSettings

LONG_TOKEN_CHARS = 8
"""Few tokens of source text are longer, so a prompt lies within so many characters a token."""
READ_LIMIT_S = 5.0
"""A large workspace is read for longer; what needs not be done at once waits for a small one."""
LOOK_EVERY_S = 10.0
"""How often at most we look ourselves what has changed on disk, for an editor that cannot tell."""
LOOK_SHARE = 10
"""And so many times as long as a look takes: a large folder is looked at less often."""


@dataclass(frozen=True, slots=True)
class OpenDocument:
    """What an editor has open."""

    uri: str
    path: Path | None
    text: str
    language_id: str


class Workspace:
    """``on_change`` is called when a search may find something else; ``on_warning`` has words."""

    def __init__(
        self,
        settings: Settings,
        background: Background,
        *,
        on_change: Callable[[], None],
        on_warning: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._background = background
        self._on_change = on_change
        self._on_warning = on_warning
        self._index = WorkspaceIndex([], _retrieval_settings(settings))
        self._thread = ThreadPoolExecutor(1, "infill-index")
        self._stop_crawling = threading.Event()
        self._folders: tuple[Path, ...] = ()
        self._documents: dict[str, OpenDocument] = {}
        """What is open, for an index with other settings."""
        self._sensitive: dict[str, str] = {}
        """Documents in which nothing is completed, and why."""
        self.editor_tells = True
        """Whether the editor tells of files that change on disk; if not, we look."""
        self._look_at = 0.0
        self._looking = False
        self._closed = False
        self._is_read = asyncio.Event()
        self._is_read.set()

    @property
    def indexed_files(self) -> int:
        """Number of files that are searched."""
        return self._index.file_count

    def retrieve(self, query: Query, budget_tokens: int, count_tokens: CountTokens) -> Retrieval:
        """Return the snippets for a place; in a worker thread."""
        return self._index.retrieve(query, budget_tokens, count_tokens)

    def reconfigure(self, settings: Settings) -> list[OpenDocument]:
        """Apply other settings; rebuild the index if they concern it.

        Returns the open documents which they call sensitive now, or no longer.
        """
        former, self._settings = self._settings, settings
        if _retrieval_settings(former) == _retrieval_settings(settings):
            return []
        self._index = WorkspaceIndex(self._folders, _retrieval_settings(settings))
        for one in self._documents.values():
            if one.path is not None:
                self._index.open_buffer(one.path, one.text, one.language_id)
        self._background.run(self.set_folders(self._folders))
        were_sensitive = set(self._sensitive)
        for one in self._documents.values():
            self.look_for_secrets(one.uri, one.path, one.text)
        changed = were_sensitive ^ set(self._sensitive)
        return [one for one in self._documents.values() if one.uri in changed]

    async def set_folders(
        self, folders: Sequence[Path], on_progress: Callable[[int], None] = lambda _: None
    ) -> None:
        """Search these folders; returns when they are read."""
        loop = asyncio.get_running_loop()
        self._stop_crawling.set()  # a crawl of the former folders
        self._stop_crawling = stop = threading.Event()
        self._folders = tuple(folders)
        self._index.set_folders(folders)

        def report(files: int) -> None:
            loop.call_soon_threadsafe(on_progress, files)

        self._is_read.clear()
        try:
            await loop.run_in_executor(self._thread, self._index.crawl, report, stop)
        finally:
            self._is_read.set()
        self._on_change()
        self._look_at = time.monotonic() + LOOK_EVERY_S
        for folder in self._index.not_seen_whole:
            self._on_warning(
                f"{folder} could not be searched completely in time (is it on a network, or very "
                "large?): only the files found so far are searched"
            )

    async def until_read(self) -> None:
        """Wait for the folders to be read, but not for long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(READ_LIMIT_S):
                await self._is_read.wait()

    def look_at_disk(self) -> None:
        """Find out in the background what has changed on disk, unless that was done just now."""
        if self.editor_tells or self._looking or self._closed or not self._folders:
            return
        if time.monotonic() >= self._look_at:
            self._looking = True
            self._background.run(self._look())

    def document_changed(self, document: OpenDocument) -> None:
        """Search a buffer in place of its file."""
        self._documents[document.uri] = document
        if document.path is not None:
            self._index.open_buffer(document.path, document.text, document.language_id)

    def look_at_declarations(self, snapshot: Snapshot) -> None:
        """Look at what a document that is being edited declares; from any thread."""
        if snapshot.path:
            self._index.prepare(
                Query(
                    path=snapshot.path,
                    language_id=snapshot.language_id,
                    prefix=snapshot.text,
                    suffix="",
                )
            )

    def document_closed(self, uri: str, path: Path | None) -> None:
        """Go back to the file on disk."""
        self._documents.pop(uri, None)
        self._sensitive.pop(uri, None)
        if path is not None:
            self._index.close_buffer(path)

    def files_changed(self, paths: Iterable[Path]) -> None:
        """Read files again that changed on disk; a request that comes next sees a few at once."""
        changed = list(paths)
        self._index.note_changes(changed)
        self._on_change()
        loop = asyncio.get_running_loop()
        done = loop.run_in_executor(self._thread, self._index.files_changed, changed)
        done.add_done_callback(lambda _: self._on_change())
        self._background.keep(done)

    def is_sensitive(self, uri: str) -> bool:
        """Tell whether the document held secrets when all of it was last looked at."""
        return uri in self._sensitive

    def why_closed(self, uri: str) -> str | None:
        """Return why nothing is completed in a document, ``None`` if something may be."""
        return self._sensitive.get(uri)

    def look_for_secrets(self, uri: str, path: Path | None, text: str) -> None:
        """Look at a whole document; from any thread."""
        reason = self._index.sensitivity(_name_of(uri, str(path or "")), text)
        if reason is not None:
            self._sensitive[uri] = reason
        else:
            self._sensitive.pop(uri, None)

    def secrets_of(self, snapshot: Snapshot) -> str | None:
        """Return why nothing is completed here, also for a secret that was pasted a moment ago.

        The whole text was looked at when it was opened and is again after a pause; what this very
        prompt may hold is looked at now, which takes a fraction of a decode step.
        """
        if (known := self._sensitive.get(snapshot.uri)) is not None:
            return known
        start = max(snapshot.offset - LONG_TOKEN_CHARS * self._settings.prompt.prefix_tokens, 0)
        end = snapshot.offset + LONG_TOKEN_CHARS * self._settings.prompt.suffix_tokens
        start = snapshot.text.rfind("\n", 0, start) + 1
        near = snapshot.text[start : end if (stop := snapshot.text.find("\n", end)) < 0 else stop]
        return self._index.sensitivity(_name_of(snapshot.uri, snapshot.path), near)

    def why_hidden(self, path: Path, text: str) -> str | None:
        """Return why a whole file is not shown to a model, ``None`` if it may be; from any thread."""
        return self._index.sensitivity(path, text)

    def why_not_shown(self, snapshot: Snapshot) -> str | None:
        """Return why nothing of a whole document is shown to a model; from any thread."""
        name = _name_of(snapshot.uri, snapshot.path)
        return self._sensitive.get(snapshot.uri) or self._index.sensitivity(name, snapshot.text)

    def open_text(self, path: Path) -> str | None:
        """Return the text of a file that is open in the editor; from any thread."""
        found = (one.text for one in tuple(self._documents.values()) if one.path == path)
        return next(found, None)

    def closed_files_with(self, words: Iterable[str], most: int) -> dict[str, str]:
        """Return the text of files that are not open and have one of some words, by URI.

        At most so many are opened, whether they turn out to be fit or not. From any thread.
        """
        named = [self._index.closed_files_with(word, most) for word in words]
        in_turn = dict.fromkeys(path for row in zip_longest(*named) for path in row if path)
        found = {}
        for path in islice(in_turn, most):
            text = self._index.read_closed(path)
            if text is not None:
                found[path.as_uri()] = text
        return found

    def abandon(self) -> None:
        """Stop what would hold up the end of the process."""
        self._closed = True
        self._stop_crawling.set()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _look(self) -> None:
        loop, started = asyncio.get_running_loop(), time.monotonic()
        look, stop = self._index.look, self._stop_crawling
        try:
            if await loop.run_in_executor(self._thread, look, stop):
                self._on_change()
        finally:
            took_s = time.monotonic() - started
            self._look_at = time.monotonic() + max(LOOK_EVERY_S, LOOK_SHARE * took_s)
            self._looking = False


def _retrieval_settings(settings: Settings) -> RetrievalSettings:
    return RetrievalSettings(
        excluded=settings.workspace.excluded,
        sensitive_names=settings.workspace.sensitive_names,
        max_file_bytes=settings.workspace.max_indexed_file_bytes,
        cache_folder=user_cache_path("infill-ls") / "index",
    )


def _name_of(uri: str, path: str) -> Path:
    """Return the path of a document, or what stands for it in a URI of another scheme.

    An ``untitled:.env`` or ``vscode-remote://host/x/.env`` holds secrets like the file.
    """
    return Path(path or unquote(urlsplit(uri).path))
