"""Test that none of our processes opens a network socket while serving a workspace with the real model."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from bounds import WITHIN_S
from e2e.client import SERVER, Editor
from e2e.conftest import Start
from e2e.lsp import initialize, inline, open_document, position

AUDITED = Path(__file__).parents[1] / "fixtures" / "audited"
OPTIONS = {"threads": 1, "maxTokens": 8, "timeBudgetMs": 60_000, "minProbability": 0}


async def serve(editor: Editor, wallet: Path) -> None:
    """Have all that there is happen once: crawl, load, complete, think ahead, look, leave."""
    await initialize(editor, folders=[wallet], options=OPTIONS)
    uri = (wallet / "ask.py").as_uri()
    open_document(editor, "def f(wallet, amount):\n    wallet.deposit_", uri)
    editor.look_for_children()
    await editor.until_loaded()
    await editor.until(lambda: editor.statuses[-1]["indexedFiles"] >= 1)
    await inline(editor, position(1, 19), uri)
    editor.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
    await asyncio.sleep(0.5)
    editor.look_for_children()


def network_sockets(process: psutil.Process) -> list[str]:
    """Return the process' sockets that the kernel lists as a network's."""
    folder = Path("/proc", str(process.pid))
    own = set()
    for link in (folder / "fd").iterdir():
        try:
            target = str(link.readlink())
        except OSError:
            continue  # closed meanwhile
        if target.startswith("socket:["):
            own.add(target.removeprefix("socket:[").removesuffix("]"))
    found = []
    for table in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
        file = folder / "net" / table
        lines = file.read_text().splitlines()[1:] if file.exists() else []
        found += [f"{table}: {line}" for line in lines if line.split()[9] in own]
    return found


def test_a_network_would_be_noted(tmp_path: Path) -> None:
    code = "import socket; socket.socket().connect_ex(('127.0.0.1', 9))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=os.environ | {"PYTHONPATH": str(AUDITED), "AUDIT_FOLDER": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 0
    (notes,) = tmp_path.glob("*.foreign")
    assert "socket.connect" in notes.read_text()


@pytest.mark.timeout(600)
async def test_no_process_touches_a_network(
    start: Start, wallet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.environ.get("INFILL_LS_LOOPBACK") == "1":
        pytest.skip("they meet at a port of this machine")
    notes = tmp_path / "notes"
    notes.mkdir()
    monkeypatch.setenv("AUDIT_FOLDER", str(notes))
    monkeypatch.setenv("PYTHONPATH", str(AUDITED), prepend=os.pathsep)
    editor = await start()
    await serve(editor, wallet)
    engine = editor.engine()
    server = psutil.Process(editor.wire.process.pid)
    assert network_sockets(server) == network_sockets(engine) == []
    await editor.shut_down()
    noted = {path.name for path in notes.iterdir()}
    assert {f"{server.pid}.own", f"{engine.pid}.own"} <= noted  # they do have sockets
    foreign = {path.name: path.read_text() for path in notes.glob("*.foreign")}
    assert foreign == {}


@pytest.mark.timeout(600)
@pytest.mark.skipif(shutil.which("strace") is None, reason="there is no strace")
async def test_the_kernel_sees_no_socket_of_a_network(
    start: Start, wallet: Path, tmp_path: Path
) -> None:
    log = tmp_path / "strace"
    calls = "trace=socket,connect,bind,sendto,sendmsg"
    tracer = ("strace", "-f", "-qq", "--seccomp-bpf", "-e", calls, "-o", str(log))
    editor = await start(command=(*tracer, *SERVER))
    await serve(editor, wallet)
    assert await editor.shut_down() == 0
    async with asyncio.timeout(WITHIN_S):
        while any(child.is_running() for child in editor.children):
            await asyncio.sleep(0.1)
    lines = log.read_text("utf-8", "replace").splitlines()
    sockets = [line for line in lines if " socket(" in line]
    assert sockets
    assert [line for line in sockets if "socket(AF_UNIX," not in line] == []
    assert [line for line in lines if "AF_INET" in line] == []
