"""Soak test: types the same text many times and measures the memory of server and engine after each pass."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from e2e.client import Call, Editor, ErrorAnswer
from e2e.lsp import AUTOMATIC, change_document, inline_call, open_document, position, span

ANSWER_EVERY = 12
"""So many keys come one after the other before the typist waits for a suggestion."""
TYPED = '''\
def refund_orders(wallet, orders):
    """Refund each order that is not refunded yet."""
    refunded = []
    for order in orders:
        if order.is_refunded:
            continue
        wallet.deposit_zlotys(order.amount)
        wallet.record_history(order.amount)
        refunded.append(order)
    return refunded
'''
MB = 1_000_000
OPTIONS = {
    "threads": 1,
    "maxTokens": 8,
    "timeBudgetMs": 60_000,
    "candidates": 1,
    # A cache that is full at once: its pages count as held from their first use on.
    "contextTokens": 512,
    "kvTokens": 1024,
}


@dataclass(frozen=True)
class Memory:
    """Resident memory in megabytes."""

    server: float
    engine: float

    def __sub__(self, other: Memory) -> Memory:
        return Memory(self.server - other.server, self.engine - other.engine)


async def type_once(editor: Editor, uri: str, text: str = TYPED) -> None:
    """Type ``text`` into an empty document: each key is a change, a request, and an old one's end."""
    change_document(editor, [{"text": ""}], uri)
    line = column = 0
    before: Call | None = None
    for number, key in enumerate(text):
        at = position(line, column)
        change_document(editor, [{"range": span(at, at), "text": key}], uri)
        line, column = (line + 1, 0) if key == "\n" else (line, column + 1)
        call = inline_call(editor, position(line, column), uri, trigger=AUTOMATIC)
        if before is not None and not before.answer.done():
            editor.cancel(before)
        if number % ANSWER_EVERY == 0:
            await _answer(call)
        elif before is not None:
            await _answer(before)
        before = call
    if before is not None:
        await _answer(before)


async def _answer(call: Call) -> None:
    try:
        await call.result()
    except ErrorAnswer as error:
        if "ancel" not in str(error):
            raise


def memory(editor: Editor) -> Memory:
    """Return what server and engine hold now."""
    server = psutil.Process(editor.wire.process.pid)
    return Memory(server.memory_info().rss / MB, editor.engine().memory_info().rss / MB)


async def soak(
    editor: Editor, passes: int, tell: Callable[[int, Memory], None] = lambda *_: None
) -> list[Memory]:
    """Type ``passes`` times; return what was held after each."""
    uri = "file:///nowhere/soak.py"
    open_document(editor, "", uri)
    await editor.until_loaded()
    held = []
    for number in range(passes):
        await type_once(editor, uri)
        editor.forget()
        gc.collect()
        held.append(memory(editor))
        tell(number, held[-1])
    return held


def growth(held: list[Memory]) -> Memory:
    """Return by how much the memory grew over the second half."""
    return held[-1] - held[len(held) // 2 - 1]
