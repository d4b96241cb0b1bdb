"""Shorthand for LSP requests and notifications that an editor sends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from e2e.client import Call, Editor, Json

INVOKED, AUTOMATIC = 1, 2
"""Trigger kinds of inline completion."""
ERROR, WARNING = 1, 2
"""Types of ``window/showMessage``."""
CURSOR = "‸"
URI = "file:///nowhere/a.py"


def capabilities(
    *, encodings: Sequence[str] = ("utf-32",), inline: bool = True, **more: Json
) -> Json:
    """Return a client's capabilities; ``more`` are further top-level ones."""
    text_document: Json = {"inlineCompletion": {}} if inline else {"completion": {}}
    general: Json = {"positionEncodings": list(encodings)} if encodings else {}
    return {"general": general, "textDocument": text_document, **more}


async def initialize(
    editor: Editor,
    *,
    client_capabilities: Json | None = None,
    options: Any = None,
    folders: Sequence[Path] = (),
    client_name: str = "tests",
    process_id: int | None = None,
) -> Json:
    """Do the handshake and return the server's capabilities."""
    result = await editor.ask(
        "initialize",
        {
            "processId": process_id,
            "clientInfo": {"name": client_name},
            "rootUri": folders[0].as_uri() if folders else None,
            "workspaceFolders": [folder_of(folder) for folder in folders] or None,
            "capabilities": capabilities() if client_capabilities is None else client_capabilities,
            "initializationOptions": options,
        },
    )
    editor.notify("initialized", {})
    provided = result["capabilities"]
    assert isinstance(provided, dict)
    return provided


def folder_of(path: Path) -> Json:
    return {"uri": path.as_uri(), "name": path.name}


def split_cursor(marked: str) -> tuple[str, Json]:
    """Return the text and the position in utf-32 of a document whose cursor is marked with ``‸``."""
    before, _, after = marked.partition(CURSOR)
    lines = before.split("\n")
    return before + after, position(len(lines) - 1, len(lines[-1]))


def position(line: int, character: int) -> Json:
    return {"line": line, "character": character}


def span(start: Json, end: Json) -> Json:
    return {"start": start, "end": end}


def open_document(editor: Editor, text: str, uri: str = URI, language: str = "python") -> None:
    editor.notify(
        "textDocument/didOpen",
        {"textDocument": {"uri": uri, "languageId": language, "version": 1, "text": text}},
    )


def change_document(editor: Editor, changes: Sequence[Json], uri: str = URI) -> None:
    editor.notify(
        "textDocument/didChange",
        {"textDocument": {"uri": uri, "version": 2}, "contentChanges": list(changes)},
    )


def close_document(editor: Editor, uri: str = URI) -> None:
    editor.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


def inline_call(
    editor: Editor, at: Json, uri: str = URI, *, trigger: int = INVOKED, selected: Any = None
) -> Call:
    """Ask for ghost text and return at once."""
    context: Json = {"triggerKind": trigger}
    if selected is not None:
        context["selectedCompletionInfo"] = selected
    return editor.call(
        "textDocument/inlineCompletion",
        {"textDocument": {"uri": uri}, "position": at, "context": context},
    )


async def inline(
    editor: Editor, at: Json, uri: str = URI, *, trigger: int = INVOKED, selected: Any = None
) -> list[Json]:
    """Ask for ghost text and return the items."""
    result = await inline_call(editor, at, uri, trigger=trigger, selected=selected).result()
    items = result["items"]
    assert isinstance(items, list)
    return items


def shown(items: Sequence[Json]) -> list[Json]:
    """Leave out the commands, whose ids are others each time."""
    return [{key: value for key, value in item.items() if key != "command"} for item in items]


async def menu(editor: Editor, at: Json, uri: str = URI, *, trigger: int = 1) -> list[Json]:
    """Ask for the pop-up menu and return its items."""
    result = await editor.ask(
        "textDocument/completion",
        {"textDocument": {"uri": uri}, "position": at, "context": {"triggerKind": trigger}},
    )
    assert result["isIncomplete"] is True
    items = result["items"]
    assert isinstance(items, list)
    return items


async def explain(editor: Editor, uri: str = URI) -> Json:
    """Return everything about the last completion."""
    result = await editor.ask("infill/explain", {"textDocument": {"uri": uri}})
    assert isinstance(result, dict)
    return result


def apply(text: str, edit_range: Json, new_text: str) -> str:
    """Apply an edit whose range is in utf-32, as an editor does."""
    lines = text.split("\n")
    before = lines[: edit_range["start"]["line"]]
    start = sum(len(line) + 1 for line in before) + edit_range["start"]["character"]
    before = lines[: edit_range["end"]["line"]]
    end = sum(len(line) + 1 for line in before) + edit_range["end"]["character"]
    return text[:start] + new_text + text[end:]
