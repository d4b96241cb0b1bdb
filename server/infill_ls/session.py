"""The mutable state of a running server, without LSP: settings, engine, index, requests.

Everything here runs on the event loop; the index is touched from one worker thread only, so that
a crawl never holds up a keystroke.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote, urlsplit

from platformdirs import user_cache_path

from infill_ls.edit_session import EditSession
from infill_ls.engine import Engine
from infill_ls.engine.fallback import EngineChoice, EngineFactory, engine_for, same_engine
from infill_ls.errors import EngineError, InfillError, ModelError, RemoteError
from infill_ls.pipeline import Pipeline
from infill_ls.settings import Settings
from infill_ls.suggesting.triggers import Pace
from infill_ls.types import Report, Snapshot, Trigger
from infill_retrieval import CountTokens, Query, Retrieval, WorkspaceIndex
from infill_retrieval.settings import RetrievalSettings

log = logging.getLogger(__name__)

LONG_TOKEN_CHARS = 8
"""Few tokens of source text are longer, so a prompt lies within so many characters a token."""
LOOK_EVERY_S = 10.0
"""How often at most we look ourselves what has changed on disk, for an editor that cannot tell."""
LOOK_SHARE = 10
"""And so many times as long as a look takes: a large folder is looked at less often."""
PAUSE_S = 0.15
"""A user who has not typed for so long has paused: time to think ahead."""


class Superseded(Exception):  # noqa: N818 - an outcome, not an error
    """A newer request for the same document took this one's place."""


def _retrieval_settings(settings: Settings) -> RetrievalSettings:
    return RetrievalSettings(
        excluded=settings.excluded,
        sensitive_names=settings.sensitive_names,
        max_file_bytes=settings.max_indexed_file_bytes,
        cache_folder=user_cache_path("infill-ls") / "index",
    )


