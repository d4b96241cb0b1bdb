"""Tests of editors without ghost text: each with its client name and capabilities."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from e2e.client import Editor
from e2e.conftest import Start
from e2e.lsp import initialize, inline, menu, open_document, position

pytestmark = pytest.mark.same_on_windows

CLIENTS = Path(__file__).parents[1] / "fixtures" / "clients"


def handshake(name: str) -> dict[str, Any]:
    client = json.loads((CLIENTS / f"{name}.json").read_text("utf-8"))
    return {
        "client_name": (client["clientInfo"] or {"name": "unnamed"})["name"],  # Kate says nothing
        "client_capabilities": client["capabilities"],
    }


async def connect(
    start_warm: Start, folder: Path, answer: str, client: dict[str, Any], options: Any = None
) -> Editor:
    """Start a server as this client, which can do what it says."""
    script = folder / "answers.json"
    script.write_text(json.dumps({"answers": [answer]}))
    editor = await start_warm("--scripted-engine", str(script))
    editor.answers["workspace/configuration"] = lambda _: [None]
    editor.answers["window/workDoneProgress/create"] = lambda _: None
    editor.answers["client/registerCapability"] = lambda _: None
    await initialize(editor, options=options, **client)
    return editor


@pytest.mark.parametrize("name", ["helix", "kate", "sublime", "zed"])
async def test_the_menu_gets_items_that_every_editor_can_insert(
    start_warm: Start, tmp_path: Path, name: str
) -> None:
    client = handshake(name)
    editor = await connect(start_warm, tmp_path, "ries + b", client)
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


def insert_like_sublime(line: str, item: dict[str, Any]) -> str:
    """Return the lines after Sublime Text inserted the item at the end of an ASCII line.

    It indents the further lines of all items like the first, whatever the item says.
    """
    assert item["insertTextMode"] == 2
    indent = line[: len(line) - len(line.lstrip())]
    begin = item["textEdit"]["range"]["start"]["character"]
    first, *others = item["textEdit"]["newText"].split("\n")
    return "\n".join([line[:begin] + first, *(other and indent + other for other in others)])


@pytest.mark.parametrize(
    ("text", "answer", "inserted"),
    [
        pytest.param(
            "def f():\n    ",
            "if a:\n        return b\n\n    return c",
            "def f():\n    if a:\n        return b\n\n    return c",
            id="on a line of blanks",
        ),
        pytest.param(
            "def f():\n    r",
            "un(a)\n    return b",
            "def f():\n    run(a)",
            id="in a word",
        ),
        pytest.param(
            "        x = ",
            "1\n\n    else:\n        x = 2",
            "        x = 1",
            id="what is indented less cannot be said",
        ),
        pytest.param("def f():", "\n    return 1", "def f():\n    return 1", id="no indent"),
    ],
)
async def test_sublime_indents_the_lines_of_an_item_itself(
    start_warm: Start, tmp_path: Path, text: str, answer: str, inserted: str
) -> None:
    editor = await connect(start_warm, tmp_path, answer, handshake("sublime"))
    open_document(editor, text)
    above, newline, line = text.rpartition("\n")
    (item,) = await menu(editor, position(text.count("\n"), len(line)))
    assert above + newline + insert_like_sublime(line, item) == inserted


async def test_sublime_is_offered_nothing_that_begins_with_a_lesser_indent(
    start_warm: Start, tmp_path: Path
) -> None:
    editor = await connect(start_warm, tmp_path, "\n    return 1", handshake("sublime"))
    open_document(editor, "        f()")
    assert await menu(editor, position(0, 11)) == []


async def test_zed_inserts_the_lines_of_an_item_as_they_are(
    start_warm: Start, tmp_path: Path
) -> None:
    answer = "if a:\n        return b"
    editor = await connect(start_warm, tmp_path, answer, handshake("zed"))
    open_document(editor, "def f():\n    ")
    (item,) = await menu(editor, position(1, 4))
    assert (item["insertTextMode"], item["textEdit"]["newText"]) == (1, answer)


def confirm_in_nvim_cmp(line: str, cursor: int, item: dict[str, Any]) -> str:
    """Return the line after nvim-cmp inserted the item; positions are in bytes, as it asked for.

    It looks for the filter text from the edit's beginning on, without blanks there.
    """
    encoded, edit = line.encode(), item["textEdit"]
    begin, end = (edit["range"][side]["character"] for side in ("start", "end"))
    typed = encoded[begin:cursor].lstrip().decode()
    assert item["filterText"].startswith(typed)
    return f"{encoded[:begin].decode()}{edit['newText']}{encoded[end:].decode()}"


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
    ("line", "answer", "inserted"),
    [
        pytest.param(
            'f("🦊", ret', "ries + b\nsecond", 'f("🦊", retries + b', id="behind an emoji"
        ),
        pytest.param("x =", " 1", "x = 1", id="a blank first"),
    ],
)
@pytest.mark.parametrize(
    ("name", "insert"), [("nvim-cmp", confirm_in_nvim_cmp), ("blink", insert_like_blink)]
)
async def test_menus_of_neovim_plugins(
    start_warm: Start,
    tmp_path: Path,
    name: str,
    insert: Callable[[str, int, dict[str, Any]], str],
    line: str,
    answer: str,
    inserted: str,
) -> None:
    """These plugins cannot be run in the tests: the items are used as their sources say."""
    client = handshake(name)
    editor = await connect(start_warm, tmp_path, answer, client, {"completionItems": "always"})
    open_document(editor, line)
    cursor = len(line.encode())
    (item,) = await menu(editor, position(0, cursor))
    assert insert(line, cursor, item) == inserted
    assert item["insertTextFormat"] == 1, "plain text"
    assert (
        item["kind"]
        in client["client_capabilities"]["textDocument"]["completion"]["completionItemKind"][
            "valueSet"
        ]
    )


async def test_an_editor_with_both_gets_ghost_text_alone(start_warm: Start, tmp_path: Path) -> None:
    client = handshake("zed")
    client["client_capabilities"]["textDocument"]["inlineCompletion"] = {}
    editor = await connect(start_warm, tmp_path, "1", client)
    open_document(editor, "x = ")
    assert len(await inline(editor, position(0, 4))) == 1
    call = editor.call(
        "textDocument/completion",
        {"textDocument": {"uri": "file:///nowhere/a.py"}, "position": position(0, 4)},
    )
    assert await call.error_code() == -32601
