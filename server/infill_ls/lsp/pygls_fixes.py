"""pygls 2.1 with its defects fixed. Each fix has a test in ``tests/unit/lsp/test_pygls_fixes.py``.

Private methods are overridden, so ``pyproject.toml`` pins pygls to ``<2.2``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any, BinaryIO

from cattrs import Converter
from lsprotocol import types as lsp
from pygls.exceptions import (
    JsonRpcException,
    JsonRpcInternalError,
    JsonRpcInvalidParams,
    JsonRpcInvalidRequest,
)
from pygls.io_ import StdoutWriter
from pygls.lsp.server import LanguageServer
from pygls.protocol import (
    JsonRPCNotification,
    JsonRPCRequestMessage,
    JsonRPCResponseMessage,
    LanguageServerProtocol,
    default_converter,
    lsp_method,
)
from pygls.workspace import TextDocument, Workspace

from infill_ls.lsp.convert import offset_of, split_lsp_lines
from infill_ls.lsp.frames import BadFrame, FrameReader
from infill_ls.lsp.json_rpc import PARSE_ERROR, BadMessage, Message, read_message

log = logging.getLogger(__name__)

Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]

SERVER_NOT_INITIALIZED = -32002
CHUNK_BYTES = 65_536


def plain_converter() -> Converter:
    """Return pygls' converter, but with the content of messages of our own as plain dicts.

    pygls turns them into named tuples, which loses every key that is no identifier, and it does
    not understand a message whose ``params`` are left out.
    """
    converter: Converter = default_converter()  # type: ignore[no-untyped-call]
    for message_type in (JsonRPCRequestMessage, JsonRPCResponseMessage, JsonRPCNotification):
        converter.register_structure_hook(message_type, _plain)
    return converter


def _plain(data: dict[str, Any], message_type: type[Any]) -> Any:
    return message_type(
        **{name: data.get(name) for name in message_type.__slots__ if name[0] != "_"}
    )


class NotInitialized(JsonRpcException):
    """A request came before ``initialize``."""

    CODE = SERVER_NOT_INITIALIZED
    MESSAGE = "the server is not initialized yet"


class MendedTextDocument(TextDocument):
    """Lines end where LSP says they do, not also at form feeds, U+2028 and the like.

    With ``str.splitlines`` one form feed in a file puts every later edit into the wrong line.
    Positions beyond a line's or the document's end are clamped, as the specification asks.
    """

    @property
    def lines(self) -> list[str]:
        """The lines with their ends."""
        return split_lsp_lines(self.source)

    def _apply_incremental_change(self, change: lsp.TextDocumentContentChangePartial) -> None:
        text = self.source
        encoding = self.position_codec.encoding or lsp.PositionEncodingKind.Utf16
        start = offset_of(text, change.range.start, encoding)
        end = max(start, offset_of(text, change.range.end, encoding))
        self._source = text[:start] + change.text + text[end:]


class MendedWorkspace(Workspace):
    """Makes corrected documents, and ignores changes of documents that were never opened."""

    def _create_text_document(
        self,
        doc_uri: str,
        source: str | None = None,
        version: int | None = None,
        language_id: str | None = None,
    ) -> TextDocument:
        return MendedTextDocument(
            doc_uri,
            source=source,
            version=version,
            language_id=language_id,
            sync_kind=self._sync_kind,
            position_codec=self._position_codec,
        )

    def update_text_document(
        self,
        text_doc: lsp.VersionedTextDocumentIdentifier,
        change: lsp.TextDocumentContentChangeEvent,
    ) -> None:
        """Apply a change."""
        try:
            super().update_text_document(text_doc, change)
        except KeyError:
            log.warning("ignored a change of a document that is not open")


class MendedProtocol(LanguageServerProtocol):
    """Answers every request exactly once, and keeps nothing about finished ones."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.experimental: dict[str, Any] = {}
        """Capabilities of ours that LSP does not have; pygls has no place for them."""

    @lsp_method(lsp.INITIALIZE)
    def lsp_initialize(
        self, params: lsp.InitializeParams
    ) -> Generator[Any, Any, lsp.InitializeResult]:
        """Answer with the server's capabilities."""
        result = yield from super().lsp_initialize(params)
        if self.experimental:
            result.capabilities.experimental = self.experimental
        return result

    @property
    def is_initialized(self) -> bool:
        """Whether the client has sent ``initialize``."""
        return self._workspace is not None

    def receive(self, frame: bytes | BadFrame) -> None:
        """Take a frame: what is no message is answered with an error, the rest is dispatched."""
        if isinstance(frame, BadFrame):
            read: Message | BadMessage = BadMessage(PARSE_ERROR, frame.reason)
        else:
            read = read_message(frame)
        if isinstance(read, BadMessage):
            log.warning("a message was refused: %s", read.reason)
            if not read.is_answer:
                # Not as an lsprotocol type: those leave an id out that is null.
                error = {"code": read.code, "message": read.reason}
                self._send_data({"jsonrpc": self.VERSION, "id": read.id, "error": error})
            return
        try:
            message = self.structure_message(read)
        except JsonRpcException as error:
            self._refuse(read, JsonRpcInvalidParams(), error)
            return
        if "id" in read and getattr(message, "id", None) is None:
            self._refuse(read, JsonRpcInvalidRequest("the method is a notification"))
            return
        try:
            self.handle_message(message)
        except Exception as error:  # noqa: BLE001 - the next message may be a good one
            self._server._report_server_error(error, JsonRpcException)

    def _refuse(
        self, message: Message, answer: JsonRpcException, cause: JsonRpcException | None = None
    ) -> None:
        """Answer a request that cannot be taken; who waits for such an answer is told so."""
        self._server._report_server_error(cause or answer, JsonRpcException)
        if "id" not in message:
            return
        take = self._send_response if "method" in message else self._handle_response
        take(message["id"], error=answer.to_response_error())

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Parse a message."""
        if data.get("error", ...) is None:
            del data["error"]  # some clients send both result and error, one of them null
        if data.get("method") == lsp.WORKSPACE_EXECUTE_COMMAND and "id" not in data:
            return self._command_without_answer(data)
        message = super().structure_message(data)
        if isinstance(message, lsp.ExecuteCommandRequest) and message.params.arguments is None:
            message.params.arguments = []  # so that pygls counts them
        return message

    def _command_without_answer(self, data: Message) -> JsonRPCNotification:
        """Parse a command that is sent as a notification, as copilot.el does: LSP has requests."""
        try:
            params = self._converter.structure(data.get("params"), lsp.ExecuteCommandParams)
        except Exception as error:
            raise JsonRpcInvalidParams.of(error) from error
        params.arguments = params.arguments or []  # so that pygls counts them
        return JsonRPCNotification(lsp.WORKSPACE_EXECUTE_COMMAND, self.VERSION, params)

    def handle_message(self, message: Any) -> None:
        """Dispatch a message; requests out of the server's life are answered with an error."""
        method = getattr(message, "method", None)
        if method is None or method == lsp.EXIT:
            super().handle_message(message)
            return
        refusal: JsonRpcException | None = None
        if self._shutdown or (method == lsp.INITIALIZE and self._workspace is not None):
            refusal = JsonRpcInvalidRequest()
        elif self._workspace is None and method != lsp.INITIALIZE:
            refusal = NotInitialized()
        if refusal is None:
            super().handle_message(message)
        elif (message_id := getattr(message, "id", None)) is not None:
            self._send_response(message_id, error=refusal.to_response_error())
        else:
            log.info("%s came before initialize or after shutdown and was dropped", method)

    def _execute_handler(
        self,
        msg_id: Any,
        handler: Callable[..., Any],
        callback: Callable[[Any], None],
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        """Run a handler, and forget it when it is done: pygls does so for requests only."""
        super()._execute_handler(msg_id, handler, callback, args, kwargs)
        future = self._request_futures.get(msg_id)
        if future is not None:
            future.add_done_callback(partial(self._forget, msg_id))

    def _forget(self, msg_id: Any, future: Any) -> None:
        if self._request_futures.get(msg_id) is future:
            del self._request_futures[msg_id]

    @lsp_method(lsp.SHUTDOWN)
    def lsp_shutdown(self, *args: Any) -> Generator[Any, Any, None]:
        """Run our handler, and cancel what is under way. What is cancelled is forgotten at once."""
        if (handler := self.fm.features.get(lsp.SHUTDOWN)) is not None:
            yield handler, args, None
        for msg_id, future in tuple(self._request_futures.items()):
            if msg_id != self.msg_id:
                future.cancel()
        self._shutdown = True

    def _handle_response(
        self, msg_id: Any, result: Any = None, error: lsp.ResponseError | None = None
    ) -> None:
        """Take the client's answer; one to a request that we gave up is dropped."""
        self._result_types.pop(msg_id, None)  # pygls keeps it if the answer is an error
        future = self._request_futures.get(msg_id)
        if future is not None and future.cancelled():
            del self._request_futures[msg_id]
            return
        super()._handle_response(msg_id, result, error)

    def _send_response(
        self, msg_id: Any, result: Any = None, error: lsp.ResponseError | None = None
    ) -> None:
        """Answer a request; what went wrong in here is for our log, with the traceback."""
        if error is not None:
            is_ours = error.code == JsonRpcInternalError.CODE
            error = lsp.ResponseError(
                error.code, JsonRpcInternalError.MESSAGE if is_ours else error.message
            )
        super()._send_response(msg_id, result, error)

    def _send_data(self, data: Any) -> None:
        """Send a message; a client that has gone is the end of the server, not an error loop."""
        if self.writer is None:
            return
        body = json.dumps(data, default=self._serialize_message)
        header = f"Content-Length: {len(body)}\r\n\r\n" if self._include_headers else ""
        try:
            # Both of our transports write at once; only pygls' WebSocket gives something to await.
            self.writer.write((header + body).encode(self.CHARSET))
        except (BrokenPipeError, ConnectionResetError, ValueError):
            log.info("the client has gone")
            self.writer = None


class MendedServer(LanguageServer):
    """A language server whose internal errors go to the log, not into the user's face."""

    protocol: MendedProtocol

    def __init__(
        self, name: str, version: str, notebooks: lsp.NotebookDocumentSyncOptions | None = None
    ) -> None:
        super().__init__(
            name,
            version,
            notebook_document_sync=notebooks,
            text_document_sync_kind=lsp.TextDocumentSyncKind.Incremental,
            protocol_cls=MendedProtocol,
            converter_factory=plain_converter,
        )

    def start_io(self, stdin: BinaryIO | None = None, stdout: BinaryIO | None = None) -> None:
        """Serve the client at the other ends of the pipes, until it leaves."""
        stream = sys.stdin.buffer if stdin is None else stdin
        self.protocol.set_writer(StdoutWriter(sys.stdout.buffer if stdout is None else stdout))

        def read() -> Awaitable[bytes]:
            loop = asyncio.get_running_loop()
            return loop.run_in_executor(self.thread_pool, os.read, stream.fileno(), CHUNK_BYTES)

        try:
            asyncio.run(self._serve(read))
        except (BrokenPipeError, KeyboardInterrupt, SystemExit):
            log.info("the client has gone")
        finally:
            self.shutdown()  # type: ignore[no-untyped-call]

    def start_tcp(self, host: str, port: int) -> None:
        """Serve the first client that connects, until it leaves.

        In pygls a second client takes the first one's answers, and a connection that is reset,
        not closed, leaves the server behind for ever.
        """
        try:
            asyncio.run(self._serve_one_client(host, port))
        finally:
            self.shutdown()  # type: ignore[no-untyped-call]

    async def _serve_one_client(self, host: str, port: int) -> None:
        clients: asyncio.Queue[Client] = asyncio.Queue()
        listener = await asyncio.start_server(lambda *c: clients.put_nowait(c), host, port)
        reader, writer = await clients.get()
        listener.close()
        self.protocol.set_writer(writer)
        try:
            await self._serve(partial(reader.read, CHUNK_BYTES))
        except ConnectionError:
            log.info("the client has gone")
        finally:
            writer.close()

    async def _serve(self, read: Callable[[], Awaitable[bytes]]) -> None:
        """Take what ``read`` gives until that is nothing.

        pygls' own loop knows one spelling of the header, believes any length, and answers neither
        bad JSON nor what is not JSON-RPC.
        """
        self._stop_event = threading.Event()
        frames = FrameReader()
        while not self._stop_event.is_set() and (data := await read()):
            for frame in frames.feed(data):
                self.protocol.receive(frame)
                # The first step of a handler, where it takes its snapshot, comes before the next
                # message, which may change the document.
                await asyncio.sleep(0)

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Log an error; a request that it belongs to is answered with it by pygls.

        Only where it happened: the words of an error may quote the user's text.
        """
        place = "".join(traceback.format_tb(error.__traceback__))
        log.error("%s: %s\n%s", getattr(source, "__name__", source), type(error).__name__, place)
        log.debug("%s", error)

    def mend_workspace(self) -> None:
        """Replace the workspace by a corrected one. To be called first in the initialize handler."""
        old = self.protocol.workspace
        self.protocol._workspace = MendedWorkspace(
            old.root_uri,
            old._sync_kind,
            list(old.folders.values()),
            old.position_encoding,
        )

    @property
    def exit_code(self) -> int:
        """0 if the client asked to shut down before it went, as the specification has it."""
        return 0 if self.protocol._shutdown else 1
