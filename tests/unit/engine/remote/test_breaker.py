"""How long a failing server is left in peace."""

from __future__ import annotations

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
