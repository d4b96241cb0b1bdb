"""The handlers: LSP in, a session's answer out. Each is a few lines; decisions live elsewhere.

All handlers are coroutines or plain functions that return at once. pygls' thread handlers are not
used: they cannot be cancelled, and they share their pool with the reader of stdin.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams

from infill_ls.engine.fallback import EngineFactory, engine_for
from infill_ls.lsp import convert
from infill_ls.lsp.cursor import handle_cursor, place_is_named
from infill_ls.lsp.feedback import command_for, handle_feedback
from infill_ls.lsp.growth import tell_of_growth
from infill_ls.lsp.instruct import handle_instructions
from infill_ls.lsp.methods import EXPLAIN
from infill_ls.lsp.next_edit import handle_next_edit
from infill_ls.lsp.progress import end_all_progress
from infill_ls.lsp.server import InfillServer
from infill_ls.lsp.watchdog import watch_editor
from infill_ls.reporting.explain import explain
from infill_ls.reporting.markdown import next_edit_markdown
from infill_ls.session import Superseded
from infill_ls.settings import Settings
from infill_ls.types import Report, Snapshot, Trigger

SINGLE_LINE_MENUS = frozenset({"Neovim"})
"""Clients whose pop-up menu inserts only the first line of an item."""
DEBOUNCING_CLIENTS = frozenset({"Neovim", "Visual Studio Code", "infill.el"})
"""Clients that wait for a pause in typing by themselves before they ask."""
GHOST_AT_CURSOR = frozenset({"Neovim"})
"""Clients whose range starts at the cursor, and not at the line's start. Neovim 0.12 draws ghost text
over what is right of the cursor unless its range is empty. Our plug-in draws its own, and says so."""

OPENED_S = 0.5
"""A client that tells where the cursor is has done so in this time after a document was opened."""
REPLACING_CLIENTS = frozenset({"Visual Studio Code"})
"""Clients whose ghost text replaces its whole range, with what is right of the cursor."""
REPLACES = "inlineCompletionReplaces"
"""The experimental capability by which other clients say the same."""


def create_server(
    engine_factory: EngineFactory = engine_for,
    *,
    editor_pid: int | None = None,
    look_for_editor_every_s: float = 5.0,
    trusts_model_files: bool = False,
) -> InfillServer:
    """Return a server with all its handlers, ready to be started.

    It ends when the process ``editor_pid``, or the one that ``initialize`` names, is gone. With
    ``trusts_model_files``, settings may name a model in an open folder.
    """
    server = InfillServer(engine_factory, trusts_model_files=trusts_model_files)
    _handle_life(server, editor_pid, look_for_editor_every_s)
    _handle_documents(server)
    _handle_notebooks(server)
    _handle_workspace(server)
    _handle_completion(server)
    handle_feedback(server)
    handle_next_edit(server)
    handle_instructions(server)
    handle_cursor(server)
    return server


def _handle_life(server: InfillServer, editor_pid: int | None, look_every_s: float) -> None:
    @server.feature(lsp.INITIALIZE)
    def initialize(params: lsp.InitializeParams) -> None:
        server.mend_workspace()
        server.client_name = params.client_info.name if params.client_info else ""
        server.open_session(params.initialization_options)
        server.session.paces_requests = server.client_name not in DEBOUNCING_CLIENTS
        if (process_id := params.process_id or editor_pid) is not None:
            server.run_in_background(watch_editor(process_id, look_every_s))
        if _wants_completion_items(params, server.session.settings):
            _handle_completion_items(server)

    @server.feature(lsp.INITIALIZED)
    async def initialized(_params: lsp.InitializedParams) -> None:
        server.client_listens()
        server.run_in_background(server.index_folders())
        server.run_in_background(server.watch())
        await server.pull_settings()

    @server.feature(lsp.SHUTDOWN)
    async def shutdown(_params: None) -> None:
        server.statistics.close()
        await server.session.close()
        end_all_progress(server)


def _handle_documents(server: InfillServer) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def did_open(params: lsp.DidOpenTextDocumentParams) -> None:
        document = params.text_document
        path = convert.path_of(document.uri)
        server.session.document_opened(document.uri, path, document.text, document.language_id)
        server.look_at_shown()
        if server.session.engine.info is None:
            server.run_in_background(server.load_model())
        server.run_in_background(_expect_typing(server, document.uri))

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(params: lsp.DidChangeTextDocumentParams) -> None:
        uri = params.text_document.uri
        document = server.workspace.text_documents.get(unquote(uri))
        if document is not None:
            server.session.document_changed(
                uri, convert.path_of(uri), document.source, document.language_id or ""
            )
            server.statistics.text_changed(uri, document.source)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def did_save(_params: lsp.DidSaveTextDocumentParams) -> None:
        server.session.look_at_disk()

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(params: lsp.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        server.session.document_closed(uri, convert.path_of(uri))
        server.statistics.document_closed(uri)


async def _expect_typing(server: InfillServer, uri: str) -> None:
    """Prepare the beginning of a document that was opened, if nobody tells of another place."""
    await asyncio.sleep(OPENED_S)
    place_is_named(server, uri, lsp.Position(0, 0))


def _handle_notebooks(server: InfillServer) -> None:
    """Cells are documents, which pygls opens; the session must know of them as well."""

    def changed(uri: str, *, is_new: bool = False) -> None:
        document = server.workspace.text_documents.get(unquote(uri))
        if document is None:
            return
        tell = server.session.document_opened if is_new else server.session.document_changed
        tell(uri, None, document.source, document.language_id or "")
        server.statistics.text_changed(uri, document.source)

    def closed(uri: str) -> None:
        server.session.document_closed(uri, None)
        server.statistics.document_closed(uri)

    @server.feature(lsp.NOTEBOOK_DOCUMENT_DID_OPEN)
    def did_open(params: lsp.DidOpenNotebookDocumentParams) -> None:
        for cell in params.cell_text_documents:
            changed(cell.uri, is_new=True)
        if server.session.engine.info is None:
            server.run_in_background(server.load_model())

    @server.feature(lsp.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def did_change(params: lsp.DidChangeNotebookDocumentParams) -> None:
        cells = params.change.cells
        if cells is None:
            return
        if cells.structure is not None:
            for opened in cells.structure.did_open or ():
                changed(opened.uri, is_new=True)
            for gone in cells.structure.did_close or ():
                closed(gone.uri)
        for content in cells.text_content or ():
            changed(content.document.uri)

    @server.feature(lsp.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def did_close(params: lsp.DidCloseNotebookDocumentParams) -> None:
        for cell in params.cell_text_documents:
            closed(cell.uri)


def _handle_workspace(server: InfillServer) -> None:
    @server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def did_change_watched_files(params: lsp.DidChangeWatchedFilesParams) -> None:
        paths = [convert.path_of(change.uri) for change in params.changes]
        server.session.files_changed(path for path in paths if path is not None)

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    async def did_change_folders(_params: lsp.DidChangeWorkspaceFoldersParams) -> None:
        server.folders_changed()

    @server.feature(lsp.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def did_change_configuration(params: lsp.DidChangeConfigurationParams) -> None:
        await server.apply_settings(params.settings)


def _handle_completion(server: InfillServer) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_INLINE_COMPLETION, lsp.InlineCompletionOptions())
    async def inline_completion(
        params: lsp.InlineCompletionParams,
    ) -> lsp.InlineCompletionList | None:
        selected = params.context.selected_completion_info
        snapshot = server.snapshot(
            params.text_document.uri, params.position, convert.trigger_of(params.context)
        )
        if snapshot is None:
            return lsp.InlineCompletionList(items=[])
        if selected is not None:
            snapshot = convert.with_selected_completion(snapshot, selected, server.encoding)
        started = time.perf_counter()
        try:
            with server.thinking():
                settings = server.session.settings
                snapshot = await server.commit_messages.with_changes(snapshot, settings)
                report = await server.session.suggest(snapshot)
        except Superseded:
            return None
        server.answered(report)
        tell_of_growth(server, report)
        return convert.inline_completion_of(
            report,
            server.encoding,
            selected,
            at_cursor=server.client_name in GHOST_AT_CURSOR,
            may_replace=_may_replace(server),
            command_for=command_for(server, report, (time.perf_counter() - started) * 1000),
        )

    @server.feature(EXPLAIN)
    def explain_last(params: Any) -> dict[str, Any] | None:
        match params:
            case {"textDocument": {"uri": str(uri)}}:
                report, edits = server.session.last_report(uri), server.session.edits.explain(uri)
            case _:
                raise JsonRpcInvalidParams("expected {textDocument: {uri}}")
        if report is None:
            told = None
        else:
            told = explain(report, server.session.settings, server.session.engine_label)
        if edits is None:
            return told
        texts = [told["markdown"]] if told else []
        text = "\n".join([*texts, next_edit_markdown(edits)])
        return {**(told or {}), "nextEdit": edits, "markdown": text}


def _handle_completion_items(server: InfillServer) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionOptions())
    async def completion(params: lsp.CompletionParams) -> lsp.CompletionList:
        snapshot = server.snapshot(params.text_document.uri, params.position, Trigger.MENU)
        started = time.perf_counter()
        report = None
        if snapshot is not None:
            settings = server.session.settings
            snapshot = await server.commit_messages.with_changes(snapshot, settings)
            with server.thinking():
                report = await _within_deadline(server, snapshot)
        if report is None:
            return lsp.CompletionList(is_incomplete=True, items=[])
        server.answered(report)
        return convert.completion_of(
            report,
            server.encoding,
            single_line=server.client_name in SINGLE_LINE_MENUS,
            editor_indents=_indents_items(server.client_capabilities.text_document),
            command_for=command_for(server, report, (time.perf_counter() - started) * 1000),
        )


def _may_replace(server: InfillServer) -> bool:
    """Whether ghost text of the client may take the place of what is right of the cursor."""
    experimental = server.client_capabilities.experimental
    is_said = isinstance(experimental, dict) and experimental.get(REPLACES) is True
    return is_said or server.client_name in REPLACING_CLIENTS


def _wants_completion_items(params: lsp.InitializeParams, settings: Settings) -> bool:
    if settings.menu.items != "auto":
        return settings.menu.items == "always"
    text_document = params.capabilities.text_document
    return text_document is None or text_document.inline_completion is None


def _indents_items(capabilities: lsp.TextDocumentClientCapabilities | None) -> bool:
    """Whether the menu indents all lines of an item like the cursor's, without a choice."""
    completion = capabilities.completion if capabilities is not None else None
    item = completion.completion_item if completion is not None else None
    modes = item.insert_text_mode_support if item is not None else None
    return modes is not None and lsp.InsertTextMode.AsIs not in modes.value_set


async def _within_deadline(server: InfillServer, snapshot: Snapshot) -> Report | None:
    """Return the report, or ``None`` if it takes longer than a pop-up menu may wait.

    The menu waits for all servers, so a slow answer would hold up everybody's items. The model goes
    on writing: its answer is there at once when the next key asks for the same.
    """
    answer = asyncio.ensure_future(server.session.suggest(snapshot))
    deadline_s = server.session.settings.menu.deadline_ms / 1000
    try:
        in_time, _ = await asyncio.wait({answer}, timeout=deadline_s)
    except asyncio.CancelledError:
        answer.cancel()
        raise
    if not in_time:
        server.run_in_background(_let_finish(answer))
        return None
    try:
        return answer.result()
    except Superseded:
        return None


async def _let_finish(answer: asyncio.Future[Report]) -> None:
    with suppress(Superseded):
        await answer
