"""Tests of keystrokes during a running completion, and of partial answers."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infill_ls.measuring.simulated import SimulatedEngine
from infill_ls.measuring.simulated_clock import run_simulated
from infill_ls.session import Session, Superseded
from infill_ls.types import Report, Trigger
from infill_ls.writing import GRACE_S, HELD_S
from unit.documents import snapshot
from unit.simulation import Pieces, certain, session_with, simulated_engine

STEP_S = 0.01
BEFORE = "def total(prices):\n    "
LINE = "return sum(price.net for price in prices)"
TOKENS = len(certain(LINE)) + 1
DOUBT = math.log(0.1)


def rest_of_line(before: str) -> Pieces:
    """Write the line whose beginning stands before the cursor, or something else."""
    typed = before.rpartition("\n")[2].strip()
    return certain(LINE[len(typed) :]) if LINE.startswith(typed) else certain("xyz.other(1)")


class Keys:
    """A user who types the line, and what is answered to each key."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.typed = ""

    def press(self, added: str = "", trigger: Trigger = Trigger.AUTOMATIC) -> asyncio.Task[Report]:
        self.typed += added
        now = snapshot(f"{BEFORE}{self.typed}‸\n", trigger=trigger)
        self.session.document_changed(now.uri, None, now.text, now.language_id)
        task = asyncio.ensure_future(self.session.suggest(now))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task


def is_given_up(engine: SimulatedEngine) -> bool:
    return engine.calls[0].is_given_up


def shown(report: Report) -> str | None:
    return report.suggestion.text if report.suggestion is not None else None


def simulate(
    play: Callable[[Keys, SimulatedEngine], Awaitable[None]],
    tell: Callable[[str], Pieces] = rest_of_line,
    *,
    think_ahead: bool = False,
) -> SimulatedEngine:
    async def main() -> SimulatedEngine:
        engine = simulated_engine(tell, STEP_S * 1000)
        session = session_with(engine, think_ahead=think_ahead)
        await play(Keys(session), engine)
        await session.close()
        return engine

    return run_simulated(main())


def test_a_key_that_goes_on_as_what_is_written_has_its_answer_from_it() -> None:
    async def play(keys: Keys, engine: SimulatedEngine) -> None:
        first = keys.press()
        await asyncio.sleep(STEP_S * 8)
        second = keys.press("r")
        await asyncio.sleep(STEP_S)
        third = keys.press("eturn s")  # more than is written, perhaps
        assert shown(await third) == LINE[8:]
        for superseded in (first, second):
            with pytest.raises(Superseded):
                await superseded
        (call,) = engine.calls
        assert call.written_tokens == TOKENS

    simulate(play)


def far_away(engine: SimulatedEngine) -> None:
    """Make asking anew cost more than waiting, as on a server."""
    engine.model = replace(engine.model, info=replace(engine.model.info, is_far=True))


def test_a_request_to_a_server_is_waited_for_although_nothing_has_come_yet() -> None:
    async def play(keys: Keys, engine: SimulatedEngine) -> None:
        far_away(engine)
        keys.press()
        await asyncio.sleep(STEP_S / 4)
        assert engine.calls[0].written_tokens == 0
        assert shown(await keys.press("r")) == LINE[1:]
        assert len(engine.calls) == 1

    simulate(play)


def test_a_server_is_asked_anew_when_nothing_has_come_for_long() -> None:
    async def main() -> None:
        engine = simulated_engine(rest_of_line, HELD_S * 1000 * 100)
        far_away(engine)
        session = session_with(engine, think_ahead=False)
        keys = Keys(session)
        keys.press()
        await asyncio.sleep(HELD_S / 2)
        keys.press("r")
        await asyncio.sleep(HELD_S / 4)
        assert len(engine.calls) == 1
        await asyncio.sleep(HELD_S / 2)
        keys.press("e")
        await asyncio.sleep(HELD_S / 4)
        assert len(engine.calls) == 2
        await session.close()

    run_simulated(main())


