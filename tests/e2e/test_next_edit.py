"""Tests of next edits: ``textDocument/copilotInlineEdit`` and the code action."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from e2e.client import Editor, Json
from e2e.conftest import StartScripted
from e2e.lsp import URI, apply, capabilities, open_document, position, span

pytestmark = pytest.mark.same_on_windows

BEFORE = """\
def total(prices):
    return sum(prices)


def report(prices):
    print(compute_total(prices))
    return compute_total(prices)


def compute_total(prices):
    return sum(prices)
"""
NAME = span(position(9, 4), position(9, 17))
WORKSPACE: Json = {
    "workspaceEdit": {"documentChanges": True, "changeAnnotationSupport": {"groupsOnLabel": True}},
    "applyEdit": True,
}


def change(editor: Editor, version: int, edit: Json, text: str, uri: str = URI) -> None:
    editor.notify(
        "textDocument/didChange",
        {
            "textDocument": {"uri": uri, "version": version},
            "contentChanges": [{"range": edit, "text": text}],
        },
    )


def type_over(editor: Editor, edit: Json, text: str, first_version: int = 2) -> int:
    """Select ``edit`` and type ``text`` key by key; return the last version."""
    at = edit["start"]
    change(editor, first_version, edit, text[:1])
    for number, key in enumerate(text[1:], start=1):
        place = position(at["line"], at["character"] + number)
        change(editor, first_version + number, span(place, place), key)
    return first_version + len(text) - 1


async def edits(editor: Editor, version: int, at: Json | None = None, uri: str = URI) -> list[Json]:
    answer = await editor.ask(
        "textDocument/copilotInlineEdit",
        {
            "textDocument": {"uri": uri, "version": version},
            "position": at or position(0, 0),
            "context": {"triggerKind": 2},
        },
    )
    assert set(answer) == {"edits"}
    found = answer["edits"]
    assert isinstance(found, list)
    return found


async def actions(editor: Editor, uri: str = URI, **context: Any) -> list[Json]:
    found = await editor.ask(
        "textDocument/codeAction",
        {
            "textDocument": {"uri": uri},
            "range": span(position(0, 0), position(0, 0)),
            "context": {"diagnostics": [], **context},
        },
    )
    assert isinstance(found, list)
    return found


async def test_a_renamed_function_is_followed_edit_by_edit(start_scripted: StartScripted) -> None:
    editor = await start_scripted()
    text = BEFORE
    open_document(editor, text)
    version = type_over(editor, NAME, "compute_sum")
    text = apply(text, NAME, "compute_sum")
    chain = 0
    while found := await edits(editor, version):
        (edit,) = found
        assert edit["textDocument"] == {"uri": URI, "version": version}
        assert edit["text"] == "compute_sum"
        command = edit["command"]
        assert command["command"] == "infill-ls.nextEditAccepted"
        version += 1
        change(editor, version, edit["range"], edit["text"])
        text = apply(text, edit["range"], edit["text"])
        await editor.ask("workspace/executeCommand", {**command, "title": None})
        chain += 1
    assert chain == 2
    assert "compute_total" not in text
    assert text == BEFORE.replace("compute_total", "compute_sum")


async def test_a_version_that_is_not_the_documents_gets_nothing(
    start_scripted: StartScripted,
) -> None:
    editor = await start_scripted()
    open_document(editor, BEFORE)
    version = type_over(editor, NAME, "compute_sum")
    assert await edits(editor, version - 1) == []
    assert await edits(editor, version + 1) == []
    assert await edits(editor, version)


async def test_nothing_is_proposed_before_an_edit_nor_for_a_stranger(
    start_scripted: StartScripted,
) -> None:
    editor = await start_scripted()
    open_document(editor, BEFORE)
    assert await edits(editor, 1) == []
    assert await edits(editor, 1, uri="file:///nowhere/else.py") == []
    code = await editor.call("textDocument/copilotInlineEdit", {"textDocument": {}}).error_code()
    assert code == -32602


async def test_what_is_dismissed_is_not_offered_again(start_scripted: StartScripted) -> None:
    editor = await start_scripted()
    open_document(editor, BEFORE)
    version = type_over(editor, NAME, "compute_sum")
    (edit,) = await edits(editor, version)
    editor.notify("textDocument/didShowInlineEdit", {"item": {"command": edit["command"]}})
    await editor.ask(
        "workspace/executeCommand",
        {"command": "infill-ls.nextEditRefused", "arguments": edit["command"]["arguments"]},
    )
    assert await edits(editor, version) == []
    assert await actions(editor) == []


async def test_what_is_undone_by_hand_is_not_proposed_back(start_scripted: StartScripted) -> None:
    editor = await start_scripted()
    open_document(editor, BEFORE)
    version = type_over(editor, NAME, "compute_sum")
    (edit,) = await edits(editor, version)
    change(editor, version + 1, edit["range"], edit["text"])
    start = edit["range"]["start"]
    undone = span(start, position(start["line"], start["character"] + len("compute_sum")))
    change(editor, version + 2, undone, "compute_total")
    assert await edits(editor, version + 2) == []


async def test_the_code_action_changes_all_places_at_once(start_scripted: StartScripted) -> None:
    editor = await start_scripted(
        handshake={"client_capabilities": capabilities(workspace=WORKSPACE)}
    )
    other = "file:///nowhere/b.py"
    open_document(editor, BEFORE)
    open_document(editor, "from a import compute_total\nprint(compute_total([1]))\n", other)
    version = type_over(editor, NAME, "compute_sum")
    (action,) = await actions(editor)
    assert action["kind"] == "refactor.rewrite"
    changes = action["edit"]["documentChanges"]
    count = sum(len(one["edits"]) for one in changes)
    assert action["title"] == f"Apply this change to {count} more places"
    assert changes[0]["textDocument"] == {"uri": URI, "version": version}
    text = apply(BEFORE, NAME, "compute_sum")
    mine = sorted(changes[0]["edits"], key=lambda edit: -edit["range"]["start"]["line"])
    for edit in mine:
        text = apply(text, edit["range"], edit["newText"])
        assert edit["annotationId"] in action["edit"]["changeAnnotations"]
    assert text == BEFORE.replace("compute_total", "compute_sum")
    assert await actions(editor, only=["source.organizeImports"]) == []
    assert await actions(editor, only=["refactor"])


async def test_who_asks_gets_what_is_unsure_too_to_look_over(start_scripted: StartScripted) -> None:
    editor = await start_scripted(
        handshake={"client_capabilities": capabilities(workspace=WORKSPACE)}
    )
    open_document(editor, BEFORE + "# compute_total is slow\n")
    change(editor, 2, NAME, "compute_sum")
    (action,) = await actions(editor, triggerKind=2)
    assert "unsure" not in action["title"]
    _, action = await actions(editor, triggerKind=1)
    assert "(1 unsure)" in action["title"]
    (annotation,) = action["edit"]["changeAnnotations"].values()
    assert annotation["needsConfirmation"] is True
    (changed,) = action["edit"]["documentChanges"]
    ranges = [edit["range"] for edit in changed["edits"]]
    assert len(ranges) == 3
    assert span(position(11, 2), position(11, 15)) in ranges


async def test_without_versions_the_server_applies_and_checks(
    start_scripted: StartScripted,
) -> None:
    plain = capabilities(workspace={"applyEdit": True})
    editor = await start_scripted(handshake={"client_capabilities": plain})
    editor.answers["workspace/applyEdit"] = lambda params: {"applied": True}
    open_document(editor, BEFORE)
    version = type_over(editor, NAME, "compute_sum")
    (action,) = await actions(editor)
    assert "edit" not in action
    stale = {**action["command"], "arguments": [URI, version - 1]}
    await editor.ask("workspace/executeCommand", {**stale, "title": None})
    assert not [one for one in editor.asked if one[0] == "workspace/applyEdit"]
    await editor.ask("workspace/executeCommand", {**action["command"], "title": None})
    await editor.until(lambda: [o for o in editor.asked if o[0] == "workspace/applyEdit"])
    (asked,) = [params for method, params in editor.asked if method == "workspace/applyEdit"]
    assert len(asked["edit"]["changes"][URI]) == 2


async def test_no_code_action_where_the_editor_can_do_neither(
    start_scripted: StartScripted,
) -> None:
    editor = await start_scripted()
    open_document(editor, BEFORE)
    type_over(editor, NAME, "compute_sum")
    assert await actions(editor) == []


async def test_it_is_switched_off_by_a_setting_and_by_language(
    start_scripted: StartScripted,
) -> None:
    for options in ({"nextEdit": False}, {"disabledLanguages": ["python"]}, {"enabled": False}):
        editor = await start_scripted(options=options)
        open_document(editor, BEFORE)
        version = type_over(editor, NAME, "compute_sum")
        assert await edits(editor, version) == []


async def test_nothing_is_proposed_in_files_with_secrets(start_scripted: StartScripted) -> None:
    editor = await start_scripted()
    uri = "file:///nowhere/.env"
    open_document(editor, "alpha_token=1\nbeta=alpha_token\ngamma=alpha_token\n", uri, "plaintext")
    change(editor, 2, span(position(0, 0), position(0, 5)), "delta", uri)
    assert await edits(editor, 2, uri=uri) == []


BESIDE = "file:///nowhere/b.py"
USES = "from a import compute_total\n\nprint(compute_total([1]))\n"


async def test_in_a_document_beside_a_rename_is_followed_too(start_scripted: StartScripted) -> None:
    editor = await start_scripted()
    open_document(editor, USES, BESIDE)
    open_document(editor, BEFORE)
    assert await edits(editor, 1, uri=BESIDE) == []
    type_over(editor, NAME, "compute_sum")
    text, version = USES, 1
    while found := await edits(editor, version, uri=BESIDE):
        (edit,) = found
        assert edit["textDocument"] == {"uri": BESIDE, "version": version}
        version += 1
        change(editor, version, edit["range"], edit["text"], BESIDE)
        text = apply(text, edit["range"], edit["text"])
    assert "print(compute_sum([1]))" in text


async def test_what_was_done_in_a_file_with_secrets_is_not_repeated_beside_it(
    start_scripted: StartScripted,
) -> None:
    editor = await start_scripted()
    open_document(editor, USES, BESIDE)
    open_document(editor, BEFORE)
    secret = "API_KEY = 'ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8'"
    change(editor, 2, NAME, f"compute_sum(x):\n    {secret}\n\ndef other")
    assert await edits(editor, 1, uri=BESIDE) == []


async def test_explain_tells_why(start_scripted: StartScripted) -> None:
    editor = await start_scripted()
    open_document(editor, BEFORE)
    version = type_over(editor, NAME, "compute_sum")
    assert await edits(editor, version)
    report = await editor.ask("infill/explain", {"textDocument": {"uri": URI}})
    told = report["nextEdit"]
    assert told["offers"][0]["why"] in report["markdown"]
    assert len(told["offers"]) == 2
    assert told["offers"][0]["rule"] == "name"
    assert "`compute_total` became `compute_sum`" in told["offers"][0]["why"]
    assert told["offers"][0]["weighed"]


async def test_positions_are_in_the_clients_units(start_scripted: StartScripted) -> None:
    utf16 = capabilities(encodings=["utf-16"])
    editor = await start_scripted(handshake={"client_capabilities": utf16})
    text = BEFORE.replace("print(", 'print("🙂🙂", ').replace("\n", "\r\n")
    open_document(editor, text)
    change(editor, 2, NAME, "compute_sum")
    (edit,) = await edits(editor, 2)
    assert edit["range"] == span(position(5, 18), position(5, 31))


async def closed_action(editor: Editor, uri: str) -> Json | None:
    asked = await actions(editor, uri, triggerKind=1)
    found = [one for one in asked if "not open" in one["title"]]
    return found[0] if found else None


@pytest.mark.parametrize("has_versions", [True, False])
async def test_a_rename_is_followed_in_files_that_are_not_open(
    start_scripted: StartScripted, tmp_path: Path, has_versions: bool
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.py").write_text(BEFORE)
    (root / "b.py").write_text(USES)
    (root / ".env").write_text(USES)
    workspace = WORKSPACE if has_versions else {"applyEdit": True}
    editor = await start_scripted(
        handshake={
            "folders": [root],
            "client_capabilities": capabilities(workspace=workspace),
        }
    )
    editor.answers["workspace/applyEdit"] = lambda params: {"applied": True}
    await editor.until_ready()
    uri = (root / "a.py").as_uri()
    open_document(editor, BEFORE, uri)
    assert await closed_action(editor, uri) is None
    change(editor, 2, NAME, "compute_sum", uri)
    assert not [one for one in await actions(editor, uri) if "not open" in one["title"]]
    action = await closed_action(editor, uri)
    assert action is not None
    assert "in a file that is not open" in action["title"]
    assert "edit" not in action
    # What is written is what the file holds when the edit is asked for.
    (root / "b.py").write_text("\n" + USES)
    await editor.ask("workspace/executeCommand", {**action["command"], "title": None})
    await editor.until(lambda: [o for o in editor.asked if o[0] == "workspace/applyEdit"])
    (asked,) = [params for method, params in editor.asked if method == "workspace/applyEdit"]
    beside = (root / "b.py").as_uri()
    if has_versions:
        (changed,) = asked["edit"]["documentChanges"]
        assert changed["textDocument"] == {"uri": beside, "version": None}
        (annotation,) = asked["edit"]["changeAnnotations"].values()
        assert annotation["needsConfirmation"] is True
        made = changed["edits"]
    else:
        (made,) = asked["edit"]["changes"].values()
    text = "\n" + USES
    for edit in sorted(made, key=lambda edit: -edit["range"]["start"]["line"]):
        text = apply(text, edit["range"], edit["newText"])
    assert "print(compute_sum([1]))" in text
    # A command of an earlier version changes nothing.
    change(editor, 3, span(position(0, 0), position(0, 0)), "# x\n", uri)
    await editor.ask("workspace/executeCommand", {**action["command"], "title": None})
    assert len([one for one in editor.asked if one[0] == "workspace/applyEdit"]) == 1
