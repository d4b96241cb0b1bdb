"""Tests of the feedback that editors send on suggestions, and of the server's statistics."""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path
from typing import Any

import pytest

from bounds import WITHIN_S
from e2e.client import Editor
from e2e.conftest import StartScripted
from e2e.lsp import AUTOMATIC, INVOKED, URI, inline, open_document, position
from infill_ls.engine.fallback import engine_for
from infill_ls.lsp.feedback import LEARN_EVERY_OFFERS, command_for, look_later
from infill_ls.lsp.server import InfillServer
from infill_ls.reporting.kept import Watched
from infill_ls.types import Report, Suggestion
from unit.documents import snapshot

ANSWER = "🦊 two"


async def events(folder: Path, count: int) -> list[dict[str, Any]]:
    """Wait for this many events."""
    path = folder / "infill-ls" / "statistics.jsonl"
    lines: list[str] = []
    async with asyncio.timeout(WITHIN_S):
        while len(lines) < count:
            await asyncio.sleep(0.02)
            lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


async def suggested(editor: Editor) -> dict[str, Any]:
    open_document(editor, "# x ")
    (item,) = await inline(editor, position(0, 4))
    return item


async def test_acceptance_is_counted(
    start_scripted: StartScripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    editor = await start_scripted(ANSWER)
    item = await suggested(editor)
    editor.notify("textDocument/didFocus", {})
    editor.notify("textDocument/didShowCompletion", {"item": {"command": item["command"]}})
    # In UTF-16 units from the start of the item: "# x " and an emoji of two units.
    editor.notify("textDocument/didPartiallyAcceptCompletion", {"item": item, "acceptedLength": 6})
    assert await editor.ask("workspace/executeCommand", item["command"]) is None
    found = await events(tmp_path / "data", 4)
    assert [event["event"] for event in found] == ["offered", "shown", "partly", "accepted"]
    assert [event.get("chars") for event in found] == [5, None, 1, 5]


async def test_nonsense_is_ignored(start_scripted: StartScripted) -> None:
    editor = await start_scripted(ANSWER)
    nonsense: list[dict[str, Any]] = [
        {},
        {"item": None},
        {"item": {"command": {"arguments": []}}},
        {"item": 3},
    ]
    for params in nonsense:
        editor.notify("textDocument/didShowCompletion", params)
        editor.notify("textDocument/didPartiallyAcceptCompletion", {**params, "acceptedLength": 1})
    assert (await suggested(editor))["insertText"].endswith(ANSWER)


async def test_nothing_is_counted_if_that_is_switched_off(
    start_scripted: StartScripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    editor = await start_scripted(ANSWER, options={"statistics": False})
    item = await suggested(editor)
    await editor.ask("workspace/executeCommand", item["command"])
    assert not (tmp_path / "data").exists()


async def test_the_status_tells_that_it_is_switched_off(start_scripted: StartScripted) -> None:
    editor = await start_scripted(ANSWER, options={"enabled": False})
    await editor.until(lambda: editor.statuses and editor.statuses[-1]["kind"] == "Inactive")
    editor.notify(
        "workspace/didChangeConfiguration", {"settings": {"infill-ls": {"enabled": True}}}
    )
    await editor.until(lambda: editor.statuses[-1]["kind"] == "Normal")


async def test_what_is_kept_is_counted_when_the_document_is_closed(
    start_scripted: StartScripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    editor = await start_scripted(ANSWER)
    item = await suggested(editor)
    await editor.ask("workspace/executeCommand", item["command"])
    for version, text in enumerate((f"# x {ANSWER}", f"# a\n# x {ANSWER}!", "# a\n# x 🦊!"), 2):
        editor.notify(
            "textDocument/didChange",
            {
                "textDocument": {"uri": URI, "version": version},
                "contentChanges": [{"text": text}],
            },
        )
    # Other settings do not forget what is looked after.
    editor.notify("workspace/didChangeConfiguration", {"settings": {"infill-ls": {"maxLines": 4}}})
    editor.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    found = await events(tmp_path / "data", 4)
    looks = [(event["after"], event["chars"], event["kept"]) for event in found[2:]]
    assert looks == [(30, 4, 1), (300, 4, 1)]


async def test_what_is_kept_is_looked_at_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    later: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        asyncio.get_running_loop(), "call_later", lambda *arguments: later.append(arguments)
    )
    server = InfillServer(engine_for)
    watched = Watched("1", URI, "x", 0, 1)
    look_later(server, watched)
    look_later(server, None)
    assert later == [(after, server.statistics.look, watched, after) for after in (30, 300)]


async def test_what_is_kept_is_counted_when_the_editor_ends(
    start_scripted: StartScripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    editor = await start_scripted(ANSWER)
    item = await suggested(editor)
    editor.notify(
        "textDocument/didChange",
        {
            "textDocument": {"uri": URI, "version": 2},
            "contentChanges": [{"text": f"# x {ANSWER}"}],
        },
    )
    await editor.ask("workspace/executeCommand", item["command"])
    assert await editor.shut_down() == 0
    found = await events(tmp_path / "data", 4)
    assert [(event["after"], event["kept"]) for event in found[2:]] == [(30, 4), (300, 4)]


async def test_where_less_is_accepted_suggestions_must_be_more_certain(
    start_scripted: StartScripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    file = tmp_path / "data" / "infill-ls" / "statistics.jsonl"
    file.parent.mkdir(parents=True)
    with file.open("w") as lines:
        for number in range(600):
            language, taken_of = ("python", 30) if number % 2 else ("lua", 2)
            offer = {"id": str(number), "language": language, "place": "statement"}
            lines.write(json.dumps({"event": "offered", "trigger": "automatic", **offer}) + "\n")
            if number // 2 % taken_of == 0:
                lines.write(json.dumps({"event": "accepted", "id": str(number)}) + "\n")
    likely = math.log(0.65)  # minProbability is 0.6
    editor = await start_scripted("answer", mean_logprob=likely)
    open_document(editor, "x = \n" * 400)
    open_document(editor, "x = \n", "file:///nowhere/a.lua", language="lua")
    row = 0
    while await inline(editor, position(row, 4), trigger=AUTOMATIC):  # until that has been read
        row += 1
    assert row < 40, "before it is looked at again"
    found = await editor.ask("infill/explain", {"textDocument": {"uri": URI}})
    assert "0.60 is set; what you accept in such places moves it" in found["reason"]
    assert await inline(editor, position(0, 4), "file:///nowhere/a.lua", trigger=AUTOMATIC)
    assert await inline(editor, position(row, 4), trigger=INVOKED), "who asks gets an answer"


def test_what_is_accepted_is_looked_at_again_once_for_so_many_new_offers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = InfillServer(engine_for)
    looks: list[int] = []
    monkeypatch.setattr(server, "learn_own_bar", lambda: looks.append(server.statistics.offers))
    for number in range(2 * LEARN_EVERY_OFFERS + 1):
        typed = f"x{number} = "
        for along in ("", "on", "one"):  # the same suggestion, typed along
            now = snapshot(f"{typed}{along}‸")
            rest = Suggestion("one two"[len(along) :])
            command_for(server, Report(now, rest, "shown"), 1.0)(rest)
    assert looks == [LEARN_EVERY_OFFERS, 2 * LEARN_EVERY_OFFERS]
