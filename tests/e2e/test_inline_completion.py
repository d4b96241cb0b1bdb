"""Tests of ``textDocument/inlineCompletion``, which is ghost text."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from e2e.client import Editor, Json
from e2e.conftest import Start, StartScripted
from e2e.lsp import (
    AUTOMATIC,
    INVOKED,
    URI,
    apply,
    capabilities,
    change_document,
    explain,
    initialize,
    inline,
    inline_call,
    open_document,
    position,
    span,
    split_cursor,
)

pytestmark = pytest.mark.same_on_windows


async def test_the_bundled_model_uses_a_name_of_another_file(
    start_warm: Start, wallet: Path
) -> None:
    editor = await start_warm()
    await initialize(editor, folders=[wallet], options={"timeBudgetMs": 60_000})
    file = wallet / "orders.py"
    text, cursor = split_cursor("def cancel_order(wallet, amount):\n    wallet.‸\n")
    open_document(editor, text, file.as_uri())
    await editor.until_ready()
    (item, *_) = await inline(editor, cursor, file.as_uri())
    assert item["insertText"] == "    wallet.deposit_zlotys(amount)"
    assert apply(text, item["range"], item["insertText"]) == (
        "def cancel_order(wallet, amount):\n    wallet.deposit_zlotys(amount)\n"
    )
    snippets = (await explain(editor, file.as_uri()))["snippets"]
    assert {snippet["path"] for snippet in snippets} == {"refunds.py"}


MARKED = ["x = ‸", "    if a:\n        return ‸", "total(‸)", "‸", "one\n\n\ttwo ‸ three\nfour"]


async def test_the_text_before_the_cursor_begins_the_item(start_scripted: StartScripted) -> None:
    editor = await start_scripted("completed")
    for number, marked in enumerate(MARKED):
        uri = f"file:///nowhere/{number}.py"
        text, cursor = split_cursor(marked)
        open_document(editor, text, uri)
        (item,) = await inline(editor, cursor, uri)
        start, end = item["range"]["start"], item["range"]["end"]
        assert start["line"] == end["line"] == cursor["line"]
        assert end == cursor
        before_cursor = text.split("\n")[start["line"]][start["character"] : end["character"]]
        assert item["insertText"].startswith(before_cursor)
        assert apply(text, item["range"], item["insertText"]) == marked.replace("‸", "completed")


async def test_nothing_to_suggest_is_an_empty_list(start_scripted: StartScripted) -> None:
    editor = await start_scripted("   ")
    open_document(editor, "x = ")
    assert await inline_call(editor, position(0, 4)).result() == {"items": []}


async def test_the_newest_request_of_a_document_wins(start_scripted: StartScripted) -> None:
    editor = await start_scripted("first", "second", delay_ms=300)
    open_document(editor, "x = \n")
    older = inline_call(editor, position(0, 4), trigger=AUTOMATIC)
    newer = inline_call(editor, position(1, 0), trigger=AUTOMATIC)
    assert await older.result() is None
    assert not newer.answer.done()
    assert (await newer.result())["items"]


async def test_documents_do_not_disturb_each_other(start_scripted: StartScripted) -> None:
    editor = await start_scripted("same", delay_ms=300)
    other = "file:///nowhere/b.py"
    open_document(editor, "x = ")
    open_document(editor, "yy = ", other)
    first = inline_call(editor, position(0, 4))
    second = inline_call(editor, position(0, 5), other)
    assert (await first.result())["items"][0]["insertText"] == "x = same"
    assert (await second.result())["items"][0]["insertText"] == "yy = same"


async def test_a_cancelled_request_is_answered(start_scripted: StartScripted) -> None:
    editor = await start_scripted("never shown", delay_ms=600_000)
    open_document(editor, "x = ")
    call = inline_call(editor, position(0, 4))
    editor.cancel(call)
    assert await call.error_code() == -32800
    editor.cancel(call)  # a second time, for a request that is over
    assert await editor.call("infill/explain", {"textDocument": {"uri": URI}}).result() is None


async def test_a_cancelled_request_does_not_hold_up_the_next(start_warm: Start) -> None:
    editor = await start_warm()
    await initialize(editor, options={"thinkAhead": False})
    text = "".join(f"def f{n}(a, b):\n    return a * {n} + b\n\n" for n in range(200))
    open_document(editor, text)
    await editor.until_ready()
    calls = [inline_call(editor, position(2 * n, 0)) for n in range(20, 25)]
    for call in calls:
        editor.cancel(call)
    codes = [await call.error_code() for call in calls[-1:]]
    assert codes == [-32800]
    last = await inline_call(editor, position(len(text.split("\n")) - 1, 0)).result()
    assert last is not None


async def test_the_item_selected_in_the_menu_is_extended(start_scripted: StartScripted) -> None:
    editor = await start_scripted("(1)")
    open_document(editor, "x = pri\n")
    selected = {"range": span(position(0, 4), position(0, 7)), "text": "price"}
    (item,) = await inline(editor, position(0, 7), trigger=AUTOMATIC, selected=selected)
    assert item["range"] == selected["range"]
    assert item["insertText"] == "price(1)"
    assert (await explain(editor))["typed"] == "x = price"


async def test_an_invoked_request_may_offer_several(start_scripted: StartScripted) -> None:
    editor = await start_scripted("one", "two", options={"candidates": 2})
    open_document(editor, "x = ")
    items = await inline(editor, position(0, 4), trigger=INVOKED)
    assert items[0]["insertText"] == "x = one"
    assert all("range" in item for item in items)


async def test_inside_a_word_nothing_is_offered_unasked(start_scripted: StartScripted) -> None:
    editor = await start_scripted("answer")
    open_document(editor, "price")
    assert await inline(editor, position(0, 2), trigger=AUTOMATIC) == []
    assert await inline(editor, position(0, 2), trigger=INVOKED) != []


async def test_typing_along_keeps_the_suggestion(start_scripted: StartScripted) -> None:
    editor = await start_scripted("net_price(1)", "something else")
    open_document(editor, "x = ")
    await inline(editor, position(0, 4), trigger=AUTOMATIC)
    change_document(editor, [{"range": span(position(0, 4), position(0, 4)), "text": "net_"}])
    (item,) = await inline(editor, position(0, 8), trigger=AUTOMATIC)
    assert item["insertText"] == "x = net_price(1)"


CAN_REPLACE = {"inlineCompletionReplaces": True}


async def test_the_range_ends_behind_the_cursor_where_the_client_can_replace(
    start_scripted: StartScripted,
) -> None:
    text, cursor = split_cursor("while len(‸)")
    behind = position(0, cursor["character"] + 1)
    line, at_cursor = position(0, 0), cursor
    whole = "while len(lines) > 0:"
    for name, experimental, start, end, inserted in [
        ("tests", {}, line, cursor, "while len(lines"),
        ("tests", CAN_REPLACE, line, behind, whole),
        ("Visual Studio Code", {}, line, behind, whole),
        ("Neovim", {}, at_cursor, cursor, "lines"),  # without our plug-in
        ("Neovim", CAN_REPLACE, at_cursor, behind, "lines) > 0:"),
    ]:
        editor = await start_scripted(
            "lines) > 0:",
            handshake={
                "client_name": name,
                "client_capabilities": capabilities(experimental=experimental),
            },
        )
        open_document(editor, text)
        (item,) = await inline(editor, cursor)
        assert item["range"] == span(start, end), (name, experimental)
        assert item["insertText"] == inserted, (name, experimental)


REPLACES = {"client_capabilities": capabilities(experimental={"inlineCompletionReplaces": True})}


@pytest.mark.parametrize("handshake", [REPLACES, {"client_name": "Visual Studio Code"}])
async def test_the_brackets_that_the_editor_has_closed_are_replaced(
    start_scripted: StartScripted, handshake: Json
) -> None:
    editor = await start_scripted("a, b) -> int:", handshake=handshake)
    text, cursor = split_cursor("def f(‸)\n")
    open_document(editor, text)
    (item,) = await inline(editor, cursor)
    assert item["range"]["end"]["character"] == cursor["character"] + 1
    assert apply(text, item["range"], item["insertText"]) == "def f(a, b) -> int:\n"


async def test_where_nothing_can_be_replaced_the_text_ends_before_them(
    start_scripted: StartScripted,
) -> None:
    editor = await start_scripted("a, b) -> int:")
    text, cursor = split_cursor("def f(‸)\n")
    open_document(editor, text)
    (item,) = await inline(editor, cursor)
    assert apply(text, item["range"], item["insertText"]) == "def f(a, b)\n"


async def test_brackets_that_the_editor_closes_meanwhile_are_typed_through(
    start_scripted: StartScripted,
) -> None:
    editor = await start_scripted("f(a) + 1", "something else", handshake=REPLACES)
    open_document(editor, "x = ")
    await inline(editor, position(0, 4), trigger=AUTOMATIC)
    change_document(editor, [{"range": span(position(0, 4), position(0, 4)), "text": "f()"}])
    (item,) = await inline(editor, position(0, 6), trigger=AUTOMATIC)
    assert apply("x = f()", item["range"], item["insertText"]) == "x = f(a) + 1"


async def _in_a_rhythm(editor: Editor) -> str:
    """Type some keys without a pause, and return the text; the next key is then expected as soon."""
    text = ""
    open_document(editor, text)
    for key in "all = ":
        await asyncio.sleep(0.5)  # longer than it takes to begin, shorter than a pause
        text += key
        change_document(editor, [{"text": text}])
    return text


WORDS = "one, two, three, four"


@pytest.mark.parametrize("wants", [True, False])
async def test_who_stops_typing_is_told_when_a_beginning_has_grown(
    start_scripted: StartScripted, *, wants: bool
) -> None:
    client = capabilities(experimental={"suggestionGrows": wants})
    handshake = {"client_capabilities": client}
    editor = await start_scripted(WORDS, delay_ms=3000, tells_words=True, handshake=handshake)
    text = await _in_a_rhythm(editor)
    at = position(0, len(text))
    (beginning,) = await inline(editor, at, trigger=AUTOMATIC)
    assert beginning["insertText"] != text + WORDS
    assert (text + WORDS).startswith(beginning["insertText"])
    if wants:
        assert await editor.expect("infill/suggestionGrew") == {"textDocument": {"uri": URI}}
        (whole,) = await inline(editor, at, trigger=AUTOMATIC)
        assert whole["insertText"] == text + WORDS
    else:
        await asyncio.sleep(4)
        assert not [note for note in editor.unread if note["method"] == "infill/suggestionGrew"]
