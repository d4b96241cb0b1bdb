"""Tests of simulated typing on a simulated clock, with exact counts on any machine."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import pytest

from infill_ls.engine import CompletionRequest
from infill_ls.measuring.git_history import PastEdit
from infill_ls.measuring.simulated import SimulatedServer
from infill_ls.measuring.simulated_clock import run_simulated
from infill_ls.measuring.typist import Typist
from infill_ls.types import Prompt, PromptPart, StopRule
from unit.simulation import TOKEN, TRUST, Pieces, session_with, simulated_engine

WRONG_IN = 3
"""One of so many words is another than what is typed, without a doubt."""
EDITS = [
    PastEdit(
        id="loop",
        commit="c",
        path="shop.py",
        before="def total(prices):\n    sum = 0\n",
        typed="    for price in prices:\n        sum += price.amount * price.quantity\n    return sum\n",
        after="\n",
    ),
    PastEdit(
        id="call",
        commit="c",
        path="shop.py",
        before="def show(order):\n",
        typed="    print(order.customer.name, order.total(), sep=', ')\n    order.customer.notify()\n",
        after="\n",
    ),
    PastEdit(
        id="branch",
        commit="c",
        path="shop.py",
        before="def close(order, warehouse):\n",
        typed="    if order.is_paid and warehouse.holds(order.items):\n        warehouse.send(order)\n",
        after="\n",
    ),
]


@pytest.fixture(autouse=True)
def unhurried_parsing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove parsing's limit in real time, which a busy machine would reach."""
    for module in ("document.cursor_window", "engine.decoding.syntax_end"):
        monkeypatch.setattr(f"infill_ls.{module}.PARSE_LIMIT_MS", 60_000.0)


@dataclass
class Outcome:
    requests: int = 0
    seen: int = 0
    keys: int = 0
    pressed: int = 0
    written_tokens: int = 0
    given_up_tokens: int = 0

    @property
    def seen_share(self) -> float:
        return self.seen / self.requests

    @property
    def saved_share(self) -> float:
        return 1 - self.pressed / self.keys


async def type_edit(
    edit: PastEdit, folder: Path, key_ms: float, step_ms: float, out: Outcome
) -> None:
    text = edit.before + edit.typed

    def tell(before: str) -> Pieces:
        rest = text[len(before) :] if text.startswith(before) else "pass\n"
        pieces = []
        for match in TOKEN.finditer(rest):
            is_wrong = match[0].strip().isalpha() and not _chance(before, match) % WRONG_IN
            pieces.append(("other" if is_wrong else match[0], TRUST))
        return pieces

    engine = simulated_engine(tell, step_ms)
    session = session_with(engine)
    server = SimulatedServer(session, folder)
    path = folder / edit.path
    server.open(path, edit.before + edit.after)
    typist = Typist(server, path, edit, key_ms)
    await typist.rest(2.0)
    engine.calls.clear()
    await typist.type_all()
    await session.close()
    row = typist.row()
    for name in ("requests", "seen", "keys", "pressed"):
        setattr(out, name, getattr(out, name) + row[name])
    out.written_tokens += sum(call.written_tokens for call in engine.calls)
    out.given_up_tokens += sum(call.written_tokens for call in engine.calls if call.is_given_up)


def _chance(before: str, match: re.Match[str]) -> int:
    return crc32(f"{len(before) + match.start()} {len(before) // 4}".encode())


def outcome_of(folder: Path, key_ms: float, step_ms: float) -> Outcome:
    out = Outcome()
    for edit in EDITS:
        run_simulated(type_edit(edit, folder, key_ms, step_ms, out))
    return out


@pytest.mark.parametrize(
    ("key_ms", "step_ms", "seen", "saved", "given_up"),
    [
        (100, 4, 0.95, 0.95, 0.10),
        (100, 8, 0.90, 0.90, 0.15),
        (150, 8, 0.92, 0.95, 0.15),
        (250, 8, 0.98, 0.98, 0.05),
        (100, 16, 0.80, 0.70, 0.40),
        (150, 16, 0.83, 0.90, 0.15),
    ],
)
def test_what_the_model_knows_is_seen_before_the_next_key(
    tmp_path: Path, key_ms: float, step_ms: float, seen: float, saved: float, given_up: float
) -> None:
    waited = outcome_of(tmp_path, 0, step_ms)
    typed = outcome_of(tmp_path, key_ms, step_ms)
    assert typed.seen_share >= seen * waited.seen_share
    assert typed.saved_share >= saved * waited.saved_share
    assert typed.given_up_tokens <= given_up * typed.written_tokens


def test_the_same_again_is_the_same(tmp_path: Path) -> None:
    assert outcome_of(tmp_path, 150, 8) == outcome_of(tmp_path, 150, 8)


def test_a_request_that_is_given_up_in_the_line_is_waited_for_no_longer() -> None:
    """Else a prompt was never read in the background again, and no time passed any more."""
    engine = simulated_engine(lambda _: [("word", TRUST)] * 4, step_ms=8)
    parts = (PromptPart("typed", 1, "x"),)
    prompt = Prompt(tuple(range(200)), 0, "", "<prefix>a.py\n<suffix>", parts)
    other = Prompt(tuple(range(1_000, 1_200)), 0, "", "<prefix>a.py\n<suffix>", parts)
    stop = StopRule(max_tokens=8, max_lines=1, time_budget_ms=60_000)

    async def ask_twice_and_warm() -> float:
        served = asyncio.ensure_future(engine.complete(CompletionRequest(prompt=prompt, stop=stop)))
        waits = asyncio.ensure_future(engine.complete(CompletionRequest(prompt=prompt, stop=stop)))
        await asyncio.sleep(0.001)
        waits.cancel()
        await served
        await asyncio.wait_for(engine.warm(other), 10)
        return asyncio.get_running_loop().time()

    assert run_simulated(ask_twice_and_warm()) < 1
