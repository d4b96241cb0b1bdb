"""Tests of invalid documents and positions: always an answer, never a crash or a leaked secret."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from e2e.client import SERVER
from e2e.conftest import Start, StartScripted
from e2e.lsp import (
    AUTOMATIC,
    change_document,
    explain,
    initialize,
    inline,
    inline_call,
    open_document,
    position,
    span,
)

HUGE = 2**31 - 1


async def test_a_position_outside_means_the_nearest_inside(start_scripted: StartScripted) -> None:
    editor = await start_scripted("answer")
    open_document(editor, "x = ")
    for line, character in ((0, HUGE), (HUGE, 0), (HUGE, HUGE), (1, 0), (0, 5)):
        (item,) = await inline(editor, position(line, character))
        assert item["range"] == span(position(0, 0), position(0, 4))
        assert item["insertText"] == "x = answer"


async def test_a_negative_position_is_invalid(start_scripted: StartScripted) -> None:
    editor = await start_scripted("answer")
    open_document(editor, "x = ")
    assert await inline_call(editor, position(-1, 0)).error_code() == -32602
    assert await inline_call(editor, position(0, -1)).error_code() == -32602
    assert await inline(editor, position(0, 4))


URIS = [
    "untitled:Untitled-1",
    "vscode-notebook-cell:/a.ipynb#X",
    "git:/a.py?x",
    "not a uri",
    "",
    "file://",
    "file:///",
    "file:///%ZZ%00.py",
    "file://host/share/a.py",
]


async def test_any_uri_is_a_document(start_scripted: StartScripted) -> None:
    editor = await start_scripted("answer")
    for uri in URIS:
        assert await inline_call(editor, position(0, 0), uri).result() == {"items": []}
        open_document(editor, "x = ", uri)
        (item,) = await inline(editor, position(0, 4), uri)
        assert item["insertText"] == "x = answer"
        change_document(editor, [{"text": "yy = "}], uri)
        assert (await inline(editor, position(0, 5), uri))[0]["insertText"] == "yy = answer"
        assert (await explain(editor, uri))["suggestion"] == "answer"


async def test_explaining_needs_a_document(start_scripted: StartScripted) -> None:
    editor = await start_scripted()
    wrong: list[object] = [None, {}, [], {"textDocument": {}}, {"textDocument": {"uri": 1}}]
    for params in wrong:
        assert await editor.call("infill/explain", params).error_code() == -32602


async def test_a_document_of_10_megabytes(start_scripted: StartScripted) -> None:
    editor = await start_scripted("answer")
    line = "value = compute(first, second)  # twice\n"
    lines = 10_000_000 // len(line)
    open_document(editor, line * lines + "x = ")
    for trigger in (AUTOMATIC, 1):
        (item,) = await inline(editor, position(lines, 4), trigger=trigger)
        assert item["insertText"] == "x = answer"
    change_document(
        editor, [{"range": span(position(lines // 2, 0), position(lines, 0)), "text": ""}]
    )
    (item,) = await inline(editor, position(lines // 2, 4))
    assert item["insertText"] == "x = answer"


async def test_a_line_of_500_000_characters(start_scripted: StartScripted) -> None:
    editor = await start_scripted("answer")
    for number, filling in enumerate(["a", "😀", "(", "\x00"]):
        uri = f"file:///nowhere/{number}.py"
        length = 500_000 // len(filling)
        open_document(editor, filling * length, uri)
        for at in (len(filling) * (length // 2), len(filling) * length):
            (item,) = await inline(editor, position(0, at), uri)
            assert item["insertText"].endswith("answer")
            assert item["range"]["end"] == position(0, at)


async def test_such_lines_with_the_bundled_model(start_warm: Start) -> None:
    editor = await start_warm()
    await initialize(
        editor, options={"maxTokens": 4, "candidates": 1, "prefixTokens": 64, "suffixTokens": 32}
    )
    for number, filling in enumerate(["a", "é漢😀", "x = [1, ", "\x00", "\n"]):
        uri = f"file:///nowhere/{number}.py"
        open_document(editor, filling * (500_000 // len(filling)), uri)
        result = await inline_call(editor, position(0, 250_000), uri).result()
        assert isinstance(result["items"], list)
        prompt = (await explain(editor, uri))["prompt"]
        assert prompt is None or prompt["tokens"] < 150


ODD = ["\x00\x01\x02 = ", "lone \ud83d = ", "\udc00", "\ufeffx = ", "\U0010ffff\ufffe"]


@pytest.mark.parametrize("engine", ["scripted", "bundled"])
async def test_odd_characters(start_warm: Start, script: str, engine: str) -> None:
    editor = await start_warm(*(("--scripted-engine", script) if engine == "scripted" else ()))
    await initialize(editor, options={"candidates": 1, "maxTokens": 4, "timeBudgetMs": 60_000})
    for number, text in enumerate(ODD):
        uri = f"file:///nowhere/{number}.py"
        open_document(editor, text, uri)
        end = position(0, len(text))
        for item in await inline(editor, end, uri):
            assert item["range"]["end"] == end
            assert engine == "bundled" or item["insertText"].endswith("answer")
        assert (await explain(editor, uri))["offset"] == len(text)
        at = span(position(0, 0), position(0, 1))
        change_document(editor, [{"range": at, "text": "\ud83d"}], uri)
        assert (await inline_call(editor, end, uri).result())["items"] is not None


CANARY = "canary_4711_never_in_a_log"


async def test_no_source_text_is_logged(start_warm: Start, tmp_path: Path) -> None:
    runtime = Path(os.environ["INFILL_LS_RUNTIME_DIR"])
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "other.py").write_text(f"def {CANARY}():\n    pass\n")
    log = tmp_path / "server.log"
    editor = await start_warm("--log-level", "INFO", "--log-file", str(log))
    await initialize(editor, folders=[folder], options={"threads": 1})
    open_document(editor, f"{CANARY} = {CANARY}.", (folder / "a.py").as_uri())
    open_document(editor, f"{CANARY}\ud83d", "untitled:u")
    uri = (folder / "a.py").as_uri()
    await inline(editor, position(0, 3 + 2 * len(CANARY)), uri)
    await inline(editor, position(0, len(CANARY)), "untitled:u")
    change_document(editor, [{"text": f"{CANARY} = "}], uri)
    # What goes wrong is logged, and must not bring the text along.
    for method in ("textDocument/didOpen", "textDocument/didChange", "textDocument/unheardOf"):
        editor.notify(method, {"textDocument": {"text": CANARY, "uri": CANARY}, "x": CANARY})
        assert await editor.call(method, {"text": CANARY}).error_code()
    for method in ("textDocument/inlineCompletion", "infill/explain", "workspace/executeCommand"):
        await editor.call(method, {"command": CANARY, "textDocument": CANARY}).error_code()
    editor.send_bytes(b"Content-Length: 30\r\n\r\n" + b"{" + CANARY.encode() + b"   ")
    editor.engine().kill()
    await inline_call(editor, position(0, 1), uri).result()
    await editor.shut_down()
    editor.unread.clear()  # that the engine died
    assert [complaint["code"] for complaint in editor.complaints] == [-32700]
    editor.complaints.clear()
    assert CANARY not in editor.stderr
    assert log.stat().st_size > 0
    for file in (log, *runtime.glob("*.log")):
        assert CANARY not in file.read_text("utf-8", "replace"), file


async def test_stdout_carries_lsp_alone(start: Start, script: str) -> None:
    noisy = Path(__file__).with_name("noisy_server.py")
    editor = await start("--scripted-engine", script, command=(SERVER[0], str(noisy)))
    await initialize(editor)
    open_document(editor, "x = ")
    await inline(editor, position(0, 4))
    assert await explain(editor) == {"said": "enough"}
    assert await inline(editor, position(0, 4))
    await editor.shut_down()
    for noise in ("printed", "written", "echoed"):
        assert noise in editor.stderr


async def test_stdin_belongs_to_lsp(start: Start, script: str) -> None:
    editor = await start("--scripted-engine", script, command=(sys.executable, "-m", "infill_ls"))
    await initialize(editor)
    open_document(editor, "x = ")
    assert await inline(editor, position(0, 4))