class Session:
    """What one editor has open, and the answers it waits for.

    ``on_problem`` gets each distinct problem once, in words for the user; ``on_warning`` gets it
    if completions go on in spite of it. ``on_loading`` gets the
    fraction of the model that is loaded, ``on_engine`` is told that another engine is in use.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        engine_factory: EngineFactory = engine_for,
        on_problem: Callable[[str], None] = log.error,
        on_warning: Callable[[str], None] = log.warning,
        on_loading: Callable[[float], None] = lambda _: None,
        on_engine: Callable[[], None] = lambda: None,
    ) -> None:
        self.settings = settings
        self._engine_factory = engine_factory
        self._on_problem = on_problem
        self._on_warning = on_warning
        self._on_loading = on_loading
        self._on_engine = on_engine
        self._index = WorkspaceIndex([], _retrieval_settings(settings))
        self._index_thread = ThreadPoolExecutor(1, "infill-index")
        self._stop_crawling = threading.Event()
        self._engines = self._choose_engine()
        self._pipeline = Pipeline(self.engine, self._retrieve, settings)
        self._newest: dict[str, asyncio.Task[Report]] = {}
        self._last_report: dict[str, Report] = {}
        self._folders: tuple[Path, ...] = ()
        self._documents: dict[str, tuple[Path | None, str, str]] = {}
        """Path, text and language of what is open, for an index with other settings."""
        self._sensitive: dict[str, str] = {}
        """Documents in which nothing is completed, and why."""
        self.edits = EditSession(settings, self._sensitive.__contains__)
        self._told: set[str] = set()
        self._pace = Pace()
        self.paces_requests = False
        """Whether to wait for another key before the model is asked: for editors that do not."""
        self.editor_tells = True
        """Whether the editor tells of files that change on disk; if not, we look."""
        self._look_at = 0.0
        self._looking = False
        self._closed = False
        self._thinking: asyncio.Task[None] | None = None
        self._background: set[asyncio.Future[None]] = set()

    @property
    def engine(self) -> Engine:
        """The engine in use."""
        return self._engines.current

    @property
    def engine_label(self) -> str:
        """Where completions come from, if that is not simply this machine."""
        return self._engines.label

    @property
    def indexed_files(self) -> int:
        """Number of files that are searched."""
        return self._index.file_count

    async def suggest(self, snapshot: Snapshot) -> Report:
        """Return a report on ``snapshot``; failures are reports too.

        The newest request of a document wins: an older one that still runs is cancelled and
        raises :class:`Superseded` to its caller.
        """
        self._stop_thinking()
        self.look_at_disk()
        task = asyncio.get_running_loop().create_task(self._run(snapshot))
        older = self._newest.get(snapshot.uri)
        self._newest[snapshot.uri] = task
        if older is not None:
            older.cancel()
        try:
            report = await task
        except asyncio.CancelledError:
            this = asyncio.current_task()
            if this is not None and this.cancelling():
                raise  # the editor cancelled: awaiting the task has passed that on to it
            raise Superseded from None
        finally:
            if self._newest.get(snapshot.uri) is task:
                del self._newest[snapshot.uri]
        self._last_report[snapshot.uri] = report
        if self.settings.think_ahead and not self._newest:
            self._thinking = asyncio.get_running_loop().create_task(self._think_ahead(report))
            self._track(self._thinking)
        return report

    def last_report(self, uri: str) -> Report | None:
        """Return the report of the last request that was answered for a document."""
        return self._last_report.get(uri)

    async def load_model(self) -> None:
        """Load the model now, so that the first request need not wait for it."""
        engine = self.engine
        try:
            info = await engine.start()
            log.info("loaded model %s, context of %d tokens", info.model_name, info.context_tokens)
            for note in info.notes:
                self._tell_once(ModelError(note))
        except InfillError as error:
            if engine is self.engine and self._failed(error):
                await self.load_model()

    def reconfigure(self, settings: Settings) -> None:
        """Use other settings from the next request on; a new model is loaded when it is needed."""
        old, self.settings = self.settings, settings
        self.edits.reconfigure(settings)
        if not same_engine(old, settings):
            engines, self._engines = self._engines, self._choose_engine()
            self._told.clear()
            self._track(asyncio.get_running_loop().create_task(engines.close()))
        if _retrieval_settings(old) != _retrieval_settings(settings):
            self._index = WorkspaceIndex(self._folders, _retrieval_settings(settings))
            for path, text, language_id in self._documents.values():
                if path is not None:
                    self._index.open_buffer(path, text, language_id)
            self._track(asyncio.get_running_loop().create_task(self.set_folders(self._folders)))
            self._look_at_names_again()
        self._use_pipeline(settings)

    def _look_at_names_again(self) -> None:
        """Find out which open documents the settings call sensitive now, and which no longer."""
        for uri, (path, text, language_id) in self._documents.items():
            was_sensitive = uri in self._sensitive
            self._look_for_secrets(uri, path, text)
            if was_sensitive != (uri in self._sensitive):
                self.edits.changed(uri, text, language_id, is_new=True)

    async def set_folders(
        self, folders: Sequence[Path], on_progress: Callable[[int], None] = lambda _: None
    ) -> None:
        """Search these workspace folders; returns when they are read."""
        loop = asyncio.get_running_loop()
        self._stop_crawling.set()  # a crawl of the former folders
        self._stop_crawling = stop = threading.Event()
        self._folders = tuple(folders)
        self._index.set_folders(folders)

        def report(files: int) -> None:
            loop.call_soon_threadsafe(on_progress, files)

        await loop.run_in_executor(self._index_thread, self._index.crawl, report, stop)
        self._pipeline.files_changed()
        self._look_at = time.monotonic() + LOOK_EVERY_S
        for folder in self._index.not_seen_whole:
            self._warn_once(
                f"not all of {folder} could be looked at in time (is it on a network, or very "
                "large?): what was found is searched"
            )

    def look_at_disk(self) -> None:
        """Find out in the background what has changed on disk, unless that was done just now."""
        if self.editor_tells or self._looking or self._closed or not self._folders:
            return
        if time.monotonic() >= self._look_at:
            self._looking = True
            self._track(asyncio.get_running_loop().create_task(self._look()))

    async def _look(self) -> None:
        loop, started = asyncio.get_running_loop(), time.monotonic()
        look, stop = self._index.look, self._stop_crawling
        try:
            if await loop.run_in_executor(self._index_thread, look, stop):
                self._pipeline.files_changed()
        finally:
            took_s = time.monotonic() - started
            self._look_at = time.monotonic() + max(LOOK_EVERY_S, LOOK_SHARE * took_s)
            self._looking = False

    def document_opened(self, uri: str, path: Path | None, text: str, language_id: str) -> None:
        """Search a buffer in place of its file, and look whether it holds secrets."""
        self._look_for_secrets(uri, path, text)
        self._take(uri, path, text, language_id, is_new=True)
        self.look_at_disk()

    def document_changed(self, uri: str, path: Path | None, text: str, language_id: str) -> None:
        """Remember a buffer's new text; it is indexed when another document asks."""
        self._take(uri, path, text, language_id)

    def _take(
        self, uri: str, path: Path | None, text: str, language_id: str, *, is_new: bool = False
    ) -> None:
        self._pace.key(asyncio.get_running_loop().time())
        self._documents[uri] = path, text, language_id
        self.edits.changed(uri, text, language_id, is_new=is_new)
        if path is not None:
            self._pipeline.document_changed(uri, path)
            self._index.open_buffer(path, text, language_id)

    def document_closed(self, uri: str, path: Path | None) -> None:
        """Go back to the file on disk."""
        self._pipeline.give_up(uri)
        self._last_report.pop(uri, None)
        self._documents.pop(uri, None)
        self._sensitive.pop(uri, None)
        self.edits.closed(uri)
        if path is not None:
            self._index.close_buffer(path)

    def files_changed(self, paths: Iterable[Path]) -> None:
        """Read files again that changed on disk; a request that comes next sees a few at once."""
        changed = list(paths)
        self._index.note_changes(changed)
        self._pipeline.files_changed()
        self._touch_index(self._index.files_changed, changed)

    async def close(self) -> None:
        """Stop the engine and all work."""
        self.abandon()
        self._stop_thinking()
        for task in tuple(self._newest.values()):
            task.cancel()
        self._pipeline.close()
        await self._engines.close()
        if self._background:
            await asyncio.wait(tuple(self._background), timeout=2)

    def abandon(self) -> None:
        """Stop what would hold up the end of the process; what runs on the loop ends with it."""
        self._closed = True
        self._stop_crawling.set()
        self._index_thread.shutdown(wait=False, cancel_futures=True)
        self.edits.abandon()

    def _secrets_of(self, snapshot: Snapshot) -> str | None:
        """Return why nothing is completed here, also for a secret that was pasted a moment ago.

        The whole text was looked at when it was opened and is again after a pause; what this very
        prompt may hold is looked at now, which takes a fraction of a decode step.
        """
        if (known := self._sensitive.get(snapshot.uri)) is not None:
            return known
        start = max(snapshot.offset - LONG_TOKEN_CHARS * self.settings.prefix_tokens, 0)
        end = snapshot.offset + LONG_TOKEN_CHARS * self.settings.suffix_tokens
        start = snapshot.text.rfind("\n", 0, start) + 1
        near = snapshot.text[start : end if (stop := snapshot.text.find("\n", end)) < 0 else stop]
        return self._index.sensitivity(_name_of(snapshot.uri, snapshot.path), near)

    async def _run(self, snapshot: Snapshot) -> Report:
        if (secrets := self._secrets_of(snapshot)) is not None:
            return Report(snapshot, None, f"nothing is completed in this file: {secrets}")
        pipeline = self._pipeline
        must_wait = self.paces_requests and snapshot.trigger is Trigger.AUTOMATIC
        if must_wait and not pipeline.is_under_way(snapshot):
            if (rest := pipeline.rest_of_shown(snapshot)) is not None:
                return rest  # costs nothing, so there is nothing to wait for
            await asyncio.sleep(self._pace.pause_s)
        now = asyncio.get_running_loop().time
        deadline_s, started_s = None, now()
        if snapshot.trigger is Trigger.AUTOMATIC:
            deadline_s = self._pace.deadline_s(started_s)
        try:
            report = await pipeline.run(snapshot, deadline_s)
        except InfillError as error:
            if pipeline is not self._pipeline:
                return await self._run(snapshot)  # other settings came, the engine was replaced
            if self._failed(error):
                return await self._run(snapshot)
            return Report(snapshot, None, str(error))
        if report.completion is not None:
            self._pace.measured(now() - started_s)
        return report

    async def _think_ahead(self, report: Report) -> None:
        snapshot = report.snapshot
        path = Path(snapshot.path) if snapshot.path else None
        try:
            await self._pipeline.move_anchor(report)
            await self._pipeline.refresh_snippets(report)
            await asyncio.sleep(PAUSE_S)
            await asyncio.to_thread(self._look_for_secrets, snapshot.uri, path, snapshot.text)
            await self._pipeline.think_ahead(report)
        except InfillError as error:
            log.info("thinking ahead failed: %s", error)

    def _stop_thinking(self) -> None:
        if self._thinking is not None:
            self._thinking.cancel()

    def _failed(self, error: InfillError) -> bool:
        """Tell the user of a failure; return whether another engine has stepped in."""
        has_another = self._engines.step_aside()
        if has_another:
            self._tell_once(error, "; meanwhile the model on this machine is used")
        else:
            self._tell_once(error)
        return has_another

    def _tell_once(self, error: InfillError, comfort: str = "") -> None:
        # Deaths of the engine differ in their exit status only: one message for all of them.
        is_death = isinstance(error, EngineError) and not isinstance(error, RemoteError)
        cause = type(error).__name__ if is_death else str(error)
        if cause in self._told or self._closed:
            log.info("%s", error)
            return
        self._told.add(cause)
        if comfort:
            self._on_warning(f"{error}{comfort}")
        else:
            self._on_problem(str(error))

    def _warn_once(self, text: str) -> None:
        if text not in self._told and not self._closed:
            self._told.add(text)
            self._on_warning(text)

    def _choose_engine(self) -> EngineChoice:
        def switched() -> None:
            self._use_pipeline(self.settings)
            self._on_engine()

        return EngineChoice(self.settings, self._engine_factory, self._on_loading, switched)

    def _use_pipeline(self, settings: Settings) -> None:
        former, self._pipeline = self._pipeline, Pipeline(self.engine, self._retrieve, settings)
        former.close()

    def _retrieve(self, query: Query, budget_tokens: int, count_tokens: CountTokens) -> Retrieval:
        return self._index.retrieve(query, budget_tokens, count_tokens)

    def _look_for_secrets(self, uri: str, path: Path | None, text: str) -> None:
        reason = self._index.sensitivity(_name_of(uri, str(path or "")), text)
        if reason is not None:
            self._sensitive[uri] = reason
        else:
            self._sensitive.pop(uri, None)

    def _touch_index(self, change: Callable[..., None], *arguments: object) -> None:
        loop = asyncio.get_running_loop()
        done = loop.run_in_executor(self._index_thread, change, *arguments)
        done.add_done_callback(lambda _: self._pipeline.files_changed())
        self._track(done)

    def _track(self, future: asyncio.Future[None]) -> None:
        self._background.add(future)
        future.add_done_callback(self._untrack)

    def _untrack(self, future: asyncio.Future[None]) -> None:
        self._background.discard(future)
        if not future.cancelled() and (error := future.exception()) is not None:
            log.error("background work failed", exc_info=error)


def _name_of(uri: str, path: str) -> Path:
    """Return the path of a document, or what stands for it in a URI of another scheme.

    An ``untitled:.env`` or ``vscode-remote://host/x/.env`` holds secrets like the file.
    """
    return Path(path or unquote(urlsplit(uri).path))
