"""A small client that runs the real server as a child and asks it for one completion.

The command line uses it, so that what it shows is what an editor would get.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient
from pygls.protocol import LanguageServerProtocol

from infill_ls import __version__
from infill_ls.errors import InfillError
from infill_ls.lsp.convert import offset_of, path_of, position_of
from infill_ls.lsp.methods import EXPLAIN, RESTS, STATUS
from infill_ls.lsp.pygls_fixes import plain_converter
from infill_retrieval.processes.own_python import python_command

READY_TIMEOUT_S = 300.0
LEAVE_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    """What the server said about one place."""

    suggestion: str | None
    """The text to put at the cursor."""
    explanation: dict[str, Any]
    request_ms: float
    """From sending the request to its answer, as an editor sees it."""
    indexed_files: int


@dataclass(frozen=True, slots=True)
class Changed:
    """A file as it was, and as the server would have it."""

    path: Path
    before: str | None
    """``None`` for a file that is made."""
    after: str


@dataclass
class _Watch:
    """What the server told us unasked."""

    ready: asyncio.Event = field(default_factory=asyncio.Event)
    status: dict[str, Any] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    edits: list[lsp.WorkspaceEdit] = field(default_factory=list)


class ServerProcess:
    """A server of ours, running as a child over stdio."""

    def __init__(self, client: LanguageClient, watch: _Watch) -> None:
        self._client = client
        self._watch = watch
        self._version = 0

    @property
    def warnings(self) -> list[str]:
        """Warnings that the server wanted the user to see."""
        return self._watch.warnings

    async def ask(self, path: Path, text: str, offset: int) -> ServerAnswer:
        """Open ``path`` with ``text`` and return the completion at ``offset``.

        Waits for the model and the index. Raises :class:`InfillError` with what the server
        reported if it cannot answer.
        """
        uri = path.as_uri()
        self.open(path, text)
        await self.until_ready()
        started = asyncio.get_running_loop().time()
        result = await self._client.text_document_inline_completion_async(
            lsp.InlineCompletionParams(
                lsp.InlineCompletionContext(lsp.InlineCompletionTriggerKind.Invoked),
                lsp.TextDocumentIdentifier(uri),
                position_of(text, offset, lsp.PositionEncodingKind.Utf32),
            )
        )
        request_ms = (asyncio.get_running_loop().time() - started) * 1000
        if self._watch.errors:
            raise InfillError(self._watch.errors[0])
        explanation = await self._client.protocol.send_request_async(
            EXPLAIN, {"textDocument": {"uri": uri}}
        )
        items = result.items if isinstance(result, lsp.InlineCompletionList) else result
        return ServerAnswer(
            suggestion=explanation["suggestion"] if items else None,
            explanation=explanation,
            request_ms=request_ms,
            indexed_files=self._watch.status.get("indexedFiles", 0),
        )

    async def carry_out(
        self, task: str, path: Path, text: str, where: tuple[int, int], instruction: str
    ) -> tuple[dict[str, Any], list[Changed]]:
        """Open ``path`` with ``text`` and have an instruction carried out for what is selected.

        Returns the server's answer and what it would change; nothing is written.
        """
        self.open(path, text)
        await self.until_ready()
        start, end = (position_of(text, at, lsp.PositionEncodingKind.Utf32) for at in where)
        plain = {
            "start": {"line": start.line, "character": start.character},
            "end": {"line": end.line, "character": end.character},
        }
        arguments = [path.as_uri(), plain, self._version, instruction]
        params = lsp.ExecuteCommandParams(f"infill-ls.ask.{task}", arguments)
        result: Any = await self._client.workspace_execute_command_async(params)
        texts = {path: text}
        return result, [
            changed for edit in self._watch.edits for changed in _changes_of(edit, texts)
        ]

    def open(self, path: Path, text: str) -> None:
        """Open a document; the server tells its language by its name."""
        self._version = 1
        self._client.text_document_did_open(
            lsp.DidOpenTextDocumentParams(lsp.TextDocumentItem(path.as_uri(), "", 1, text))
        )

    def insert(self, path: Path, text: str, offset: int, added: str) -> None:
        """Insert ``added`` at ``offset`` into the document, whose text is ``text`` until now."""
        self._version += 1
        place = position_of(text, offset, lsp.PositionEncodingKind.Utf32)
        self._client.text_document_did_change(
            lsp.DidChangeTextDocumentParams(
                lsp.VersionedTextDocumentIdentifier(self._version, path.as_uri()),
                [lsp.TextDocumentContentChangePartial(lsp.Range(place, place), added)],
            )
        )

    def close(self, path: Path) -> None:
        """Close a document."""
        self._client.text_document_did_close(
            lsp.DidCloseTextDocumentParams(lsp.TextDocumentIdentifier(path.as_uri()))
        )

    def cursor_rests(self, path: Path, text: str, offset: int) -> None:
        """Tell where the cursor rests, as our clients do; nothing is asked for."""
        place = position_of(text, offset, lsp.PositionEncodingKind.Utf32)
        self._client.protocol.notify(
            RESTS,
            {
                "textDocument": {"uri": path.as_uri()},
                "position": {"line": place.line, "character": place.character},
            },
        )

    async def complete_typed(self, path: Path, text: str, offset: int) -> str | None:
        """Ask as an editor does after a key; return the text to put at the cursor.

        ``None`` if nothing is suggested, or if a newer request took this one's place. Raises
        :class:`InfillError` with what the server reported if it cannot answer.
        """
        result = await self._client.text_document_inline_completion_async(
            lsp.InlineCompletionParams(
                lsp.InlineCompletionContext(lsp.InlineCompletionTriggerKind.Automatic),
                lsp.TextDocumentIdentifier(path.as_uri()),
                position_of(text, offset, lsp.PositionEncodingKind.Utf32),
            )
        )
        if self._watch.errors:
            raise InfillError(self._watch.errors[0])
        items = result.items if isinstance(result, lsp.InlineCompletionList) else result
        if not items or not isinstance(items[0].insert_text, str):
            return None
        start = offset
        if (replaced := items[0].range) is not None:
            start = offset_of(text, replaced.start, lsp.PositionEncodingKind.Utf32)
        return items[0].insert_text[offset - start :]

    async def until_ready(self) -> None:
        """Wait for the model and the index. Raises :class:`InfillError` if that takes too long."""
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                await self._watch.ready.wait()
        except TimeoutError:
            raise InfillError(f"the server was not ready in {READY_TIMEOUT_S:.0f} s") from None


@asynccontextmanager
async def run_server(
    folder: Path,
    options: dict[str, Any],
    arguments: Sequence[str] = (),
    *,
    edits: bool = False,
) -> AsyncIterator[ServerProcess]:
    """Run the server on the workspace ``folder`` with ``options`` as initializationOptions.

    With ``edits`` it may ask for edits, which are kept, not made.
    """
    client = LanguageClient(
        "infill-ls",
        __version__,
        protocol_cls=LanguageServerProtocol,
        converter_factory=plain_converter,
    )
    watch = _Watch()

    @client.feature(STATUS)  # type: ignore[untyped-decorator]
    def status(params: dict[str, Any]) -> None:
        watch.status = params
        # The first one that is not busy after the model began to load is the one to wait for.
        if params["busy"]:
            watch.ready.clear()
        else:
            watch.ready.set()

    @client.feature(lsp.WINDOW_SHOW_MESSAGE)  # type: ignore[untyped-decorator]
    def show_message(params: lsp.ShowMessageParams) -> None:
        text = params.message.removeprefix("infill-ls: ")
        (watch.errors if params.type is lsp.MessageType.Error else watch.warnings).append(text)

    @client.feature(lsp.WORKSPACE_APPLY_EDIT)  # type: ignore[untyped-decorator]
    def apply_edit(params: lsp.ApplyWorkspaceEditParams) -> lsp.ApplyWorkspaceEditResult:
        watch.edits.append(params.edit)
        return lsp.ApplyWorkspaceEditResult(applied=True)

    # The options are those of the user's own command line, not those of a folder.
    await client.start_io(
        *python_command("-m", "infill_ls", "--stdio", "--trust-model-files", *arguments)
    )
    log_reader = asyncio.create_task(_forward_log(client))
    try:
        await client.initialize_async(
            lsp.InitializeParams(
                capabilities=lsp.ClientCapabilities(
                    workspace=_makes_edits() if edits else None,
                    general=lsp.GeneralClientCapabilities(
                        position_encodings=[lsp.PositionEncodingKind.Utf32]
                    ),
                    text_document=lsp.TextDocumentClientCapabilities(
                        inline_completion=lsp.InlineCompletionClientCapabilities()
                    ),
                ),
                process_id=os.getpid(),
                root_uri=folder.as_uri(),
                workspace_folders=[lsp.WorkspaceFolder(folder.as_uri(), folder.name)],
                initialization_options=options,
            )
        )
        client.initialized(lsp.InitializedParams())
        yield ServerProcess(client, watch)
    finally:
        await _leave(client)
        await client.stop()  # type: ignore[no-untyped-call]
        await log_reader


def _makes_edits() -> lsp.WorkspaceClientCapabilities:
    return lsp.WorkspaceClientCapabilities(
        apply_edit=True,
        workspace_edit=lsp.WorkspaceEditClientCapabilities(
            document_changes=True, resource_operations=[lsp.ResourceOperationKind.Create]
        ),
    )


def _changes_of(edit: lsp.WorkspaceEdit, texts: dict[Path, str]) -> list[Changed]:
    """Return what an edit makes of files, whose ``texts`` are known or are read."""
    found = []
    for change in edit.document_changes or ():
        if not isinstance(change, lsp.TextDocumentEdit):
            continue  # a file that is made: the edit of it comes next
        path = path_of(change.text_document.uri)
        assert path is not None
        before = texts.get(path)
        if before is None and path.exists():
            before = path.read_bytes().decode("utf-8")
        after = before or ""
        is_crlf = "\r\n" in after
        # All places are those of the text as it was: the last one first.
        for one in sorted(change.edits, key=_place_of, reverse=True):
            assert not isinstance(one, lsp.SnippetTextEdit)
            start = offset_of(after, one.range.start, lsp.PositionEncodingKind.Utf32)
            end = offset_of(after, one.range.end, lsp.PositionEncodingKind.Utf32)
            new = one.new_text.replace("\n", "\r\n") if is_crlf else one.new_text
            after = after[:start] + new + after[end:]
        found.append(Changed(path, before, after))
    return found


def _place_of(edit: lsp.TextEdit | lsp.AnnotatedTextEdit | lsp.SnippetTextEdit) -> tuple[int, int]:
    return edit.range.start.line, edit.range.start.character


async def _leave(client: LanguageClient) -> None:
    """End the server in good order; if it gives no answer, by the end of its input."""
    with suppress(TimeoutError, RuntimeError, JsonRpcException):
        async with asyncio.timeout(LEAVE_TIMEOUT_S):
            await client.shutdown_async(None)
            client.exit(None)
    if client.protocol.writer is not None:
        client.protocol.writer.close()


async def _forward_log(client: LanguageClient) -> None:
    """Pass on what the server logs; unread, it would fill the pipe and stop the server."""
    process = client._server
    if process is not None and process.stderr is not None:
        async for line in process.stderr:
            sys.stderr.write(line.decode("utf-8", "replace"))
