"""Tests of an unusable model and of a dying engine: the editor is told once and keeps working."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from bounds import WITHIN_S
from e2e.client import Editor, Json
from e2e.conftest import Start
from e2e.lsp import (
    ERROR,
    URI,
    initialize,
    inline,
    inline_call,
    open_document,
    position,
    shown,
)
from infill_ls.models.store import bundled_model_path

SURE = {"snippetTokens": 0, "thinkAhead": False, "candidates": 1, "timeBudgetMs": 60_000}
SURE_TEXT = (
    "def refund_order(wallet, amount):\n"
    "    wallet.deposit_zlotys(amount)\n"
    "\n\n"
    "def cancel_order(wallet, amount):\n"
    "    wallet."
)
CURSOR = position(5, 11)


def missing(folder: Path) -> tuple[Path, str]:
    return folder / "missing.gguf", "does not exist"


def a_folder(folder: Path) -> tuple[Path, str]:
    return folder, "cannot be read"


def no_gguf(folder: Path) -> tuple[Path, str]:
    path = folder / "text.gguf"
    path.write_text("this is no model")
    return path, "is not a GGUF file"


def cut_short(folder: Path) -> tuple[Path, str]:
    path = folder / "short.gguf"
    path.write_bytes(bundled_model_path().read_bytes()[:2_000_000])
    return path, "could not be loaded"


def without_markers(folder: Path) -> tuple[Path, str]:
    """Return a model in which the infilling markers are spelled as no family spells them."""
    data = bundled_model_path().read_bytes()
    for marker in ("fim▁begin", "fim▁hole", "fim▁end"):
        assert marker.encode() in data
        data = data.replace(marker.encode(), marker.replace("fim", "xxx").encode())
    path = folder / "plain.gguf"
    path.write_bytes(data)
    return path, "cannot fill in the middle"


@pytest.mark.parametrize("fault", [missing, a_folder, no_gguf, cut_short, without_markers])
async def test_an_unusable_model_is_told_once(
    start_warm: Start, tmp_path: Path, fault: object
) -> None:
    assert callable(fault)
    path, words = fault(tmp_path)
    editor = await start_warm("--log-level", "ERROR")
    await initialize(editor, options={"model": str(path)})
    open_document(editor, "x = ")
    message = await editor.expect("window/showMessage")
    assert message["type"] == ERROR
    assert str(path) in message["message"]
    assert words in message["message"]
    open_document(editor, "y = ", "file:///nowhere/b.py")
    for _ in range(2):
        assert await inline_call(editor, position(0, 4)).result() == {"items": []}


async def until_completed(editor: Editor, uri: str) -> list[Json]:
    """Ask until the engine is back; there is nothing to be told that it may start again."""
    async with asyncio.timeout(WITHIN_S):
        while not (items := await inline(editor, CURSOR, uri)):
            await asyncio.sleep(0.05)
    return items


async def test_an_engine_that_dies_is_started_again(start_warm: Start) -> None:
    editor = await start_warm("--log-level", "ERROR")
    await initialize(editor, options=SURE)
    open_document(editor, SURE_TEXT)
    before = shown(await inline(editor, CURSOR))
    assert before
    for number in range(2):
        uri = f"file:///nowhere/a{number}.py"  # the answer for the first is remembered
        open_document(editor, SURE_TEXT, uri)
        engine = editor.engine()
        engine.suspend()
        call = inline_call(editor, CURSOR, uri)
        assert await editor.ask("infill/explain", {"textDocument": {"uri": uri}}) is None
        engine.kill()
        assert await call.result() == {"items": []}
        assert shown(await until_completed(editor, uri)) == before
        assert editor.engine().pid != engine.pid
    # Two deaths, one message.
    message = await editor.expect("window/showMessage")
    assert message["type"] == ERROR
    assert "engine process ended" in message["message"]


async def test_an_engine_that_dies_while_nobody_asks(start_warm: Start) -> None:
    editor = await start_warm("--log-level", "ERROR")
    await initialize(editor, options=SURE)
    open_document(editor, SURE_TEXT)
    await editor.until_loaded()
    editor.engine().kill()
    assert await until_completed(editor, URI)
    # Whether there was a message depends on when the request came.
    told = [note for note in editor.unread if note["method"] == "window/showMessage"]
    assert len(told) <= 1
    editor.unread.clear()


async def test_an_engine_that_dies_while_it_loads(start_warm: Start) -> None:
    editor = await start_warm("--log-level", "ERROR")
    await initialize(editor, options=SURE)
    open_document(editor, SURE_TEXT)
    await editor.until(lambda: "Loading the model" in {s["message"] for s in editor.statuses})
    async with asyncio.timeout(WITHIN_S):
        while not editor.children:
            editor.look_for_children()
            await asyncio.sleep(0.01)
    editor.engine().kill()
    message = await editor.expect("window/showMessage")
    # Killed before or after the server was connected to it.
    assert re.search("engine (process ended|could not start)", message["message"])
    assert await until_completed(editor, URI)
