"""Tests of the circuit breaker: how long a failing server is not asked."""

from __future__ import annotations

from infill_ls.engine.fallback import LONGEST_LOOK_S, LOOK_JITTER
from infill_ls.engine.remote.breaker import LONGEST_PASSING_PAUSE_S, LONGEST_PAUSE_S, Breaker


def pauses_of(*, is_lasting: bool) -> list[float]:
    breaker, now_s, found = Breaker(), 0.0, []
    for _ in range(12):
        breaker.failed(now_s, is_lasting=is_lasting)
        begun_s = now_s
        while breaker.is_open(now_s):
            now_s += 0.5
        found.append(now_s - begun_s)
    return found


def test_what_may_pass_is_tried_again_within_seconds() -> None:
    pauses = pauses_of(is_lasting=False)
    assert pauses[:3] == [0.0, 1.0, 2.0]
    assert max(pauses) == LONGEST_PASSING_PAUSE_S


def test_what_somebody_has_to_mend_is_tried_once_a_minute() -> None:
    pauses = pauses_of(is_lasting=True)
    assert pauses[:3] == [1.0, 2.0, 4.0]
    assert max(pauses) == LONGEST_PAUSE_S


def test_the_first_look_at_a_server_that_is_away_opens_at_once_and_for_seconds_only() -> None:
    breaker = Breaker()
    for now_s in range(0, 60, 5):
        breaker.failed(now_s, is_lasting=False, opens=True)
        assert breaker.is_open(now_s)
        assert not breaker.is_open(now_s + LONGEST_PASSING_PAUSE_S)


def test_each_look_at_a_server_that_is_away_asks_it() -> None:
    longest_s = LONGEST_PASSING_PAUSE_S
    assert longest_s < LONGEST_LOOK_S * (1 - LOOK_JITTER)
