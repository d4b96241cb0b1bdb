"""Tests of the other files of a workspace: folders, buffers, changes on disk, indexing progress."""

from __future__ import annotations

import asyncio
import os
from itertools import count
from pathlib import Path

import pytest

from bounds import WITHIN_S
from e2e.client import Editor, Json
from e2e.conftest import Start, StartScripted
from e2e.lsp import (
    capabilities,
    close_document,
    explain,
    folder_of,
    initialize,
    inline,
    open_document,
    position,
)

_numbers = count()


async def snippets(editor: Editor) -> dict[str, str]:
    """Return path and text of the snippets for a new document that asks about deposits."""
    uri = f"file:///nowhere/ask{next(_numbers)}.py"
    open_document(editor, f"# {uri}\ndef f(wallet, amount):\n    wallet.deposit_", uri)
    await inline(editor, position(2, 20), uri)
    found = (await explain(editor, uri))["snippets"]
    close_document(editor, uri)
    return {snippet["path"]: snippet["text"] for snippet in found}


async def until_found(editor: Editor, path: str, text: str | None) -> None:
    """Ask until the snippets of ``path`` hold ``text``, or there are none if that is ``None``.

    The index is brought up to date in the background, and nothing tells when.
    """
    async with asyncio.timeout(WITHIN_S):
        while True:
            found = (await snippets(editor)).get(path)
            if (found is None) if text is None else (found is not None and text in found):
                return


def watched(editor: Editor, path: Path, kind: int) -> None:
    editor.notify(
        "workspace/didChangeWatchedFiles", {"changes": [{"uri": path.as_uri(), "type": kind}]}
    )


def changed_folders(editor: Editor, added: list[Path], removed: list[Path]) -> None:
    event = {"added": [folder_of(f) for f in added], "removed": [folder_of(f) for f in removed]}
    editor.notify("workspace/didChangeWorkspaceFolders", {"event": event})


