"""Tests of the server's life cycle, from the first byte to the exit status."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
from asyncio.subprocess import PIPE

import pytest

from bounds import WITHIN_S
from e2e.client import SERVER, Editor, Wire, until_gone
from e2e.conftest import Start, StartScripted
from e2e.lsp import capabilities, initialize, inline, inline_call, open_document, position

LOOK_OFTEN = ("--look-for-editor-every", "0.05")


async def test_shutdown_then_exit_is_status_0(start_scripted: StartScripted) -> None:
    editor = await start_scripted()
    assert await editor.shut_down() == 0


async def test_exit_without_shutdown_is_status_1(start_scripted: StartScripted) -> None:
    editor = await start_scripted()
    editor.notify("exit")
    assert await editor.exit_status() == 1


async def test_exit_before_initialize_is_status_1(start: Start) -> None:
    editor = await start()
    editor.notify("exit")
    assert await editor.exit_status() == 1


async def test_the_end_of_the_stream_ends_the_server(start_scripted: StartScripted) -> None:
    editor = await start_scripted()
    editor.wire.writer.close()
    assert await editor.exit_status() == 1
    assert editor.stderr == ""


async def test_the_end_of_the_stream_after_shutdown_is_status_0(
    start_scripted: StartScripted,
) -> None:
    editor = await start_scripted()
    await editor.ask("shutdown")
    editor.wire.writer.close()
    assert await editor.exit_status() == 0


async def test_shutdown_answers_the_requests_under_way(start_scripted: StartScripted) -> None:
    editor = await start_scripted(delay_ms=600_000)
    open_document(editor, "x = ")
    call = inline_call(editor, position(0, 4))
    assert await editor.shut_down() == 0
    assert call.answer.done()


async def test_a_request_before_initialize_is_an_error(start_warm: Start) -> None:
    editor = await start_warm()
    assert await inline_call(editor, position(0, 0)).error_code() == -32002
    assert await editor.call("shutdown").error_code() == -32002
    open_document(editor, "dropped")
    await initialize(editor)
    assert editor.stderr == ""


async def test_a_request_after_shutdown_is_an_error(start_scripted: StartScripted) -> None:
    editor = await start_scripted()
    await editor.ask("shutdown")
    assert await inline_call(editor, position(0, 0)).error_code() == -32600
    assert await editor.call("shutdown").error_code() == -32600
    open_document(editor, "dropped")
    editor.notify("exit")
    assert await editor.exit_status() == 0
    assert editor.stderr == ""


async def test_initialize_is_accepted_once(start_scripted: StartScripted) -> None:
    editor = await start_scripted()
    again = editor.call("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
    assert await again.error_code() == -32600
    open_document(editor, "x = ")
    assert await inline(editor, position(0, 4))


PLACE = {"textDocument": {"uri": "file:///a.py"}, "position": {"line": 0, "character": 0}}
INVALID_PARAMS: list[object] = [
    None,
    [],
    {},
    PLACE,
    {**PLACE, "context": {"triggerKind": 0}},
    {**PLACE, "position": {"line": "first", "character": 0}, "context": {"triggerKind": 1}},
    {**PLACE, "position": None, "context": {"triggerKind": 1}},
]


async def test_invalid_params_are_an_error(start_scripted: StartScripted) -> None:
    editor = await start_scripted()
    for params in INVALID_PARAMS:
        call = editor.call("textDocument/inlineCompletion", params)
        assert await call.error_code() == -32602, params
    editor.notify("textDocument/didOpen", {"textDocument": "none"})  # no answer, no pop-up


async def test_an_unknown_method_is_an_error(start_scripted: StartScripted) -> None:
    editor = await start_scripted()
    assert await editor.call("textDocument/teleport", {"far": True}).error_code() == -32601
    assert await editor.call("textDocument/hover", {}, call_id="text").error_code() in {
        -32601,
        -32602,
    }
    call = editor.call("no/params", call_id="none")
    assert await call.error_code() == -32601
    editor.send({"jsonrpc": "2.0", "method": "unheard/of"})
    editor.notify("$/unheard/of", {"more": 1})
    editor.notify("$/cancelRequest", {"id": "never sent"})
    editor.notify("$/setTrace", {"value": "verbose"})


async def test_answers_to_nothing_are_ignored(start_scripted: StartScripted) -> None:
    editor = await start_scripted()
    editor.send({"jsonrpc": "2.0", "id": "nobody asked", "result": 1})
    editor.send({"jsonrpc": "2.0", "id": 77, "error": {"code": 1, "message": "no"}})
    editor.send({"jsonrpc": "2.0", "id": 78, "result": None, "error": None})
    open_document(editor, "x = ")
    assert await inline(editor, position(0, 4))


GARBAGE = [
    b"hello\r\n\r\n",
    b"Content-Length: 5\r\n\r\nhello",
    b"Content-Length: 2\r\n\r\n\xff\xfe",
    b"Content-Length: 2\r\n\r\n[]",
    b"Content-Length: 4\r\n\r\nnull",
    b"Content-Length: 2\r\n\r\n{}",
    b'Content-Length: 17\r\n\r\n{"jsonrpc":"2.0"}',
    b"Content-Length: 0\r\n\r\n",
]


async def test_the_server_outlives_garbage(start_scripted: StartScripted) -> None:
    editor = await start_scripted()
    open_document(editor, "x = ")
    for garbage in GARBAGE:
        editor.send_bytes(garbage)
        assert await inline(editor, position(0, 4)), garbage
    assert len(editor.complaints) == len(GARBAGE)
    editor.complaints.clear()


async def test_a_server_whose_editor_died_ends(start_warm: Start) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "input()", stdin=PIPE, stdout=PIPE
    )
    editor = await start_warm(*LOOK_OFTEN)
    await initialize(editor, process_id=parent.pid)
    open_document(editor, "x = ")
    await editor.until_loaded()
    editor.look_for_children()
    parent.kill()
    await parent.wait()
    assert await editor.exit_status() == 1


async def test_the_editor_may_also_be_named_on_the_command_line(start: Start) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "input()", stdin=PIPE, stdout=PIPE
    )
    editor = await start(*LOOK_OFTEN, "--stdio", f"--clientProcessId={parent.pid}")
    await initialize(editor)
    parent.kill()
    await parent.wait()
    assert await editor.exit_status() == 1


async def test_a_live_editor_keeps_its_server(start_warm: Start) -> None:
    editor = await start_warm(*LOOK_OFTEN)
    await initialize(editor, process_id=os.getpid())
    await asyncio.sleep(0.3)  # some looks
    assert await editor.call("infill/explain", {"textDocument": {"uri": "a:b"}}).result() is None


async def test_a_pid_that_cannot_be_seen_is_not_watched(start_warm: Start) -> None:
    editor = await start_warm(*LOOK_OFTEN)
    await initialize(editor, process_id=2**22 + 12_345)
    await asyncio.sleep(0.3)
    assert await editor.call("infill/explain", {"textDocument": {"uri": "a:b"}}).result() is None


@pytest.mark.parametrize("end", ["kill", "terminate", "close stdin", "exit"])
async def test_no_engine_is_left_behind(start: Start, end: str) -> None:
    editor = await start()
    await initialize(editor)
    open_document(editor, "x = ")
    await editor.until_loaded()
    engine = editor.engine()
    match end:
        case "kill":
            editor.wire.process.kill()
        case "terminate":
            editor.wire.process.terminate()
        case "close stdin":
            editor.wire.writer.close()
        case "exit":
            editor.notify("exit")
    assert await editor.exit_status() != 0
    await until_gone(engine)


async def connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.05)


@pytest.fixture
async def tcp_editor(start: Start) -> Editor:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *SERVER, "--tcp", "--port", str(port), stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    return await start(wire=Wire(*await connect(port), process))


async def test_tcp(tcp_editor: Editor) -> None:
    await initialize(tcp_editor, client_capabilities=capabilities())
    open_document(tcp_editor, "x = ")
    await tcp_editor.until_ready()
    assert (await inline_call(tcp_editor, position(0, 4)).result())["items"] is not None
    assert await tcp_editor.shut_down() == 0
    assert tcp_editor.wire.process.stdout is not None
    assert await tcp_editor.wire.process.stdout.read() == b""


async def test_a_tcp_client_that_goes_ends_the_server(tcp_editor: Editor) -> None:
    await initialize(tcp_editor)
    tcp_editor.wire.writer.close()
    assert await tcp_editor.exit_status() == 1


async def test_a_tcp_client_that_crashes_ends_the_server(tcp_editor: Editor) -> None:
    await initialize(tcp_editor)
    await tcp_editor.until_ready()
    stream = tcp_editor.wire.writer.get_extra_info("socket")
    # With this option close() resets the connection, as the end of a crashed process does.
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    tcp_editor.wire.writer.close()
    assert await tcp_editor.exit_status() == 1


async def test_tcp_serves_one_client(tcp_editor: Editor) -> None:
    await initialize(tcp_editor)
    _, port = tcp_editor.wire.writer.get_extra_info("peername")
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    assert (
        await tcp_editor.call("infill/explain", {"textDocument": {"uri": "a:b"}}).result() is None
    )
