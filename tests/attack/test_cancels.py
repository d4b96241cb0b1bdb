"""Test of 500 cancelled requests: each gets exactly one answer, and later requests work as before."""

from __future__ import annotations

import asyncio

import pytest

from e2e.client import ErrorAnswer
from e2e.conftest import Start, StartScripted
from e2e.lsp import (
    AUTOMATIC,
    change_document,
    initialize,
    inline,
    inline_call,
    open_document,
    position,
)

CANCELLED = -32800


@pytest.mark.timeout(600)
@pytest.mark.parametrize("engine", ["scripted", "bundled"])
async def test_five_hundred_cancels(
    start_warm: Start, start_scripted: StartScripted, engine: str
) -> None:
    if engine == "scripted":
        editor = await start_scripted(delay_ms=50)
    else:
        editor = await start_warm()
        await initialize(editor, options={"threads": 1, "maxTokens": 8, "timeBudgetMs": 60_000})
    open_document(editor, "x = ")
    await editor.until_ready()
    outcomes: dict[str, int] = {}
    for number in range(500):
        change_document(editor, [{"text": f"x{number:03} = "}])
        call = inline_call(editor, position(0, 7), trigger=AUTOMATIC)
        if number % 3:
            await asyncio.sleep(0.002 * (number % 4))
        editor.cancel(call)
        try:
            result = await call.result()
            outcome = "superseded" if result is None else "answered"
        except ErrorAnswer as error:
            outcome = "cancelled" if error.code == CANCELLED else str(error)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    assert set(outcomes) <= {"cancelled", "answered", "superseded"}
    assert outcomes["cancelled"] > 400
    change_document(editor, [{"text": "x = "}])
    assert (await inline(editor, position(0, 4))) is not None
