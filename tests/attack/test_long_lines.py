"""Tests of extremely long lines: every request is answered quickly and with a small response."""

from __future__ import annotations

import json

import pytest

from e2e.conftest import StartScripted
from e2e.lsp import change_document, inline, open_document, position

LINE_CHARS = 300_000
MAX_ITEM_CHARS = 2_000
PIECES = [
    "a",
    " ",
    "é",
    "😀",
    "(",
    "[{",
    '"',
    "\\'",
    "=/[",
    "/*",
    "#",
    "a.b(",
    "using  ",
    "x = 1, ",
    "\x00",
]


@pytest.mark.parametrize("language", ["javascript", "csharp"])
async def test_a_long_line_has_a_short_answer(start_scripted: StartScripted, language: str) -> None:
    editor = await start_scripted("answer")
    for number, piece in enumerate(PIECES):
        uri = f"file:///nowhere/{number}"
        length = LINE_CHARS // len(piece)
        open_document(editor, piece * length, uri, language)
        for at in (len(piece) * (length // 2), len(piece) * length):
            for item in await inline(editor, position(0, at), uri):
                assert item["range"]["end"] == position(0, at)
                assert len(json.dumps(item)) < MAX_ITEM_CHARS
        change_document(editor, [{"text": ""}], uri)
