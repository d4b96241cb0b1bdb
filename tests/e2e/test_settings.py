"""Tests of settings: their sources, changes while running, and wrong values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from e2e.client import Editor, until_gone
from e2e.conftest import Start, StartScripted
from e2e.lsp import (
    ERROR,
    WARNING,
    capabilities,
    explain,
    initialize,
    inline,
    inline_call,
    open_document,
    position,
)
from infill_ls.models.store import bundled_model_path

OFF = "completions are switched off"


async def reason(editor: Editor) -> Any:
    """Ask for a completion and return why there is one or none."""
    await inline(editor, position(0, 4))
    return (await explain(editor))["reason"]


def push(editor: Editor, settings: Any) -> None:
    editor.notify("workspace/didChangeConfiguration", {"settings": settings})


async def test_initialization_options(start_scripted: StartScripted) -> None:
    editor = await start_scripted(options={"enabled": False})
    open_document(editor, "x = ")
    assert await reason(editor) == OFF


async def test_settings_that_are_pushed(start_scripted: StartScripted) -> None:
    editor = await start_scripted()
    open_document(editor, "x = ")
    assert await reason(editor) == "shown"
    push(editor, {"infill-ls": {"enabled": False}})
    assert await reason(editor) == OFF
    not_ours: list[object] = [None, {}, {"other": 1}, [], "text", {"infill-ls": None}]
    for settings in not_ours:
        push(editor, settings)
    assert await reason(editor) == OFF
    push(editor, {"infill-ls": {"disabledLanguages": ["python"]}})
    assert await reason(editor) == "switched off for python"


async def test_settings_that_are_pulled(start_warm: Start, script: str) -> None:
    editor = await start_warm("--scripted-engine", script)
    # The warning tells when they are in force.
    editor.answers["workspace/configuration"] = lambda _: [{"enabled": False, "first": 1}]
    able = capabilities(workspace={"configuration": True})
    await initialize(editor, client_capabilities=able)
    assert "'first'" in (await editor.expect("window/showMessage"))["message"]
    assert editor.asked[-1] == (
        "workspace/configuration",
        {"items": [{"section": "infill-ls"}]},
    )
    open_document(editor, "x = ")
    assert await reason(editor) == OFF
    editor.answers["workspace/configuration"] = lambda _: [
        {"disabledLanguages": ["python"], "second": 1}
    ]
    push(editor, None)
    assert "'second'" in (await editor.expect("window/showMessage"))["message"]
    assert await reason(editor) == "switched off for python"


async def test_an_editor_with_no_section_of_ours_keeps_the_options(
    start_warm: Start, script: str
) -> None:
    editor = await start_warm("--scripted-engine", script)
    answers: list[list[Any]] = [[None], [], [{}]]
    editor.answers["workspace/configuration"] = lambda _: answers.pop()
    able = capabilities(workspace={"configuration": True})
    await initialize(editor, client_capabilities=able, options={"enabled": False})
    open_document(editor, "x = ")
    for number in (1, 2, 3):
        await editor.until(lambda number=number: len(editor.asked) == number)  # type: ignore[misc]
        assert await reason(editor) == OFF
        if answers:
            push(editor, None)


async def test_changes_of_settings_are_registered_for(start_warm: Start) -> None:
    editor = await start_warm()
    editor.answers["client/registerCapability"] = lambda _: None
    able = capabilities(workspace={"didChangeConfiguration": {"dynamicRegistration": True}})
    await initialize(editor, client_capabilities=able)
    await editor.until(lambda: editor.asked)
    ((_, params),) = editor.asked
    (registration,) = params["registrations"]
    assert registration["method"] == "workspace/didChangeConfiguration"
    assert registration["registerOptions"] == {"section": "infill-ls"}


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"maxTokenz": 5}, ("'maxTokenz'", "no option")),
        ({"max_tokens": 5}, ("'max_tokens'", "no option")),
        ({"maxTokens": "many"}, ("maxTokens", "96")),
        ({"maxTokens": 0}, ("maxTokens", "96")),
        ({"completionItems": "sometimes"}, ("completionItems", "'auto'")),
        ({"disabledLanguages": [1, 2]}, ("disabledLanguages", "2 of its entries")),
    ],
)
async def test_a_wrong_option_is_named_once_and_its_default_used(
    start_warm: Start, script: str, options: Any, parts: tuple[str, ...]
) -> None:
    editor = await start_warm("--scripted-engine", script)
    await initialize(editor, options=options)
    warning = await editor.expect("window/showMessage")
    assert warning["type"] == WARNING
    assert all(part in warning["message"] for part in parts)
    open_document(editor, "x = ")
    assert await inline(editor, position(0, 4))


@pytest.mark.parametrize("options", ["text", [1], 5, True])
async def test_settings_that_cannot_be_understood_switch_all_off(
    start_warm: Start, script: str, options: Any
) -> None:
    editor = await start_warm("--scripted-engine", script)
    await initialize(editor, options=options)
    warning = await editor.expect("window/showMessage")
    assert warning["type"] == WARNING
    assert "expected an object" in warning["message"]
    open_document(editor, "x = ")
    assert await inline(editor, position(0, 4)) == []
    push(editor, {"infill-ls": {"maxLines": 5}})
    assert await inline(editor, position(0, 4)) == []  # what initialize set is still unknown


async def test_a_section_without_a_key_keeps_what_initialize_set(
    start_warm: Start, script: str
) -> None:
    editor = await start_warm("--scripted-engine", script)
    editor.answers["workspace/configuration"] = lambda _: [{"maxLines": 5, "first": 1}]
    able = capabilities(workspace={"configuration": True})
    first = {"sensitiveNames": ["b.*"], "disabledLanguages": ["python"]}
    await initialize(editor, client_capabilities=able, options=first)
    assert "'first'" in (await editor.expect("window/showMessage"))["message"]
    open_document(editor, "x = ")
    assert await inline(editor, position(0, 4)) == []
    settings = (await explain(editor))["settings"]
    assert (settings["sensitiveNames"], settings["disabledLanguages"]) == (
        ["b.*"],
        ["python"],
    )
    push(editor, {"infill-ls": {"disabledLanguages": []}})  # this one says something
    assert await inline(editor, position(0, 4))
    push(editor, {"infill-ls": {"maxLines": 4}})
    assert await inline(editor, position(0, 4)) == []


async def test_a_wrong_option_does_not_spoil_the_others(start_scripted: StartScripted) -> None:
    editor = await start_scripted(options={"nonsense": 1, "enabled": False})
    await editor.expect("window/showMessage")
    open_document(editor, "x = ")
    assert await reason(editor) == OFF
    push(editor, {"infill-ls": {"nonsense": 1, "enabled": True}})  # not told a second time
    assert await reason(editor) == "shown"


SURE = {"thinkAhead": False, "candidates": 1, "timeBudgetMs": 60_000}


async def test_the_model_can_be_switched(start_warm: Start, tmp_path: Path) -> None:
    editor = await start_warm()
    await initialize(editor, options=SURE)
    open_document(editor, "def add(a, b):\n    return ")
    await editor.until_loaded()
    first = editor.engine()
    (before,) = await inline(editor, position(1, 11))
    missing = tmp_path / "missing.gguf"
    push(editor, {"infill-ls": {**SURE, "model": str(missing)}})
    assert await inline(editor, position(1, 11)) == []
    message = await editor.expect("window/showMessage")
    assert message["type"] == ERROR
    assert str(missing) in message["message"]
    await until_gone(first)
    push(editor, {"infill-ls": {**SURE, "model": str(bundled_model_path())}})
    (after,) = await inline(editor, position(1, 11))
    assert after["insertText"] == before["insertText"]
    assert editor.engine().pid != first.pid


async def test_switching_the_model_disturbs_no_request(start_warm: Start) -> None:
    editor = await start_warm()
    await initialize(editor, options=SURE)
    open_document(editor, "def add(a, b):\n    return ")
    await editor.until_loaded()
    engine = editor.engine()
    engine.suspend()  # it is in the middle of the request when the setting comes
    call = inline_call(editor, position(1, 11))
    push(editor, {"infill-ls": {**SURE, "threads": 1}})
    assert (await call.result())["items"] != []
    engine.resume()


async def test_a_folder_does_not_say_which_model_is_loaded(
    start_scripted: StartScripted, tmp_path: Path
) -> None:
    folder, other = tmp_path / "project", tmp_path / "other"
    for one in (folder, other):
        one.mkdir()
        (one / "own.gguf").touch()
    options = {"model": str(folder / "own.gguf"), "instructModel": str(other / "own.gguf")}
    editor = await start_scripted(options=options, handshake={"folders": [folder]})
    shown = await editor.expect("window/showMessage")
    assert "model: the file is in the open folder project" in shown["message"]
    # The other one is let go when its folder is opened, and said once.
    event = {"added": [{"uri": other.as_uri(), "name": "other"}], "removed": []}
    editor.notify("workspace/didChangeWorkspaceFolders", {"event": event})
    shown = await editor.expect("window/showMessage")
    assert "instructModel: the file is in the open folder other" in shown["message"]
    open_document(editor, "def f():\n    return 1\n")
    where = {"start": position(0, 5), "end": position(0, 5)}
    asked = {"command": "infill-ls.ask.explain", "arguments": ["file:///nowhere/a.py", where]}
    answered = await editor.ask("workspace/executeCommand", asked)
    assert "needs an instruct model" in answered["message"]
    assert (await editor.expect("window/showMessage"))["type"] == WARNING


async def test_the_user_may_trust_model_files_everywhere(
    start_scripted: StartScripted, tmp_path: Path
) -> None:
    (tmp_path / "own.gguf").touch()
    editor = await start_scripted(
        "answer",
        options={"instructModel": str(tmp_path / "own.gguf")},
        handshake={"folders": [tmp_path]},
        server_arguments=["--trust-model-files"],
        instruct=["It returns one."],
    )
    open_document(editor, "def f():\n    return 1\n")
    where = {"start": position(0, 5), "end": position(0, 5)}
    asked = {"command": "infill-ls.ask.explain", "arguments": ["file:///nowhere/a.py", where]}
    answered = await editor.ask("workspace/executeCommand", asked)
    assert answered["words"] == "It returns one."
    assert "It returns one." in (await editor.expect("window/showMessage"))["message"]


async def test_several_mistakes_are_one_message(start_scripted: StartScripted) -> None:
    editor = await start_scripted("answer", options={"maxLines": 0, "maxTokens": "x", "no": 1})
    message = (await editor.expect("window/showMessage"))["message"]
    assert all(name in message for name in ("maxLines", "maxTokens", "'no'"))
    open_document(editor, "x = ")
    assert await inline(editor, position(0, 4))
    assert not editor.unread


async def test_a_client_that_shows_wrong_settings_itself_gets_all_of_them_at_once(
    start: Start, script: str
) -> None:
    editor = await start("--scripted-engine", script)
    able = capabilities(experimental={"wrongSettings": True})
    wrong = {"maxLines": 0, "maxTokens": "x", "no": 1}
    await initialize(editor, client_capabilities=able, options=wrong)
    told = await editor.expect("infill/wrongSettings")
    assert len(told["problems"]) == 3
    assert told["new"] == told["problems"]
    assert any(one.startswith("maxLines must be at least 1; using") for one in told["new"])
    push(editor, {"infill-ls": {**wrong, "maxLines": 5, "minProbability": 7}})
    told = await editor.expect("infill/wrongSettings")
    assert len(told["problems"]) == 3
    assert [one.split()[0] for one in told["new"]] == ["minProbability"]
    push(editor, {"infill-ls": {"maxLines": 5, "maxTokens": 9}})
    told = await editor.expect("infill/wrongSettings")
    assert told == {"problems": ["there is no option 'no'; ignored"], "new": []}
    open_document(editor, "x = ")
    assert await inline(editor, position(0, 4))
    assert not editor.unread
