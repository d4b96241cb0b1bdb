"""Tests for each defect of pygls 2.1 that ``lsp/pygls_fixes.py`` mends.

Each runs pygls as it comes beside ours, so that we learn when a mend is not needed any more.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, default_converter
from pygls.workspace import PositionCodec, TextDocument, Workspace

from infill_ls.lsp.pygls_fixes import (
    MendedProtocol,
    MendedServer,
    MendedTextDocument,
    MendedWorkspace,
    plain_converter,
)

Json = dict[str, Any]
INITIALIZE: Json = {"processId": None, "rootUri": None, "capabilities": {}}
NO_ITEMS = lsp.ConfigurationParams(items=[])


class Connection:
    """A server in this process: messages go in, answers are collected."""

    def __init__(self, server: LanguageServer) -> None:
        self.server = server
        self.sent: list[Json] = []
        server.protocol.set_writer(self, include_headers=False)

    def write(self, data: bytes) -> None:
        self.sent.append(json.loads(data))

    def close(self) -> None:
        pass

    def receive(self, **message: Any) -> None:
        protocol = self.server.protocol
        body = json.dumps({"jsonrpc": "2.0", **message})
        if isinstance(protocol, MendedProtocol):
            protocol.receive(body.encode())
            return
        try:
            protocol.handle_message(json.loads(body, object_hook=protocol.structure_message))
        except Exception as error:  # noqa: BLE001 - as in pygls' loop
            self.server.report_server_error(error, JsonRpcException)

    def initialize(self) -> None:
        self.receive(id=0, method="initialize", params=INITIALIZE)
        self.sent.clear()

    def codes(self, request_id: object) -> list[int]:
        return [m["error"]["code"] for m in self.sent if m.get("id") == request_id]


def plain() -> Connection:
    return Connection(
        LanguageServer(
            "plain", "1", protocol_cls=LanguageServerProtocol, converter_factory=default_converter
        )
    )


def mended() -> Connection:
    server = MendedServer("mended", "1")
    server.feature(lsp.INITIALIZE)(lambda _params: server.mend_workspace())
    return Connection(server)


def document(kind: type[TextDocument], text: str) -> TextDocument:
    codec = PositionCodec(lsp.PositionEncodingKind.Utf16)
    sync = lsp.TextDocumentSyncKind.Incremental
    return kind("file:///a.py", text, sync_kind=sync, position_codec=codec)


def inserted(kind: type[TextDocument], text: str, line: int, character: int) -> str:
    edited = document(kind, text)
    at = lsp.Position(line, character)
    edited.apply_change(lsp.TextDocumentContentChangePartial(range=lsp.Range(at, at), text="X"))
    return edited.source


@pytest.mark.parametrize("mark", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_only_line_ends_end_lines(mark: str) -> None:
    text = f"a{mark}b\nsecond\n"
    assert inserted(MendedTextDocument, text, 1, 0) == f"a{mark}b\nXsecond\n"
    assert inserted(TextDocument, text, 1, 0) != f"a{mark}b\nXsecond\n"
    assert document(MendedTextDocument, text).lines == [f"a{mark}b\n", "second\n"]


def test_a_position_past_the_end_of_the_last_line_is_its_end() -> None:
    assert inserted(MendedTextDocument, "abc", 0, 10) == "abcX"
    assert inserted(TextDocument, "abc", 0, 10) != "abcX"


def test_a_position_past_the_end_of_a_line_stays_on_it() -> None:
    assert inserted(MendedTextDocument, "abc\ndef\n", 0, 4) == "abcX\ndef\n"
    assert inserted(TextDocument, "abc\ndef\n", 0, 4) != "abcX\ndef\n"


def test_a_change_of_a_document_that_is_not_open_is_ignored() -> None:
    change = lsp.TextDocumentContentChangeWholeDocument(text="new")
    identifier = lsp.VersionedTextDocumentIdentifier(1, "file:///not-open.py")
    workspace = MendedWorkspace(None)
    workspace.update_text_document(identifier, change)
    assert not workspace.text_documents
    with pytest.raises(KeyError):
        Workspace(None).update_text_document(identifier, change)


def test_the_workspace_makes_mended_documents() -> None:
    connection = mended()
    connection.initialize()
    item = {"uri": "file:///a.py", "languageId": "python", "version": 1, "text": "a\x0cb"}
    connection.receive(method="textDocument/didOpen", params={"textDocument": item})
    opened = connection.server.workspace.get_text_document("file:///a.py")
    assert isinstance(opened, MendedTextDocument)


def test_a_request_that_does_not_parse_is_answered() -> None:
    for connection, codes in ((mended(), [-32602]), (plain(), [])):
        connection.initialize()
        connection.receive(id=1, method="textDocument/inlineCompletion", params={})
        assert connection.codes(1) == codes


def test_a_request_before_initialize_has_its_own_code() -> None:
    for connection, codes in ((mended(), [-32002]), (plain(), [-32601])):
        connection.receive(id=1, method="textDocument/hover", params=None)
        connection.receive(id=2, method="workspace/executeCommand", params={"command": "a"})
        assert connection.codes(2) == ([-32002] if codes == [-32002] else [-32602])


def test_a_second_initialize_is_refused() -> None:
    for connection, codes in ((mended(), [-32600]), (plain(), [])):
        connection.initialize()
        connection.receive(id=1, method="initialize", params=INITIALIZE)
        assert connection.codes(1) == codes if codes else "result" in connection.sent[0]


def test_a_request_after_shutdown_is_answered() -> None:
    for connection, codes in ((mended(), [-32600]), (plain(), [])):
        connection.initialize()
        connection.receive(id=1, method="shutdown")
        connection.receive(id=2, method="shutdown")
        assert connection.codes(2) == codes


def test_an_answer_to_a_request_given_up_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    for connection, pop_ups in ((mended(), 0), (plain(), 1)):
        connection.initialize()
        asked = connection.server.protocol.send_request("workspace/configuration", NO_ITEMS)
        (request,) = connection.sent
        asked.cancel()
        connection.receive(id=request["id"], result=[])
        shown = [m for m in connection.sent if m.get("method") == "window/showMessage"]
        assert len(shown) == pop_ups
    caplog.clear()


def test_a_null_error_is_no_error() -> None:
    for connection, result in ((mended(), (1,)), (plain(), None)):
        connection.initialize()
        asked = connection.server.protocol.send_request("workspace/configuration", NO_ITEMS)
        connection.receive(id=connection.sent[0]["id"], result=[1], error=None)
        assert asked.result(timeout=0) == result


@pytest.mark.parametrize("message", [{"id": 1, "method": "a/b"}, {"method": "a/b"}])
def test_params_may_be_left_out(message: Json, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("ERROR", "pygls")  # whatever a command line in another test has set
    connection = mended()
    seen: list[object] = []

    @connection.server.feature("a/b")
    def handler(params: Json | None) -> None:
        seen.append(params)

    connection.initialize()
    connection.receive(**message)
    assert seen == [None]
    assert not caplog.records
    broken = plain()
    broken.initialize()
    broken.receive(**message)
    assert any("deserialize" in record.message for record in caplog.records)


def test_params_of_our_own_messages_are_plain() -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "infill/own", "params": {"infill-ls": {"a": 1}}}
    connection = mended()
    assert connection.server.protocol.structure_message(message).params == {"infill-ls": {"a": 1}}
    assert not isinstance(plain().server.protocol.structure_message(message).params, dict)
    assert plain_converter() is not plain_converter()


def test_an_internal_error_is_logged_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    for connection, pop_ups in ((mended(), 0), (plain(), 1)):
        connection.initialize()
        connection.server.report_server_error(ValueError("broken"), JsonRpcException)
        shown = [m for m in connection.sent if m.get("method") == "window/showMessage"]
        assert len(shown) == pop_ups
    ours = [record.message for record in caplog.records if record.name.startswith("infill_ls")]
    assert any("ValueError" in message for message in ours)
    assert not any("broken" in message for message in ours)  # it may quote source text


class Gone(Connection):
    """A client that does not read any more."""

    def write(self, data: bytes) -> None:
        raise BrokenPipeError


def test_a_client_that_has_gone_is_no_error_loop(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "infill_ls")
    connection = Gone(MendedServer("mended", "1"))
    caplog.clear()
    connection.server.protocol.notify("infill/status", {})
    connection.server.protocol.notify("infill/status", {})
    assert [record.message for record in caplog.records] == ["the client has gone"]
    with pytest.raises(BrokenPipeError):
        Gone(plain().server).server.protocol.notify("infill/status", {})


async def test_the_exit_code_tells_whether_there_was_a_shutdown() -> None:
    connection = mended()
    connection.initialize()
    assert isinstance(connection.server, MendedServer)
    assert connection.server.exit_code == 1
    connection.receive(id=1, method="shutdown")
    await asyncio.sleep(0)
    assert connection.server.exit_code == 0


def kept(connection: Connection) -> int:
    protocol = connection.server.protocol
    return len(protocol._request_futures) + len(protocol._result_types)


def open_and_edit(connection: Connection, edits: int) -> None:
    item = {"uri": "file:///a.py", "languageId": "python", "version": 1, "text": "a"}
    connection.receive(method="textDocument/didOpen", params={"textDocument": item})
    at = {"line": 0, "character": 0}
    change = {"range": {"start": at, "end": at}, "text": "b"}
    for version in range(edits):
        edited = {"uri": "file:///a.py", "version": version}
        params = {"textDocument": edited, "contentChanges": [change]}
        connection.receive(method="textDocument/didChange", params=params)


def test_nothing_is_kept_of_an_edit() -> None:
    for connection, number in ((mended(), 0), (plain(), 101)):
        connection.initialize()
        open_and_edit(connection, 100)
        assert kept(connection) == number


async def test_nothing_is_kept_of_what_was_cancelled() -> None:
    connection = mended()

    @connection.server.feature("infill/slow")
    async def slow(_params: Json | None) -> None:
        await asyncio.sleep(60)

    connection.initialize()
    for number in range(2_000):
        connection.receive(id=number, method="infill/slow")
        if number % 2:
            await asyncio.sleep(0)  # it has begun
        connection.receive(method="$/cancelRequest", params={"id": number})
        connection.receive(method="$/cancelRequest", params={"id": f"unheard of {number}"})
    for _ in range(5):
        await asyncio.sleep(0)
    assert kept(connection) == 0
    assert [m["error"]["code"] for m in connection.sent] == [-32800] * 2_000
    assert len(asyncio.all_tasks()) == 1


async def test_a_shutdown_ends_a_notification_that_is_still_handled() -> None:
    connection = mended()
    ended: list[bool] = []

    @connection.server.feature(lsp.INITIALIZED)
    async def initialized(_params: lsp.InitializedParams) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    connection.initialize()
    connection.receive(method="initialized", params={})
    await asyncio.sleep(0)
    connection.receive(id=1, method="shutdown")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert connection.sent == [{"jsonrpc": "2.0", "id": 1, "result": None}]
    assert ended == [True]
    assert kept(connection) == 0


@pytest.mark.parametrize("wrong", [{"error": {"code": "x"}}, {"error": 5}])
def test_whoever_waits_for_an_answer_that_does_not_parse_is_told(wrong: Json) -> None:
    connection = mended()
    connection.initialize()
    asked = connection.server.protocol.send_request("workspace/configuration", NO_ITEMS)
    connection.receive(id=connection.sent[0]["id"], **wrong)
    with pytest.raises(JsonRpcException):
        asked.result(timeout=0)
    assert kept(connection) == 0


def test_a_notification_that_is_sent_as_a_request_is_answered() -> None:
    params = {"textDocument": {"uri": "file:///a.py"}}
    for connection, codes in ((mended(), [-32600]), (plain(), [])):
        connection.initialize()
        connection.receive(id=1, method="textDocument/didClose", params=params)
        assert connection.codes(1) == codes


def test_a_command_that_is_sent_as_a_notification_is_run() -> None:
    def counting(connection: Connection) -> list[int]:
        told: list[int] = []

        @connection.server.command("count")
        def count(number: int) -> None:
            told.append(number)

        return told

    command = {"command": "count", "arguments": [3]}
    for connection, expected in ((mended(), [3]), (plain(), [])):
        connection.initialize()
        told = counting(connection)
        connection.receive(method="workspace/executeCommand", params=command)
        assert told == expected
        assert not any("id" in message for message in connection.sent)
    connection = mended()
    connection.initialize()
    connection.receive(method="workspace/executeCommand", params={"arguments": 1})
    assert not any("id" in message for message in connection.sent), "nobody waits for an answer"


def test_what_is_inside_of_a_message_is_not_parsed() -> None:
    inner = {"jsonrpc": "2.0", "id": 1, "method": "shutdown"}
    for connection, seen in ((mended(), dict), (plain(), lsp.ShutdownRequest)):
        got: list[Any] = []

        @connection.server.feature("a/b")
        def handler(params: Any, got: list[Any] = got) -> None:
            got.append(params[0])

        connection.initialize()
        connection.receive(method="a/b", params=[inner])
        assert [type(one) for one in got] == [seen]


def test_an_error_of_ours_has_neither_traceback_nor_words() -> None:
    for connection, words in ((mended(), "Internal Error"), (plain(), "ValueError: the text")):

        @connection.server.feature("a/b")
        def handler(params: Any) -> None:
            raise ValueError("the text")

        connection.initialize()
        connection.receive(id=1, method="a/b", params=None)
        (answer,) = (message for message in connection.sent if "error" in message)
        assert (answer["error"]["code"], answer["error"]["message"]) == (-32603, words)
        assert ("data" in answer["error"]) == (words != "Internal Error")
