"""Editors that have completion menus only, with what each says of itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from e2e.client import Editor
from e2e.conftest import Start
from e2e.lsp import initialize, inline, menu, open_document, position

CLIENTS = Path(__file__).parents[1] / "fixtures" / "clients"


def handshake(name: str) -> dict[str, Any]:
    client = json.loads((CLIENTS / f"{name}.json").read_text("utf-8"))
    return {
        "client_name": (client["clientInfo"] or {"name": "unnamed"})["name"],  # Kate says nothing
        "client_capabilities": client["capabilities"],
    }


async def connect(
    start: Start, folder: Path, answer: str, client: dict[str, Any], options: Any = None
) -> Editor:
    """Start a server as this client, which can do what it says."""
    script = folder / "answers.json"
    script.write_text(json.dumps({"answers": [answer]}))
    editor = await start("--scripted-engine", str(script))
    editor.answers["workspace/configuration"] = lambda _: [None]
    editor.answers["window/workDoneProgress/create"] = lambda _: None
    editor.answers["client/registerCapability"] = lambda _: None
    await initialize(editor, options=options, **client)
    return editor


@pytest.mark.parametrize("name", ["helix", "kate", "sublime", "zed"])
async def test_the_menu_gets_items_that_every_editor_can_insert(
    start: Start, tmp_path: Path, name: str
) -> None:
    client = handshake(name)
    editor = await connect(start, tmp_path, "ries + b", client)
    offered = client["client_capabilities"].get("general", {}).get("positionEncodings", ["utf-16"])
    # An emoji before the word: positions count in what the client offered first.
    units = {"utf-8": 4, "utf-16": 2, "utf-32": 1}[offered[0]]
    open_document(editor, 'f("🦊", ret')
    (item,) = await menu(editor, position(0, 9 + units))
    assert item["insertTextFormat"] == 1
    edit = item["textEdit"]
    assert edit["newText"] == "retries + b"
    assert edit["range"]["start"] == position(0, 6 + units)
    assert edit["range"]["end"] == position(0, 9 + units)
    assert item["label"].startswith("ret")


def insert_like_nvim_cmp(line: str, cursor: int, item: dict[str, Any]) -> str:
    """Return the line after nvim-cmp inserted the item; positions are in bytes, as it asked for.

    It looks for the filter text from the edit's beginning on, without blanks there, and takes the
    blanks off the new text.
    """
    encoded, edit = line.encode(), item["textEdit"]
    begin, end = (edit["range"][side]["character"] for side in ("start", "end"))
    typed = encoded[begin:cursor].lstrip().decode()
    assert item["filterText"].startswith(typed)
    return f"{encoded[:begin].decode()}{edit['newText'].strip()}{encoded[end:].decode()}"


def insert_like_blink(line: str, cursor: int, item: dict[str, Any]) -> str:
    """Return the line after blink.cmp inserted the item.

    It shows no blank label, knows texts that are inserted as they are, and edits literally.
    """
    assert item["label"].strip()
    assert item["insertTextMode"] == 1
    encoded, edit = line.encode(), item["textEdit"]
    begin, end = (edit["range"][side]["character"] for side in ("start", "end"))
    assert item["filterText"].startswith(encoded[begin:cursor].decode())
    return f"{encoded[:begin].decode()}{edit['newText']}{encoded[end:].decode()}"


@pytest.mark.parametrize(
    ("name", "insert"), [("nvim-cmp", insert_like_nvim_cmp), ("blink", insert_like_blink)]
)
async def test_menus_of_neovim_plugins(
    start: Start, tmp_path: Path, name: str, insert: Callable[[str, int, dict[str, Any]], str]
) -> None:
    """These plugins cannot be run in the tests: the items are used as their sources say."""
    client = handshake(name)
    options = {"completionItems": "always"}
    editor = await connect(start, tmp_path, "ries + b\nsecond", client, options)
    line = 'f("🦊", ret'
    open_document(editor, line)
    cursor = len(line.encode())
    (item,) = await menu(editor, position(0, cursor))
    assert insert(line, cursor, item) == 'f("🦊", retries + b'
    assert item["insertTextFormat"] == 1, "plain text"
    assert (
        item["kind"]
        in client["client_capabilities"]["textDocument"]["completion"]["completionItemKind"][
            "valueSet"
        ]
    )


async def test_an_editor_with_both_gets_ghost_text_alone(start: Start, tmp_path: Path) -> None:
    client = handshake("zed")
    client["client_capabilities"]["textDocument"]["inlineCompletion"] = {}
    editor = await connect(start, tmp_path, "1", client)
    open_document(editor, "x = ")
    assert len(await inline(editor, position(0, 4))) == 1
    call = editor.call(
        "textDocument/completion",
        {"textDocument": {"uri": "file:///nowhere/a.py"}, "position": position(0, 4)},
    )
    assert await call.error_code() == -32601
