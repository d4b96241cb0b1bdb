"""Test of a workspace full of hostile files: the server completes in it and shuts down in time."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path

import pytest

from bounds import WITHIN_S
from e2e.conftest import Start
from e2e.lsp import explain, initialize, inline, open_document, position

MODULES = (
    "json logging numpy select struct pathspec psutil pygls lsprotocol asyncio typing socket sitecustomize "
    "usercustomize llama_cpp filelock infill_ls infill_retrieval"
)


@pytest.fixture
def hostile(wallet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a hostile workspace; if anything in it is executed, the file ``it-ran`` appears beside it."""
    marker = tmp_path / "it-ran"
    code = f"open({str(marker)!r}, 'w')\n"
    command = f"touch {marker}"
    for name in MODULES.split():
        (wallet / f"{name}.py").write_text(code)
    for name in ("infill_ls", "infill_retrieval"):
        (wallet / name).mkdir()
        (wallet / name / "__init__.py").write_text(code)
        (wallet / name / "__main__.py").write_text(code)
    git = wallet / ".git"
    (git / "info").mkdir(parents=True)
    (git / "config").write_text(
        f"[core]\n\tfsmonitor = {command}\n\thooksPath = .\n\texcludesFile = /dev/zero\n"
        f'[filter "x"]\n\tsmudge = {command}\n\tclean = {command}\n'
    )
    os.mkfifo(git / "info" / "exclude")
    (wallet / ".envrc").write_text(command)
    for program in ("git", "python", "python3", "sh", "unshare"):
        (wallet / program).write_text(f"#!/bin/sh\n{command}\n")
        (wallet / program).chmod(0o755)
    for number, kind in enumerate((".gitignore", ".infillignore")):
        piped = wallet / f"piped{number}"
        piped.mkdir()
        os.mkfifo(piped / kind)
        slow = wallet / f"slow{number}"
        slow.mkdir()
        (slow / kind).write_text(("x" + "*a" * 40 + "b\n") * 500)
        (slow / ("x" + "a" * 200 + ".py")).write_text("x = 1\n")
        large = wallet / f"large{number}"
        large.mkdir()
        (large / kind).write_text("name\n" * 220_000)
        device = wallet / f"device{number}"
        device.mkdir()
        (device / kind).symlink_to("/dev/zero")
    os.mkfifo(wallet / "pipe.py")
    (wallet / "zero.py").symlink_to("/dev/zero")
    (wallet / "up").symlink_to(wallet)
    (wallet / "round").symlink_to(wallet / "round")
    (wallet / "root").symlink_to("/")
    with socket.socket(socket.AF_UNIX) as stream:
        monkeypatch.chdir(wallet)
        stream.bind("s.py")
    deep = wallet
    while len(str(deep)) < 3000:
        deep = deep / ("d" * 200)
    deep.mkdir(parents=True)
    (deep / "deep.py").write_text("x = 1\n")
    Path(os.fsdecode(os.fsencode(wallet) + b"/caf\xe9.py")).write_text("x = 1\n")
    (wallet / "new\nline.py").write_text("x = 1\n")
    with (wallet / "huge.py").open("wb") as file:
        file.truncate(1 << 40)
    (wallet / "brackets.py").write_text("(" * 300_000)
    (wallet / "line.py").write_text("x = [" + "1, " * 100_000 + "]\n")
    (wallet / "zeros.py").write_bytes(b"\0" * 100_000)
    (wallet / "half.py").write_bytes("é = 'ü'\n".encode()[:-3])
    return wallet


@pytest.mark.timeout(600)
@pytest.mark.parametrize("told", [False, True], ids=["before", "while open"])
async def test_it_completes_and_ends(
    start: Start, script: str, hostile: Path, tmp_path: Path, told: bool
) -> None:
    editor = await start("--scripted-engine", script, cwd=hostile)
    await initialize(editor, folders=[hostile], options={"thinkAhead": False})
    await editor.until(lambda: editor.statuses and editor.statuses[-1]["indexedFiles"] > 10)
    await editor.until_ready()
    if told:
        changes = [{"uri": path.as_uri(), "type": 2} for path in hostile.iterdir()]
        editor.notify("workspace/didChangeWatchedFiles", {"changes": changes})
    for number in range(3):
        uri = (hostile / f"ask{number}.py").as_uri()
        open_document(editor, "def f(wallet, amount):\n    wallet.deposit_", uri)
        assert await inline(editor, position(1, 19), uri)
        found = {snippet["path"] for snippet in (await explain(editor, uri))["snippets"]}
        assert "refunds.py" in found
    async with asyncio.timeout(WITHIN_S):
        assert await editor.shut_down() == 0
    assert not (tmp_path / "it-ran").exists()
    assert "Traceback" not in editor.stderr


@pytest.mark.timeout(600)
async def test_the_command_line_runs_nothing_of_it(hostile: Path, tmp_path: Path) -> None:
    for arguments in (
        ["eval", "typing", "."],
        ["complete", "--scripted-engine", "x", "refunds.py:2"],
    ):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "infill_ls", *arguments),
            cwd=hostile,
            env=os.environ | {"PATH": f".:{os.environ['PATH']}"},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(120):
            await process.wait()
    assert not (tmp_path / "it-ran").exists()
