"""Tests of malformed JSON-RPC messages: each gets the specified error, and the server keeps working."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import psutil
import pytest

from e2e.conftest import StartScripted
from e2e.lsp import change_document, inline, inline_call, open_document, position, span

PARSE_ERROR, INVALID_REQUEST = -32700, -32600
NOT_FOUND, INVALID_PARAMS = -32601, -32602


def frame(body: bytes, header: bytes = b"Content-Length: %d\r\n\r\n") -> bytes:
    return header % len(body) + body


def framed(message: object) -> bytes:
    return frame(json.dumps(message).encode())


REQUEST: dict[str, Any] = {"jsonrpc": "2.0", "id": 900, "method": "textDocument/hover"}
BAD: dict[str, tuple[bytes, int | str | None, int | None]] = {
    "no JSON": (frame(b"{"), None, PARSE_ERROR),
    "an empty body": (frame(b""), None, PARSE_ERROR),
    "no UTF-8": (frame(b'{"jsonrpc": "2.0", "id": 1, "method": "\xff"}'), None, PARSE_ERROR),
    "UTF-16": (frame('{"jsonrpc": "2.0"}'.encode("utf-16")), None, PARSE_ERROR),
    "NaN": (frame(b'{"jsonrpc": "2.0", "id": NaN}'), None, PARSE_ERROR),
    "very deep": (frame(b"[" * 200_000), None, PARSE_ERROR),
    "deep and closed": (frame(b"[" * 200_000 + b"]" * 200_000), None, PARSE_ERROR),
    "a number of many digits": (frame(b"1" * 100_000), None, PARSE_ERROR),
    "a length of 10^12": (b"Content-Length: 1000000000000\r\n\r\n", None, PARSE_ERROR),
    "a length of 30 digits": (b"Content-Length: %s\r\n\r\n" % (b"9" * 30), None, PARSE_ERROR),
    "a negative length": (b"Content-Length: -5\r\n\r\n", None, PARSE_ERROR),
    "two lengths": (b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", None, PARSE_ERROR),
    "another charset": (
        b"Content-Length: 2\r\nContent-Type: a; charset=utf-16\r\n\r\n{}",
        None,
        PARSE_ERROR,
    ),
    "garbage": (b"\x00\xffgarbage\r\n\r\n", None, PARSE_ERROR),
    "a header without end": (b"X" * 100_000, None, PARSE_ERROR),
    "a batch": (framed([REQUEST, REQUEST]), None, INVALID_REQUEST),
    "an empty batch": (framed([]), None, INVALID_REQUEST),
    "a text": (framed("text"), None, INVALID_REQUEST),
    "an empty object": (framed({}), None, INVALID_REQUEST),
    "no jsonrpc": (framed({"id": 900, "method": "shutdown"}), 900, INVALID_REQUEST),
    "JSON-RPC 1.0": (framed({**REQUEST, "jsonrpc": "1.0"}), 900, INVALID_REQUEST),
    "a list as id": (framed({**REQUEST, "id": [1]}), None, INVALID_REQUEST),
    "an object as id": (framed({**REQUEST, "id": {}}), None, INVALID_REQUEST),
    "null as id": (framed({**REQUEST, "id": None}), None, INVALID_REQUEST),
    "a number as method": (framed({**REQUEST, "method": 5}), 900, INVALID_REQUEST),
    "no method": (framed({"jsonrpc": "2.0", "id": 900}), 900, INVALID_REQUEST),
    "a notification with an id": (
        framed(
            {
                "jsonrpc": "2.0",
                "id": 900,
                "method": "textDocument/didClose",
                "params": {"textDocument": {"uri": "untitled:a"}},
            }
        ),
        900,
        INVALID_REQUEST,
    ),
    "no such method": (framed({**REQUEST, "method": "a/b"}), 900, NOT_FOUND),
    "a text as params": (
        framed({**REQUEST, "method": "textDocument/inlineCompletion", "params": "text"}),
        900,
        INVALID_PARAMS,
    ),
    "a request as a notification": (
        framed({"jsonrpc": "2.0", "method": "textDocument/inlineCompletion", "params": {}}),
        None,
        None,
    ),
    "a wrong notification": (
        framed({"jsonrpc": "2.0", "method": "textDocument/didChange", "params": [1]}),
        None,
        None,
    ),
    "a wrong cancel": (
        framed({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": [1]}}),
        None,
        None,
    ),
    "a wrong answer": (framed({"jsonrpc": "2.0", "id": [1], "result": 1}), None, None),
    "an answer to nothing": (framed({"jsonrpc": "2.0", "id": 1, "result": 1}), None, None),
    "an error to nothing": (
        framed({"jsonrpc": "2.0", "id": None, "error": {"code": 1, "message": ""}}),
        None,
        None,
    ),
}


async def test_each_is_answered_and_the_next_request_too(start_scripted: StartScripted) -> None:
    editor = await start_scripted("answer")
    open_document(editor, "x = ")
    for name, (data, message_id, code) in BAD.items():
        call = editor.listen(message_id, name) if message_id is not None else None
        editor.send_bytes(data)
        (item,) = await inline(editor, position(0, 4))
        assert item["insertText"] == "x = answer", name
        codes = [complaint["code"] for complaint in editor.complaints]
        editor.complaints.clear()
        if call is not None:
            assert await call.error_code() == code
            assert not codes, name
        else:
            assert codes == ([code] if code is not None else []), name
    assert "Traceback" not in json.dumps(editor.transcript().partition("--- stderr")[0])


async def test_a_length_that_is_never_reached_takes_no_memory(
    start_scripted: StartScripted,
) -> None:
    editor = await start_scripted("answer")
    open_document(editor, "x = ")
    await inline(editor, position(0, 4))
    server = psutil.Process(editor.wire.process.pid)
    before = server.memory_info().rss
    editor.send_bytes(b"Content-Length: 1000000000000\r\n\r\n")
    for _ in range(60):
        editor.send_bytes(b"y" * 1_000_000)
        await editor.wire.writer.drain()
    assert await inline(editor, position(0, 4))
    assert server.memory_info().rss - before < 10e6
    assert [complaint["code"] for complaint in editor.complaints] == [PARSE_ERROR]
    editor.complaints.clear()


async def test_a_frame_may_come_in_any_spelling_and_byte_by_byte(
    start_scripted: StartScripted,
) -> None:
    editor = await start_scripted("answer")
    open_document(editor, "x = ")
    headers = [
        b"content-length: %d\r\n\r\n",
        b"CONTENT-LENGTH:%d\r\n\r\n",
        b"Content-Length \t:  %d \r\n\r\n",
        b"Content-Length: %d\n\n",
        b"Content-Type: application/vscode-jsonrpc; charset=utf8\r\nContent-Length: %d\r\n\r\n",
        b"X-Other: 1\r\nContent-Length: %d\r\nX-More:\r\n\r\n",
    ]
    for number, header in enumerate(headers, 900):
        call = editor.listen(number, repr(header))
        params = {"textDocument": {"uri": "file:///nowhere/a.py"}}
        request = {"jsonrpc": "2.0", "id": number, "method": "infill/explain", "params": params}
        for byte in frame(json.dumps(request).encode(), header):
            editor.send_bytes(bytes([byte]))
            await asyncio.sleep(0)
        assert await call.result() is None


async def test_two_messages_in_one_write_are_taken_one_after_the_other(
    start_scripted: StartScripted,
) -> None:
    editor = await start_scripted("answer")
    open_document(editor, "x = ")
    call = inline_call(editor, position(0, 4))
    for text in ("yy = ", "zzz = "):
        change_document(editor, [{"text": text}])
    at = span(position(0, 0), position(0, 4))
    (item,) = (await call.result())["items"]
    assert (item["insertText"], item["range"]) == ("x = answer", at)


async def test_what_is_inside_of_a_message_is_no_message(start_scripted: StartScripted) -> None:
    editor = await start_scripted("answer")
    inner = {"jsonrpc": "2.0", "id": 1, "method": "shutdown"}
    nested: list[Any] = [[inner], {"inner": inner}, {"textDocument": {"uri": "a", **inner}}]
    for params in nested:
        assert await editor.call("infill/unheardOf", params).error_code() == NOT_FOUND
    params = {"command": "infill-ls.suggestionAccepted", "arguments": [inner]}
    assert await editor.ask("workspace/executeCommand", params) is None
    open_document(editor, "x = ")
    assert await inline(editor, position(0, 4))


@pytest.mark.parametrize("arguments", [None, [], ["a", "b"], "text", 5, ...])
async def test_commands_with_wrong_arguments(
    start_scripted: StartScripted, arguments: object
) -> None:
    editor = await start_scripted()
    params: dict[str, Any] = {"command": "infill-ls.suggestionAccepted"}
    if arguments is not ...:
        params["arguments"] = arguments
    assert await editor.call("workspace/executeCommand", params).error_code() == INVALID_PARAMS


async def test_an_error_has_no_traceback(start_scripted: StartScripted) -> None:
    editor = await start_scripted("answer")
    wrong = [
        ("workspace/executeCommand", {"command": "infill-ls.suggestionAccepted"}),
        ("workspace/executeCommand", {"command": "a"}),
        ("infill/explain", [1]),
        ("textDocument/inlineCompletion", None),
        ("a/b", None),
    ]
    for method, params in wrong:
        call = editor.call(method, params)
        await call.error_code()
    assert '"data"' not in editor.transcript()
    assert "Traceback" not in editor.transcript().partition("--- stderr")[0]
