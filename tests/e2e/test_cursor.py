"""Tests of completions prepared where the cursor rests, told by our clients or inferred from others."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from bounds import WITHIN_S
from e2e.client import Json
from e2e.conftest import Start, StartScripted
from e2e.lsp import URI, initialize, inline, open_document, position

pytestmark = pytest.mark.same_on_windows

OPTIONS = {"thinkAhead": False, "cursorHints": "always"}
TEXT = "first = 1\n\n\nsecond = 2\n"


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    """Return the file to which the scripted engine writes the prompts that it reads."""
    path = tmp_path / "prompts"
    script = {"answers": ["third = 3"], "prompts_file": str(path)}
    (tmp_path / "script.json").write_text(json.dumps(script))
    return path


async def read_so_far(prompts: Path, number: int) -> list[str]:
    """Wait until so many prompts were read; return them."""
    async with asyncio.timeout(WITHIN_S):
        while not prompts.exists() or prompts.read_text().count("\f") < number:
            await asyncio.sleep(0.01)
    return prompts.read_text().split("\f")[:-1]


async def test_a_place_is_prepared_before_anything_is_asked(
    start_warm: Start, prompts: Path, tmp_path: Path
) -> None:
    editor = await start_warm("--scripted-engine", str(tmp_path / "script.json"))
    provided = await initialize(editor, options=OPTIONS)
    assert provided["experimental"]["cursorRests"] is True
    open_document(editor, TEXT)
    place = {"textDocument": {"uri": URI}, "position": position(2, 0)}
    editor.notify("infill/cursorRests", place)
    (prepared,) = await read_so_far(prompts, 1)
    await inline(editor, position(2, 0))
    _, asked = await read_so_far(prompts, 2)
    assert asked.strip() == prepared.strip()


async def test_an_editor_that_tells_of_no_cursor_gives_it_away(
    start_warm: Start, prompts: Path, tmp_path: Path
) -> None:
    editor = await start_warm("--scripted-engine", str(tmp_path / "script.json"))
    await initialize(editor, options=OPTIONS)
    open_document(editor, TEXT)
    await read_so_far(prompts, 1)  # the beginning of what was opened
    where = {"start": position(2, 0), "end": position(2, 0)}
    context: Json = {"diagnostics": []}
    document = {"uri": URI}
    params = {"textDocument": document, "range": where, "context": context}
    await editor.ask("textDocument/codeAction", params)
    assert len(await read_so_far(prompts, 2)) == 2


@pytest.mark.parametrize(
    "params",
    [{}, {"textDocument": {"uri": URI}}, {"textDocument": {"uri": 5}, "position": position(0, 0)}],
)
async def test_nonsense_is_logged_and_the_next_request_answered(
    start_scripted: StartScripted, params: Json
) -> None:
    editor = await start_scripted("1")
    open_document(editor, "x = ")
    editor.notify("infill/cursorRests", params)
    (item,) = await inline(editor, position(0, 4))
    assert item["insertText"] == "x = 1"


async def test_a_place_that_is_not_there_is_no_fault(start_scripted: StartScripted) -> None:
    editor = await start_scripted("1", options=OPTIONS)
    open_document(editor, "x = ")
    for uri, line, character in ((URI, 99, 99), ("file:///nowhere/else.py", 0, 0), (URI, -1, -1)):
        place = {"textDocument": {"uri": uri}, "position": position(line, character)}
        editor.notify("infill/cursorRests", place)
    (item,) = await inline(editor, position(0, 4))
    assert item["insertText"] == "x = 1"
