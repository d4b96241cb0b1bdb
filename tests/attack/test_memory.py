"""Test that the server's memory stays flat during long typing; ``bench/attack/edits.py`` types for longer."""

from __future__ import annotations

import contextlib

import psutil

from e2e.client import Editor, ErrorAnswer
from e2e.conftest import StartScripted
from e2e.lsp import change_document, inline_call, open_document, position, span

EDITS = 6_000
LINE_CHARS = 100
GROWTH_MB = 2.0


async def type_keys(editor: Editor, edits: int) -> None:
    """Type over one line again and again; every tenth key asks, and is cancelled at the next."""
    call = None
    for number in range(edits):
        at = position(0, number % LINE_CHARS)
        end = position(0, number % LINE_CHARS + 1)
        change_document(editor, [{"range": span(at, end), "text": "ab ="[number % 4]}])
        if call is not None:
            editor.cancel(call)
            with contextlib.suppress(ErrorAnswer):  # the answer may have been faster
                await call.result()
            call = None
        elif number % 10 == 0:
            call = inline_call(editor, end)
    await inline_call(editor, position(0, 0)).result()


async def test_6000_edits_leave_no_memory_behind(start_scripted: StartScripted) -> None:
    editor = await start_scripted("answer", delay_ms=50)
    open_document(editor, " " * LINE_CHARS)
    server = psutil.Process(editor.wire.process.pid)
    await type_keys(editor, EDITS // 2)
    half_way = server.memory_info().rss
    await type_keys(editor, EDITS // 2)
    assert server.memory_info().rss - half_way < GROWTH_MB * 1e6