async def test_folders_come_and_go(
    start_scripted: StartScripted, wallet: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    editor = await start_scripted(handshake={"folders": [empty]})
    await editor.until_ready()
    assert await snippets(editor) == {}
    changed_folders(editor, [wallet], [])
    await until_found(editor, "refunds.py", "deposit_zlotys")
    changed_folders(editor, [], [wallet])
    await until_found(editor, "refunds.py", None)
    changed_folders(editor, [wallet], [empty])
    await until_found(editor, "refunds.py", "deposit_zlotys")


@pytest.mark.parametrize("folders", [["file:///does/not/exist"], ["untitled:x"], []])
async def test_a_workspace_without_a_folder_on_disk(
    start_scripted: StartScripted, folders: list[str]
) -> None:
    editor = await start_scripted()
    editor.notify(
        "workspace/didChangeWorkspaceFolders",
        {"event": {"added": [{"uri": uri, "name": "x"} for uri in folders], "removed": []}},
    )
    assert await snippets(editor) == {}


async def test_files_that_change_on_disk(start_scripted: StartScripted, wallet: Path) -> None:
    editor = await start_scripted(handshake={"folders": [wallet]})
    await until_found(editor, "refunds.py", "deposit_zlotys")
    file = wallet / "refunds.py"
    file.write_text("def f(wallet, amount):\n    wallet.deposit_forints(amount)\n")
    watched(editor, file, 2)
    await until_found(editor, "refunds.py", "deposit_forints")
    created = wallet / "more.py"
    created.write_text("def g(wallet, amount):\n    wallet.deposit_kroner(amount)\n")
    watched(editor, created, 1)
    await until_found(editor, "more.py", "deposit_kroner")
    file.unlink()
    watched(editor, file, 3)
    await until_found(editor, "refunds.py", None)


async def test_the_next_request_sees_a_change(start_scripted: StartScripted, wallet: Path) -> None:
    """No waiting, and at a place that was asked about before, whose search is held otherwise."""
    editor = await start_scripted(handshake={"folders": [wallet]})
    await until_found(editor, "refunds.py", "deposit_zlotys")
    file, uri = wallet / "refunds.py", "file:///nowhere/same_place.py"
    open_document(editor, "def f(wallet, amount):\n    wallet.deposit_", uri)

    async def found_at_the_same_place() -> str:
        await inline(editor, position(1, 19), uri)
        return "".join(snippet["text"] for snippet in (await explain(editor, uri))["snippets"])

    assert "deposit_zlotys" in await found_at_the_same_place()
    file.write_text("def f(wallet, amount):\n    wallet.deposit_forints(amount)\n")
    watched(editor, file, 2)
    assert "deposit_forints" in await found_at_the_same_place()
    open_document(editor, "def f(wallet):\n    wallet.deposit_rupees(1)\n", file.as_uri())
    assert "deposit_rupees" in await found_at_the_same_place()
    editor.notify(
        "textDocument/didChange",
        {
            "textDocument": {"uri": file.as_uri(), "version": 2},
            "contentChanges": [{"text": "def f(wallet):\n    wallet.deposit_yen(1)\n"}],
        },
    )
    assert "deposit_yen" in await found_at_the_same_place()


async def test_an_open_buffer_wins_over_the_disk(
    start_scripted: StartScripted, wallet: Path
) -> None:
    editor = await start_scripted(handshake={"folders": [wallet]})
    await until_found(editor, "refunds.py", "deposit_zlotys")
    file = wallet / "refunds.py"
    open_document(editor, "def f(wallet):\n    wallet.deposit_rupees(1)\n", file.as_uri())
    await until_found(editor, "refunds.py", "deposit_rupees")
    file.write_text("def f(wallet):\n    wallet.deposit_pesos(1)\n")
    watched(editor, file, 2)
    editor.notify(
        "textDocument/didChange",
        {
            "textDocument": {"uri": file.as_uri(), "version": 2},
            "contentChanges": [{"text": "def f(wallet):\n    wallet.deposit_yen(1)\n"}],
        },
    )
    await until_found(editor, "refunds.py", "deposit_yen")
    close_document(editor, file.as_uri())
    await until_found(editor, "refunds.py", "deposit_pesos")


async def test_changed_files_are_registered_for(start_warm: Start) -> None:
    editor = await start_warm()
    editor.answers["client/registerCapability"] = lambda _: None
    able = capabilities(workspace={"didChangeWatchedFiles": {"dynamicRegistration": True}})
    await initialize(editor, client_capabilities=able)
    await editor.until(lambda: editor.asked)
    ((_, params),) = editor.asked
    (registration,) = params["registrations"]
    assert registration["method"] == "workspace/didChangeWatchedFiles"
    assert registration["registerOptions"]["watchers"]


async def test_changes_are_found_where_the_editor_tells_of_none(
    start_scripted: StartScripted, wallet: Path
) -> None:
    """As Neovim on Linux and Emacs do: no registration, no notification."""
    editor = await start_scripted(handshake={"folders": [wallet]})
    await until_found(editor, "refunds.py", "deposit_zlotys")
    (wallet / "refunds.py").write_text(
        "def f(wallet, amount):\n    wallet.deposit_forints(amount)\n"
    )
    (wallet / "new").mkdir()
    (wallet / "new" / "more.py").write_text(
        "def g(wallet, amount):\n    wallet.deposit_kroner(amount)\n"
    )
    await until_found(editor, "new/more.py", "deposit_kroner")
    await until_found(editor, "refunds.py", "deposit_forints")


async def test_progress_is_shown_to_a_client_that_can(start_warm: Start, wallet: Path) -> None:
    editor = await start_warm()
    editor.answers["window/workDoneProgress/create"] = lambda _: None
    await initialize(
        editor,
        client_capabilities=capabilities(window={"workDoneProgress": True}),
        folders=[wallet],
    )
    open_document(editor, "x = ")
    await editor.until_loaded()
    bars: dict[str, list[Json]] = {}
    for token, value in editor.progress:
        bars.setdefault(token, []).append(value)
    assert {bar[0]["title"] for bar in bars.values()} == {
        "Indexing the workspace",
        "Loading the model",
    }
    for bar in bars.values():
        kinds = [value["kind"] for value in bar]
        assert kinds == ["begin", *["report"] * (len(kinds) - 2), "end"]
        # A model may be loaded before the editor has given a bar; the folders are read behind theirs.
        assert len(kinds) > 2 or bar[0]["title"] != "Indexing the workspace"


@pytest.mark.parametrize("behaviour", ["refused", "silent"])
async def test_a_client_that_gives_no_bar_is_served_all_the_same(
    start_warm: Start, wallet: Path, behaviour: str
) -> None:
    editor = await start_warm()
    getattr(editor, behaviour).add("window/workDoneProgress/create")
    able = capabilities(window={"workDoneProgress": True})
    await initialize(editor, client_capabilities=able, folders=[wallet])
    await editor.until(lambda: editor.statuses and editor.statuses[-1]["indexedFiles"] == 1)
    await editor.until_ready()
    assert editor.progress == []


async def test_a_pipe_in_the_workspace_is_not_read(
    start_scripted: StartScripted, wallet: Path
) -> None:
    os.mkfifo(wallet / "a_pipe.py")
    editor = await start_scripted(handshake={"folders": [wallet]})
    await until_found(editor, "refunds.py", "deposit_zlotys")
    watched(editor, wallet / "a_pipe.py", 1)
    await until_found(editor, "refunds.py", "deposit_zlotys")
