"""Tests of ``textDocument/completion``: items in the pop-up menu, for editors without ghost text."""

from __future__ import annotations

import asyncio

import pytest

from e2e.client import Json
from e2e.conftest import StartScripted
from e2e.lsp import URI, capabilities, change_document, menu, open_document, position, span

pytestmark = pytest.mark.same_on_windows

MENU: Json = {"client_capabilities": capabilities(inline=False)}
TYPED = 1
RETYPED = 3
"""Trigger kinds: by hand or by typing a word; because the list was incomplete."""


async def test_an_item_has_the_shape_that_all_menus_understand(
    start_scripted: StartScripted,
) -> None:
    editor = await start_scripted("ce = 1", handshake=MENU)
    open_document(editor, "net_pri")
    (item,) = await menu(editor, position(0, 7))
    command = item.pop("command")
    assert command["command"] == "infill-ls.suggestionAccepted"
    assert item == {
        "label": "net_price = 1",
        "kind": 1,
        "detail": "infill-ls",
        "sortText": "0",
        "filterText": "net_price = 1",
        "insertTextFormat": 1,
        "insertTextMode": 1,
        "textEdit": {
            "range": span(position(0, 0), position(0, 7)),
            "newText": "net_price = 1",
        },
        "documentation": {"kind": "markdown", "value": "```python\nnet_price = 1\n```"},
    }


async def test_an_item_of_several_lines_shows_the_first(start_scripted: StartScripted) -> None:
    editor = await start_scripted("total = 0\n    return total", handshake=MENU)
    open_document(editor, "def f():\n    ")
    (item,) = await menu(editor, position(1, 4))
    assert item["label"] == "total = 0 …"
    assert item["filterText"] == "total = 0"
    assert item["textEdit"]["newText"] == "total = 0\n    return total"


async def test_neovim_gets_the_first_line_only(start_scripted: StartScripted) -> None:
    editor = await start_scripted(
        "total = 0\n    return total", handshake={**MENU, "client_name": "Neovim"}
    )
    open_document(editor, "def f():\n    ")
    (item,) = await menu(editor, position(1, 4))
    assert item["textEdit"]["newText"] == "total = 0"


async def test_nothing_to_suggest_is_an_empty_menu(start_scripted: StartScripted) -> None:
    editor = await start_scripted("  ", handshake=MENU)
    open_document(editor, "x = ")
    assert await menu(editor, position(0, 4)) == []
    assert await menu(editor, position(0, 4), "file:///not/open.py") == []


@pytest.mark.parametrize("trigger", [TYPED, RETYPED])
async def test_a_late_answer_does_not_hold_up_the_menu(
    start_scripted: StartScripted, trigger: int
) -> None:
    editor = await start_scripted(
        "late", delay_ms=600_000, options={"completionDeadlineMs": 20}, handshake=MENU
    )
    open_document(editor, "x = ")
    assert await menu(editor, position(0, 4), trigger=trigger) == []


async def test_a_late_answer_is_there_at_the_next_key(start_scripted: StartScripted) -> None:
    editor = await start_scripted(
        "late", "another", delay_ms=500, options={"completionDeadlineMs": 20}, handshake=MENU
    )
    open_document(editor, "x = ")
    assert await menu(editor, position(0, 4)) == []
    document = {"textDocument": {"uri": URI}}
    while await editor.ask("infill/explain", document) is None:  # the model is still writing
        await asyncio.sleep(0.02)
    change_document(editor, [{"range": span(position(0, 4), position(0, 4)), "text": "l"}])
    (item,) = await menu(editor, position(0, 5), trigger=RETYPED)
    assert item["textEdit"]["newText"] == "late"


async def test_a_menu_is_served_in_the_middle_of_a_line(start_scripted: StartScripted) -> None:
    editor = await start_scripted(" or b", handshake=MENU)
    open_document(editor, "if a:")
    (item,) = await menu(editor, position(0, 4), trigger=RETYPED)
    assert item["textEdit"]["newText"] == "a or b"


async def test_a_newer_request_empties_the_older(start_scripted: StartScripted) -> None:
    editor = await start_scripted(
        "first",
        "second",
        delay_ms=200,
        options={"completionDeadlineMs": 10_000},  # however busy the machine is
        handshake=MENU,
    )
    open_document(editor, "x = \n")
    params = {"textDocument": {"uri": "file:///nowhere/a.py"}, "context": {"triggerKind": TYPED}}
    older = editor.call("textDocument/completion", {**params, "position": position(0, 4)})
    newer = editor.call("textDocument/completion", {**params, "position": position(1, 0)})
    assert (await older.result())["items"] == []
    assert (await newer.result())["items"] != []


async def test_a_menu_may_be_asked_for_without_a_context(start_scripted: StartScripted) -> None:
    editor = await start_scripted("1", handshake=MENU)
    open_document(editor, "x = ")
    params = {"textDocument": {"uri": "file:///nowhere/a.py"}, "position": position(0, 4)}
    assert (await editor.ask("textDocument/completion", params))["items"]
    call = editor.call("textDocument/completion", {**params, "position": None})
    assert await call.error_code() == -32602
