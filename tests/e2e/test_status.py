"""Tests of ``didChangeStatus``: the reported state is true."""

from __future__ import annotations

from e2e.client import Editor, Json
from e2e.conftest import Start, StartScripted
from e2e.lsp import (
    URI,
    capabilities,
    initialize,
    inline,
    open_document,
    position,
)

MISSING = "/nowhere/model.gguf"


def configure(editor: Editor, **settings: object) -> None:
    editor.notify("workspace/didChangeConfiguration", {"settings": {"infill-ls": settings}})


def states(editor: Editor) -> list[str]:
    return [status["state"] for status in editor.statuses]


def messages(editor: Editor) -> list[Json]:
    return [note for note in editor.unread if note["method"] == "window/showMessage"]


async def test_a_model_that_cannot_be_used_is_told_of_before_anything_is_asked(
    start_warm: Start,
) -> None:
    editor = await start_warm("--log-level", "CRITICAL")
    await initialize(editor, options={"model": MISSING})
    open_document(editor, "x = ")
    await editor.until(lambda: "problem" in states(editor))
    assert MISSING in editor.statuses[-1]["message"]
    assert editor.statuses[-1]["kind"] == "Error"
    await editor.expect("window/showMessage")
    # Other settings are no remedy.
    configure(editor, maxLines=3)
    await inline(editor, position(0, 4))
    assert editor.statuses[-1]["state"] == "problem"
    assert not messages(editor)


async def test_a_model_chosen_while_a_file_is_open_is_tried_at_once(start_warm: Start) -> None:
    editor = await start_warm("--log-level", "CRITICAL")
    await initialize(editor)
    open_document(editor, "x = ")
    await editor.until_loaded()
    assert editor.statuses[-1]["state"] == "ready"
    configure(editor, model=MISSING)
    await editor.until(lambda: states(editor)[-1:] == ["problem"])
    await editor.expect("window/showMessage")
    configure(editor, model="")
    await editor.until(lambda: states(editor)[-1:] == ["ready"])
    assert not messages(editor)


async def test_a_client_that_shows_problems_itself_gets_no_message(start_warm: Start) -> None:
    editor = await start_warm("--log-level", "CRITICAL")
    able = capabilities(experimental={"statusProblems": True})
    await initialize(editor, client_capabilities=able, options={"model": MISSING})
    open_document(editor, "x = ")
    await editor.until(lambda: states(editor)[-1:] == ["problem"])
    await inline(editor, position(0, 4))
    assert not messages(editor)


async def test_only_an_answer_that_takes_long_is_called_thinking(
    start_scripted: StartScripted,
) -> None:
    editor = await start_scripted("one", delay_ms=600)
    open_document(editor, "x = ")
    await editor.until_ready()
    assert await inline(editor, position(0, 4))
    await editor.until(lambda: states(editor)[-2:] == ["thinking", "ready"])
    assert editor.statuses[-1]["message"] == "Ready"


async def test_the_status_is_that_of_the_file_which_the_editor_shows(
    start_scripted: StartScripted,
) -> None:
    editor = await start_scripted("one")
    secrets = URI.rsplit("/", 1)[0] + "/.env"

    def shows(uri: str) -> None:
        editor.notify("textDocument/didFocus", {"textDocument": {"uri": uri}})

    shows(secrets)  # which an editor may say before it has opened it here
    open_document(editor, "x = ")
    open_document(editor, "PORT=1\n", uri=secrets, language="dotenv")
    await editor.until(lambda: states(editor)[-1:] == ["off"])
    assert "its name indicates secrets" in editor.statuses[-1]["message"]
    shows(URI)
    await editor.until(lambda: states(editor)[-1:] == ["ready"])
    shows(secrets)
    await editor.until(lambda: states(editor)[-1:] == ["off"])
    editor.notify("textDocument/didFocus", {})
    await editor.until(lambda: states(editor)[-1:] == ["ready"])
    # Of an editor that does not tell, the server learns it by what is asked for and where the cursor rests.
    assert await inline(editor, position(0, 5), secrets) == []
    await editor.until(lambda: states(editor)[-1:] == ["off"])
    assert await inline(editor, position(0, 4))
    await editor.until(lambda: states(editor)[-1:] == ["ready"])
    rest = {"textDocument": {"uri": secrets}, "position": position(0, 5)}
    editor.notify("infill/cursorRests", rest)
    await editor.until(lambda: states(editor)[-1:] == ["off"])
