"""Tests that the server's text equals the editor's after every edit, in each position encoding."""

from __future__ import annotations

import pytest

from e2e.client import Editor, Json
from e2e.conftest import StartScripted
from e2e.lsp import (
    URI,
    capabilities,
    change_document,
    close_document,
    explain,
    inline,
    inline_call,
    menu,
    open_document,
    position,
    shown,
    span,
)

pytestmark = pytest.mark.same_on_windows

ENCODINGS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}
END = position(1_000_000, 1_000_000)
"""Past the end of any document: means its end."""


def units(text: str, encoding: str) -> int:
    codec, size = ENCODINGS[encoding]
    return len(text.encode(codec)) // size


async def text_of(editor: Editor, uri: str = URI) -> str:
    """Return the server's text of a short document, with LF line ends."""
    await inline(editor, END, uri)
    prompt: dict[str, str] = (await explain(editor, uri))["prompt"]
    document = prompt["text"].removeprefix("<prefix>").partition("\n")[2]
    assert document.count("<suffix><middle>") == 1
    return document.replace("<suffix><middle>", "") + prompt["fragment"]


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_ranges_count_in_the_agreed_encoding(
    start_scripted: StartScripted, encoding: str
) -> None:
    answer = "漢😀e\u0301)"
    client = {"client_capabilities": capabilities(encodings=[encoding], inline=False)}
    editor = await start_scripted(answer, handshake=client)
    before, after = "\t#é漢 = ße\u0301漢字", " # 😀 漢"
    open_document(editor, f"# 😀\n{before}{after}\n# é")
    cursor = position(1, units(before, encoding))
    (item,) = shown(await inline(editor, cursor))
    assert item == {"range": span(position(1, 0), cursor), "insertText": before + answer}
    # The word before the cursor is 漢字: the combining accent is no letter to Python.
    (entry,) = await menu(editor, cursor)
    start = position(1, units(before, encoding) - units("漢字", encoding))
    assert entry["textEdit"] == {"range": span(start, cursor), "newText": "漢字" + answer}
    change_document(editor, [{"range": span(start, cursor), "text": "ok"}])
    changed = f"# 😀\n\t#é漢 = ße\u0301ok{after}\n# é"
    assert await text_of(editor) == changed


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_behind_an_emoji_the_item_starts_at_the_cursor(
    start_scripted: StartScripted, encoding: str
) -> None:
    client = {"client_capabilities": capabilities(encodings=[encoding])}
    editor = await start_scripted("漢😀", handshake=client)
    open_document(editor, "\n#😀 = \n")
    cursor = position(1, units("#😀 = ", encoding))
    (item,) = shown(await inline(editor, cursor))
    assert item == {"range": span(cursor, cursor), "insertText": "漢😀"}
    behind = position(1, cursor["character"] + 9)
    assert (await inline(editor, behind))[0]["range"] == span(cursor, cursor)


EDITS: list[tuple[str, list[tuple[int | str, ...]], str]] = [
    ("a\x0cb\nc\n", [(1, 0, 1, 0, "X")], "a\x0cb\nXc\n"),
    (
        "a\u2028b\u2029c\x85d\x0b\x1ce\nf",
        [(1, 0, 1, 1, "X")],
        "a\u2028b\u2029c\x85d\x0b\x1ce\nX",
    ),
    ("a\r\nb\r\nc", [(1, 0, 2, 0, "X\r\n")], "a\nX\nc"),
    ("a\rb\rc", [(1, 0, 1, 1, "X"), (2, 1, 2, 1, "Y")], "a\nX\ncY"),
    ("a\r\nb", [(0, 99, 0, 99, "X")], "aX\nb"),
    ("abc", [(0, 99, 0, 99, "X"), (9, 0, 9, 9, "Y")], "abcXY"),
    ("", [(0, 0, 0, 0, "one"), (0, 3, 0, 3, "\ntwo"), (0, 0, 1, 0, "")], "two"),
    ("old", [("whole", "new\ntext"), (1, 4, 1, 4, "!")], "new\ntext!"),
]


async def test_edits(start_scripted: StartScripted) -> None:
    editor = await start_scripted("~")
    for number, (text, changes, expected) in enumerate(EDITS):
        uri = f"file:///nowhere/{number}.py"
        open_document(editor, text, uri)
        change_document(editor, [_change(change) for change in changes], uri)
        assert await text_of(editor, uri) == expected


async def test_documents_are_kept_apart(start_scripted: StartScripted) -> None:
    editor = await start_scripted("~")
    odd = "file:///nowhere/b%20%C3%A9%23%5B1%5D.py"
    open_document(editor, "first")
    open_document(editor, "second", odd)
    change_document(editor, [{"range": span(position(0, 0), position(0, 0)), "text": "2"}], odd)
    assert await text_of(editor) == "first"
    assert await text_of(editor, odd) == "2second"
    assert (await explain(editor, odd))["name"] == "b é#[1].py"


async def test_a_closed_document_has_no_completions(start_scripted: StartScripted) -> None:
    editor = await start_scripted("~")
    open_document(editor, "text")
    close_document(editor)
    assert await inline_call(editor, position(0, 0)).result() == {"items": []}
    close_document(editor)
    change_document(editor, [{"text": "new"}])
    assert await inline_call(editor, position(0, 0)).result() == {"items": []}
    open_document(editor, "again")
    assert await text_of(editor) == "again"


def _change(change: tuple[int | str, ...]) -> Json:
    match change:
        case ("whole", text):
            return {"text": text}
        case (int(line), int(start), int(end_line), int(end), text):
            return {"range": span(position(line, start), position(end_line, end)), "text": text}
    raise AssertionError(change)