def test_a_request_to_a_server_that_nobody_waits_for_is_given_up() -> None:
    async def play(keys: Keys, engine: SimulatedEngine) -> None:
        far_away(engine)
        first = keys.press()
        await asyncio.sleep(STEP_S / 4)
        first.cancel()
        await asyncio.sleep(STEP_S / 4)
        assert not is_given_up(engine)  # the next key may want it
        await asyncio.sleep(HELD_S + GRACE_S)
        assert is_given_up(engine) or engine.calls[0].written_tokens == TOKENS

    simulate(play)


def test_a_key_that_contradicts_gives_it_up_at_once() -> None:
    async def play(keys: Keys, engine: SimulatedEngine) -> None:
        keys.press()
        await asyncio.sleep(STEP_S * 8)
        written = engine.calls[0].written_tokens
        assert 0 < written < TOKENS
        answer = keys.press("q")
        await asyncio.sleep(STEP_S / 2)
        assert is_given_up(engine)
        assert engine.calls[0].written_tokens == written
        assert shown(await answer) == "xyz.other(1)"
        assert engine.calls[1].read_tokens <= 2  # what both have in common is kept

    simulate(play)


def test_a_key_that_turns_out_to_contradict_gives_it_up_then() -> None:
    async def play(keys: Keys, engine: SimulatedEngine) -> None:
        keys.press()
        while not engine.calls or engine.calls[0].written_tokens < 1:
            await asyncio.sleep(STEP_S / 4)
        answer = keys.press("returm")  # "retur" is written: this may become right
        await asyncio.sleep(STEP_S / 4)
        assert not is_given_up(engine)
        assert shown(await answer) == "xyz.other(1)"
        assert is_given_up(engine)
        assert engine.calls[0].written_tokens == 2

    simulate(play)


def test_before_the_first_token_a_key_asks_anew() -> None:
    async def play(keys: Keys, engine: SimulatedEngine) -> None:
        keys.press()
        await asyncio.sleep(0)
        answer = keys.press("r")
        assert shown(await answer) == LINE[1:]
        assert [call.written_tokens > 0 for call in engine.calls] == [True] or (
            is_given_up(engine) and engine.calls[0].written_tokens == 0
        )

    simulate(play)


def test_an_answer_by_hand_is_asked_for_anew() -> None:
    async def play(keys: Keys, engine: SimulatedEngine) -> None:
        keys.press()
        await asyncio.sleep(STEP_S * 8)
        assert shown(await keys.press("", Trigger.INVOKED)) == LINE
        assert len(engine.calls) == 2
        assert is_given_up(engine)

    simulate(play)


def test_by_the_deadline_its_beginning_is_shown_and_the_next_key_finds_the_rest() -> None:
    async def play(keys: Keys, engine: SimulatedEngine) -> None:
        for key in "qqqqqq":  # a rhythm of eight steps a key
            keys.press(key)
            await asyncio.sleep(STEP_S * 8)
        keys.typed = ""
        first = keys.press()
        await asyncio.sleep(STEP_S * 8)
        assert first.done(), "the next key is due"
        beginning = shown(first.result())
        assert beginning is not None
        assert LINE.startswith(beginning)
        assert len(beginning) < len(LINE)
        assert not LINE[len(beginning)].isalnum(), "a word is whole"
        assert beginning.count("(") == beginning.count(")")
        calls = len(engine.calls)
        second = await keys.press("r")
        longer = shown(second)
        assert longer is not None
        assert longer.startswith(beginning[1:])
        await asyncio.sleep(STEP_S * TOKENS)
        assert shown(await keys.press("e")) == LINE[2:]
        assert len(engine.calls) == calls

    simulate(play)


