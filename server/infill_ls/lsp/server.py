"""The server object behind the handlers: the session, and messages to the editor."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from infill_ls import __version__
from infill_ls.engine.fallback import EngineFactory
from infill_ls.lsp import convert
from infill_ls.lsp.commit_messages import CommitMessages
from infill_ls.lsp.methods import STATUS, WRONG_SETTINGS
from infill_ls.lsp.notebooks import SYNC, cells_around, notebook_of
from infill_ls.lsp.progress import Reporter, work_done_progress
from infill_ls.lsp.pygls_fixes import MendedServer
from infill_ls.lsp.status import INDEXING, LOADING, Known, status_of
from infill_ls.reporting.statistics import Statistics, default_path, read_events
from infill_ls.reporting.tally import accepted_by_place
from infill_ls.session import Session
from infill_ls.session.background import Background
from infill_ls.settings import Settings, resolve_settings
from infill_ls.suggesting.own_bar import OwnBar
from infill_ls.types import Accepted, Report, Snapshot, Trigger

log = logging.getLogger(__name__)

SECTION = "infill-ls"
"""Section of ``workspace/configuration`` and of ``didChangeConfiguration``."""
SHOWS_PROBLEMS = "statusProblems"
"""The experimental capability of clients that show a problem in the status to the user themselves."""
SHOWS_WRONG_SETTINGS = "wrongSettings"
"""The same for settings that are wrong."""
THINKING_AFTER_S = 0.25
"""Quicker answers are not told of: the status would flicker at every key."""
PERCENT_STEP = 5


class InfillServer(MendedServer):
    """One editor's server. There is a session from ``initialize`` on."""

    session: Session

    def __init__(self, engine_factory: EngineFactory, *, trusts_model_files: bool = False) -> None:
        super().__init__("infill-ls", __version__, SYNC)
        self.client_name = ""
        self.client_tells_cursor = False
        """Whether the client tells where its cursor rests."""
        self._engine_factory = engine_factory
        self._first_options: object = None
        """What ``initialize`` set: it stays in force where what comes later says nothing."""
        self._later_options: object = None
        self._trusts_model_files = trusts_model_files
        self.statistics = Statistics(None)
        self._counts = False
        self.commit_messages = CommitMessages()
        self._busy_with: list[str] = []
        self._warnings: list[str] = []
        self._is_initialized = False
        self._tell_of_settings: dict[str, list[str]] | None = None
        self._problem = ""
        self._shown_uri = ""
        self._closed = ""
        self._report_loading: Reporter | None = None
        self._loaded_percent = 0
        self._requests = 0
        self._is_thinking = False
        self._background = Background()

    @property
    def folders(self) -> list[Path]:
        """The workspace folders that are folders on disk."""
        uris = [folder.uri for folder in self.workspace.folders.values()]
        if not uris and self.workspace.root_uri:
            uris = [self.workspace.root_uri]
        return [path for uri in uris if (path := convert.path_of(uri)) is not None]

    @property
    def encoding(self) -> convert.Encoding:
        """The position encoding agreed on."""
        return self.workspace.position_encoding or lsp.PositionEncodingKind.Utf16

    def open_session(self, options: object) -> None:
        """Make the session with the settings of ``initializationOptions``."""
        self._first_options = options
        self.session = Session(
            self._settings_from(options),
            engine_factory=self._engine_factory,
            on_problem=self._show_problem,
            on_warning=self._show_warning,
            on_loading=self._model_loading,
            on_engine=self._send_status,
        )
        self._settings_changed()

    def answered(self, report: Report) -> None:
        """Take note of an answer: one of the model's is the end of a problem with it."""
        if self._problem and report.completion is not None:
            self._problem = ""
            self._send_status()
        self.shows(report.snapshot.uri)

    def shows(self, uri: str) -> None:
        """Take note of the document that the editor shows: the status is that of this one."""
        self._shown_uri = uri
        self.look_at_shown()

    def look_at_shown(self) -> None:
        """Say so if something is completed now in the document that the editor shows, or nothing any more."""
        if (self.session.why_closed(self._shown_uri) or "") != self._closed:
            self._send_status()

    @contextmanager
    def thinking(self) -> Iterator[None]:
        """Say that an answer is being made, if it takes long."""
        self._requests += 1
        late = asyncio.get_running_loop().call_later(THINKING_AFTER_S, self._set_thinking, True)
        try:
            yield
        finally:
            late.cancel()
            self._requests -= 1
            if not self._requests:
                self._set_thinking(False)

    def _set_thinking(self, is_thinking: bool) -> None:
        if is_thinking != self._is_thinking:
            self._is_thinking = is_thinking
            self._send_status()

    def shutdown(self) -> None:
        """Come to an end, also without the client's request to shut down."""
        if self.protocol.is_initialized:
            self.session.abandon()
        super().shutdown()  # type: ignore[no-untyped-call]

    def run_in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` beside the handlers; its failure is logged."""
        self._background.run(work)

    async def pull_settings(self) -> None:
        """Ask the editor for our section, if it can tell, and use it."""
        capabilities = self.client_capabilities.workspace
        if capabilities is None or not capabilities.configuration:
            return
        items = [lsp.ConfigurationItem(section=SECTION)]
        sections = await self.workspace_configuration_async(lsp.ConfigurationParams(items=items))
        # An editor without such a section answers null: the options of initialize stay in force.
        if sections and sections[0]:
            self._reconfigure(sections[0])

    async def apply_settings(self, pushed: object) -> None:
        """Use what ``didChangeConfiguration`` brought, or pull it if that was nothing of ours."""
        section = pushed.get(SECTION) if isinstance(pushed, dict) else None
        if section is not None:
            self._reconfigure(section)
        else:
            await self.pull_settings()

    def folders_changed(self) -> None:
        """Read the new folders; a model file that lies in one of them is let go."""
        self._reconfigure(self._later_options)
        self.run_in_background(self.index_folders())

    async def index_folders(self) -> None:
        """Read the workspace folders, with progress."""
        async with self._busy(INDEXING) as report:
            await self.session.set_folders(
                self.folders, lambda files: report(f"{files} files", None)
            )

    async def load_model(self) -> None:
        """Load the model, with progress. Whether it can be used is known then."""
        self._loaded_percent = 0
        async with self._busy(LOADING) as self._report_loading:
            await self.session.load_model()
            if self.session.engine.info is not None:
                self._problem = ""

    async def watch(self) -> None:
        """Have the editor tell us of changed files and settings, if it can register that."""
        workspace = self.client_capabilities.workspace
        files = workspace.did_change_watched_files if workspace is not None else None
        settings = workspace.did_change_configuration if workspace is not None else None
        tells = files is not None and files.dynamic_registration is True
        registrations = []
        if files is not None and files.dynamic_registration:
            options = lsp.DidChangeWatchedFilesRegistrationOptions(
                [lsp.FileSystemWatcher(glob_pattern="**/*")]
            )
            registrations.append(
                lsp.Registration("infill-files", lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
            )
        if settings is not None and settings.dynamic_registration:
            section = lsp.DidChangeConfigurationRegistrationOptions(section=SECTION)
            registrations.append(
                lsp.Registration("infill-settings", lsp.WORKSPACE_DID_CHANGE_CONFIGURATION, section)
            )
        if registrations:
            try:
                await self.client_register_capability_async(lsp.RegistrationParams(registrations))
            except JsonRpcException as error:  # Eglot takes the one and refuses the other
                log.info("the editor refused to register: %s", error)
                tells = False
        self.session.editor_tells = tells

    def snapshot(self, uri: str, position: lsp.Position, trigger: Trigger) -> Snapshot | None:
        """Return the state of an open document, or ``None`` if it is not open.

        To be taken before the first await of a handler: pygls changes documents in place.
        """
        document = self.workspace.text_documents.get(unquote(uri))
        if document is None:
            return None
        notebook = notebook_of(self.workspace, uri)
        before, after = cells_around(self.workspace, uri, document.language_id or "")
        snapshot = convert.snapshot_of(
            uri,
            document.source,
            document.language_id,
            position,
            self.encoding,
            self.folders,
            trigger,
            file_uri=notebook,
        )
        return replace(snapshot, cells_before=before, cells_after=after)

    @asynccontextmanager
    async def _busy(self, what: str) -> AsyncIterator[Reporter]:
        self._busy_with.append(what)
        self._send_status()
        try:
            async with work_done_progress(self, what) as report:
                yield report
        finally:
            self._busy_with.remove(what)
            self._send_status()

    def _reconfigure(self, options: object) -> None:
        self._later_options = options
        engine = self.session.engine
        self.session.reconfigure(self._settings_from(self._first_options, options))
        self._settings_changed()
        if self.session.engine is not engine:
            self._problem = ""
            if self.workspace.text_documents:
                # Whoever chose a model is to hear at once whether it can be used.
                self.run_in_background(self.load_model())
        self._send_status()

    def _settings_changed(self) -> None:
        counts = self.session.settings.statistics
        # Other settings leave alone what waits to be accepted, or to be looked at again.
        if counts != self._counts:
            self._counts = counts
            self.statistics.stop()
            self.statistics = Statistics(default_path() if counts else None)
            self.learn_own_bar()

    def learn_own_bar(self) -> None:
        """Have what the user accepted say how certain suggestions must be, in the background."""
        self.run_in_background(self._learn_own_bar(self.statistics.path))

    async def _learn_own_bar(self, path: Path | None) -> None:
        def counted() -> dict[tuple[str, str], Accepted]:
            return accepted_by_place(read_events(path)) if path is not None else {}

        try:
            self.session.own_bar = OwnBar.of(await asyncio.to_thread(counted))
        except OSError as error:
            log.warning("cannot read the statistics in %s: %s", path, error)

    def _send_status(self) -> None:
        self._closed = self.session.why_closed(self._shown_uri) or ""
        known = Known(
            is_on=self.session.settings.completion.enabled,
            busy_with=tuple(self._busy_with),
            loaded_percent=self._loaded_percent,
            problem=self._problem,
            closed=self._closed,
            is_thinking=self._is_thinking,
            engine_label=self.session.engine_label,
            indexed_files=self.session.indexed_files,
        )
        self.protocol.notify(STATUS, status_of(known))

    def _model_loading(self, fraction: float) -> None:
        percent = int(fraction * 100)
        if self._report_loading is not None:
            self._report_loading(f"{fraction:.0%}", percent)
        if abs(percent - self._loaded_percent) >= PERCENT_STEP:
            self._loaded_percent = percent
            self._send_status()

    def _settings_from(self, *layers: object) -> Settings:
        folders = () if self._trusts_model_files else self.folders
        settings, warnings = resolve_settings(*layers, folders=folders)
        if warnings != self._warnings:
            # Editors send the same settings again and again: one message for what is new.
            new = [warning for warning in warnings if warning not in self._warnings]
            self._warnings = warnings
            self._show_wrong_settings(new)
        return settings

    def _show_wrong_settings(self, new: Sequence[str]) -> None:
        if self._client_does(SHOWS_WRONG_SETTINGS):
            log.warning("%s", "\n".join(self._warnings))
            self._tell_of_settings = {
                "problems": _sentences(self._warnings),
                "new": _sentences(new),
            }
            if self._is_initialized:
                self.client_listens()
        elif new:
            self._show(lsp.MessageType.Warning, "\n".join(new))

    def client_listens(self) -> None:
        """Send what a client may be sent only after it has got the answer to ``initialize``."""
        self._is_initialized = True
        if self._tell_of_settings is not None:
            self.protocol.notify(WRONG_SETTINGS, self._tell_of_settings)
            self._tell_of_settings = None

    def _show_problem(self, problem: str) -> None:
        self._problem = problem
        self._send_status()
        if self._client_does(SHOWS_PROBLEMS):
            log.error("%s", problem)
        else:
            self._show(lsp.MessageType.Error, problem)

    def _client_does(self, name: str) -> bool:
        """Whether the client has declared an experimental capability."""
        experimental = self.client_capabilities.experimental
        return isinstance(experimental, dict) and experimental.get(name) is True

    def _show_warning(self, warning: str) -> None:
        self._show(lsp.MessageType.Warning, warning)

    def show(self, kind: lsp.MessageType, text: str) -> None:
        """Say something to the user; what is only said and no fault stays out of the log."""
        self.window_show_message(lsp.ShowMessageParams(kind, f"infill-ls: {text}"))

    def _show(self, kind: lsp.MessageType, text: str) -> None:
        log.log(logging.ERROR if kind is lsp.MessageType.Error else logging.WARNING, "%s", text)
        self.window_show_message(lsp.ShowMessageParams(kind, f"infill-ls: {text}"))


def _sentences(warnings: Sequence[str]) -> list[str]:
    return [warning.removeprefix("settings: ") for warning in warnings]
