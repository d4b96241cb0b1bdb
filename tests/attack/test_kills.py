"""Tests that kill servers and engines thirty times in all: no process or file is left behind."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import psutil
import pytest

from e2e.client import Editor, is_alive, until_gone
from e2e.conftest import Start
from e2e.lsp import initialize, inline, inline_call, open_document, position
from infill_retrieval.processes.locks import try_lock

ENGINES = 15
SERVERS = 15
OPTIONS = {
    "threads": 1,
    "candidates": 1,
    "snippetTokens": 0,
    "timeBudgetMs": 60_000,
    "thinkAhead": False,
    "minProbability": 0,
}
TEXT = (  # which any model goes on with
    "def refund_order(wallet, amount):\n"
    "    wallet.deposit_zlotys(amount)\n"
    "\n\n"
    "def cancel_order(wallet, amount):\n"
    "    wallet."
)
CURSOR = position(5, 11)


@pytest.fixture
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a runtime directory (sockets and tokens) for these tests only."""
    folder = tmp_path_factory.mktemp("rt")
    folder.chmod(0o700)
    monkeypatch.setenv("INFILL_LS_RUNTIME_DIR", str(folder))
    return folder


async def until_completed(editor: Editor, uri: str) -> None:
    """Ask until an engine answers again; nothing tells when it may be started."""
    async with asyncio.timeout(240):  # the first engine measures the machine
        while not (await inline_call(editor, CURSOR, uri).answer)["items"]:
            await asyncio.sleep(0.05)


def left_in(folder: Path) -> list[str]:
    """Return what is left of meetings and caches, but for what is meant to stay."""
    left = [str(path) for kind in ("sock", "port", "part") for path in folder.rglob(f"*.{kind}")]
    for lock in folder.rglob("*lock"):
        if (held := try_lock(lock)) is None:
            left.append(f"{lock} is held")
        else:
            held.release()
    return left


@pytest.mark.timeout(900)
async def test_engines(start: Start, runtime: Path) -> None:
    editor = await start("--log-level", "ERROR")
    await initialize(editor, options=OPTIONS)
    pids = set()
    for number in range(ENGINES):
        uri = f"file:///nowhere/{number}.py"  # the answer for another is remembered
        open_document(editor, TEXT, uri)
        await until_completed(editor, uri)
        engine = editor.engine()
        pids.add(engine.pid)
        if number % 3 == 0:
            engine.suspend()  # so that it is killed in the middle of a request
            asyncio.get_running_loop().call_later(0.05, engine.kill)
            await inline(editor, position(5, 10), uri)
        else:
            engine.kill()
        await until_gone(engine)
    uri = "file:///nowhere/last.py"
    open_document(editor, TEXT, uri)
    await until_completed(editor, uri)
    await editor.shut_down()
    assert len(pids) == ENGINES
    editor.unread.clear()  # that the engine died
    for child in editor.children:
        if is_alive(child):
            await until_gone(child)
    assert left_in(runtime) == []


@pytest.mark.timeout(900)
async def test_servers(start: Start, runtime: Path, wallet: Path) -> None:
    chance = random.Random(4)
    for n in range(300):
        (wallet / f"f{n}.py").write_text(f"def lid_{n}(): ...\n" * 40)
    children: set[psutil.Process] = set()
    for number in range(SERVERS):
        editor = await start("--log-level", "ERROR")
        await initialize(editor, folders=[wallet], options=OPTIONS)
        uri = (wallet / "ask.py").as_uri()
        open_document(editor, TEXT, uri)
        if number % 5 == 0:
            await editor.until_loaded()
        else:
            await asyncio.sleep(chance.random() * 2)
        editor.look_for_children()
        children |= editor.children
        editor.wire.process.kill()
        await editor.exit_status()
        editor.unread.clear()
        editor.abandon()
    assert len(children) >= SERVERS
    for child in children:
        await until_gone(child)
    editor = await start("--log-level", "ERROR")
    await initialize(editor, folders=[wallet], options=OPTIONS)
    open_document(editor, TEXT, uri)
    await until_completed(editor, uri)
    await editor.shut_down()
    for child in editor.children:
        await until_gone(child)
    assert left_in(runtime) == []