def test_what_was_shown_stays_though_the_rest_is_too_doubtful() -> None:
    def tell(before: str) -> Pieces:
        if "q" in before:
            return []
        return [*certain("return sum of all prices"), *[(" zzz", DOUBT)] * 30]

    async def play(keys: Keys, engine: SimulatedEngine) -> None:
        for key in "qqqqqq":
            keys.press(key)
            await asyncio.sleep(STEP_S * 8)
        keys.typed = ""
        first = keys.press()
        await asyncio.sleep(STEP_S * 8)
        beginning = shown(first.result())
        assert beginning is not None
        await asyncio.sleep(1)
        assert shown(await keys.press(beginning[0])) == beginning[1:]

    simulate(play, tell)


def test_without_a_rhythm_the_answer_is_whole() -> None:
    async def play(keys: Keys, engine: SimulatedEngine) -> None:
        assert shown(await keys.press()) == LINE

    simulate(play)


@pytest.mark.parametrize("elsewhere", [True, False])
def test_what_nobody_waits_for_is_given_up(elsewhere: bool) -> None:
    def endless(_before: str) -> Pieces:
        return certain("a" * 2000)

    async def play(keys: Keys, engine: SimulatedEngine) -> None:
        asked = keys.press()
        await asyncio.sleep(STEP_S * 8)
        asked.cancel()
        if elsewhere:
            await asyncio.sleep(STEP_S)
            other = asyncio.ensure_future(keys.session.suggest(snapshot("x = ‸", name="b.py")))
            await asyncio.sleep(STEP_S)
            other.cancel()
        else:
            await asyncio.sleep(GRACE_S / 2)
            assert not is_given_up(engine)
            await asyncio.sleep(GRACE_S)
        assert is_given_up(engine) or engine.calls[0].written_tokens == 96

    simulate(play, endless)


PLACES = st.lists(st.tuples(st.sampled_from(["right", "wrong"]), st.integers(1, 30)), max_size=25)


@settings(max_examples=60)
@given(PLACES, st.lists(st.booleans(), min_size=len(LINE), max_size=len(LINE)))
def test_what_is_shown_never_flickers_and_each_request_is_answered_once(
    pressed: list[tuple[str, int]], doubts: list[bool]
) -> None:
    def tell(before: str) -> Pieces:
        pieces = rest_of_line(before)
        return [
            (piece, DOUBT if doubts[n % len(doubts)] and n % 3 else logprob)
            for n, (piece, logprob) in enumerate(pieces)
        ]

    async def play(keys: Keys, engine: SimulatedEngine) -> None:
        answers: list[Any] = []
        seen: str | None = None
        for kind, steps in pressed:
            key = "~" if kind == "wrong" else LINE[len(keys.typed) : len(keys.typed) + 1]
            went_on = seen is not None and key and seen.startswith(key)
            expected = seen[len(key) :] if seen is not None and went_on else ""
            answer = keys.press(key)
            answers.append(answer)
            await asyncio.sleep(STEP_S * steps)
            seen = shown(answer.result()) if answer.done() else None
            if expected.strip() and answer.done():
                assert seen is not None
                assert seen.startswith(expected)
        await asyncio.gather(*answers, return_exceptions=True)
        for answer in answers[:-1]:
            assert answer.exception() is None or isinstance(answer.exception(), Superseded)

    simulate(play, tell, think_ahead=True)


def test_a_beginning_is_followed_by_thinking_ahead_of_the_whole() -> None:
    async def play(keys: Keys, engine: SimulatedEngine) -> None:
        for key in "qqqqqq":
            keys.press(key)
            await asyncio.sleep(STEP_S * 8)
        keys.typed = ""
        beginning = shown(await keys.press())
        await asyncio.sleep(1)
        assert beginning is not None
        assert shown(await keys.press(beginning)) == LINE[len(beginning) :]
        calls = len(engine.calls)
        await keys.press(LINE[len(beginning) :])  # accepted: what comes then is known
        assert len(engine.calls) == calls

    simulate(play, think_ahead=True)
