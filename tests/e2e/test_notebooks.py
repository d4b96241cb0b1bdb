"""Tests of notebooks: the other cells are context for the cell with the cursor."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.client import Editor, Json
from e2e.conftest import Start, StartScripted
from e2e.lsp import capabilities, explain, initialize, inline, open_document, position

pytestmark = pytest.mark.same_on_windows

NOTEBOOK = "file:///nowhere/a.ipynb"
CELLS: list[tuple[str, str, str]] = [
    ("c0", "markdown", "# All about shops"),
    ("c2", "python", "def net_price(gross):\n    return gross / 1.23\n"),
    ("c1", "markdown", "# Prices\nin zloty"),
    ("c3", "python", "total = "),
    ("c4", "python", "print(total)"),
]


def cell_uri(name: str) -> str:
    return f"vscode-notebook-cell:/nowhere/a.ipynb#{name}"


def open_notebook(editor: Editor) -> None:
    cells = [
        {"kind": 1 if language == "markdown" else 2, "document": cell_uri(name)}
        for name, language, _ in CELLS
    ]
    documents = [
        {"uri": cell_uri(name), "languageId": language, "version": 1, "text": text}
        for name, language, text in CELLS
    ]
    notebook = {"uri": NOTEBOOK, "notebookType": "jupyter-notebook", "version": 1, "cells": cells}
    editor.notify(
        "notebookDocument/didOpen", {"notebookDocument": notebook, "cellTextDocuments": documents}
    )


def open_cells(editor: Editor) -> None:
    for name, language, text in CELLS:
        open_document(editor, text, cell_uri(name), language)


def change_cell(editor: Editor, name: str, text: str) -> None:
    change: Json = {
        "cells": {
            "textContent": [
                {"document": {"uri": cell_uri(name), "version": 2}, "changes": [{"text": text}]}
            ]
        }
    }
    editor.notify(
        "notebookDocument/didChange",
        {"notebookDocument": {"uri": NOTEBOOK, "version": 2}, "change": change},
    )


async def prompt_of(editor: Editor, name: str) -> str:
    found: Any = await explain(editor, cell_uri(name))
    prompt = found["prompt"]["text"]
    assert isinstance(prompt, str)
    return prompt


async def test_the_server_says_that_it_takes_notebooks(start_warm: Start) -> None:
    provided = await initialize(
        await start_warm(),
        client_capabilities=capabilities(notebookDocument={"synchronization": {}}),
    )
    assert provided["notebookDocumentSync"]["notebookSelector"]


@pytest.mark.parametrize("open_all", [open_notebook, open_cells])
async def test_the_cells_around_are_in_the_prompt(
    start_scripted: StartScripted, open_all: Any
) -> None:
    editor = await start_scripted("net_price(100)")
    open_all(editor)
    (item,) = await inline(editor, position(0, 8), cell_uri("c3"))
    assert item["insertText"] == "total = net_price(100)"
    assert item["range"]["end"] == position(0, 8)
    prompt = await prompt_of(editor, "c3")
    before, _, after = prompt.partition("<suffix>")
    assert "# # Prices\n# in zloty\n" in before
    assert "shops" not in prompt  # text elsewhere takes more room than it is worth
    assert "def net_price(gross):\n    return gross / 1.23\n" in before
    assert "print(total)" in after


async def test_a_changed_cell_is_seen_from_another(start_scripted: StartScripted) -> None:
    editor = await start_scripted("x")
    open_notebook(editor)
    change_cell(editor, "c2", "def gross_price(net):\n    return net * 1.23\n")
    await inline(editor, position(0, 8), cell_uri("c3"))
    prompt = await prompt_of(editor, "c3")
    assert "gross_price" in prompt
    assert "net_price" not in prompt


async def test_a_secret_in_another_cell_does_not_reach_the_prompt(
    start_scripted: StartScripted,
) -> None:
    editor = await start_scripted("x")
    open_notebook(editor)
    secret = "AKIA" + "Q3EGRTLK" + "VW7HZPXN"
    change_cell(editor, "c2", f'aws_secret_access_key = "{secret}"\n')
    await inline(editor, position(0, 8), cell_uri("c3"))
    assert secret not in await prompt_of(editor, "c3")
