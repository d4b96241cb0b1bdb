"""Tests of pacing, how often a server is asked: invariants, and a simulated team."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from infill_ls.engine.remote import pacing
from infill_ls.engine.remote.pacing import Pacing
from infill_ls.measuring.simulated_team import (
    EveryKey,
    SimulatedService,
    SimulatedTeam,
    TeamFigures,
    jain_index,
)

QUICK_S, LATE_S = 0.05, 5.0


def paced(rate_per_s: float | None = None) -> Pacing:
    one = Pacing(lambda: 0.5)
    if rate_per_s is not None:
        one._rate_per_s = rate_per_s
    return one


def at_full_rate() -> tuple[Pacing, float]:
    """Return what has seen quick answers for long enough, and the time."""
    one, now_s = paced(), 0.0
    while one.rate_per_s < pacing.FULL_RATE_PER_S:
        now_s += 1.0
        one.answered(now_s, QUICK_S)
    return one, now_s


events = st.lists(
    st.tuples(
        st.sampled_from(["key", "word", "sent", "answered", "taken_back", "refused", "went_away"]),
        st.floats(0, 30),
        st.floats(0, 30),
    ),
    max_size=60,
)


@given(events)
@settings(deadline=None)
def test_whatever_happens_it_asks_again_and_never_too_often(
    what: list[tuple[str, float, float]],
) -> None:
    one, now_s, closed_until_s = paced(), 0.0, 0.0
    for name, passed_s, value in what:
        now_s += passed_s
        match name:
            case "key" | "word":
                one.key(now_s, in_word=name == "key")
            case "answered" | "taken_back":
                getattr(one, name)(now_s, value)
            case "refused":
                one.refused(now_s, value)
                closed_until_s = max(closed_until_s, now_s + value)
            case _:
                getattr(one, name)(now_s)
        assert pacing.LEAST_RATE_PER_S <= one.rate_per_s <= pacing.FULL_RATE_PER_S
        for in_word in (True, False):
            turn_s = one.turn_s(now_s, in_word=in_word)
            assert 0 <= turn_s < 1000
            assert now_s + turn_s >= closed_until_s - 1e-9
        if now_s < closed_until_s:
            assert not one.may_think_ahead(now_s)
            assert not one.may_prepare(now_s)


@given(st.lists(st.floats(0.001, 2.0), min_size=1, max_size=80), st.booleans())
@settings(deadline=None)
def test_no_more_is_sent_than_the_rate_and_a_burst(waits_s: list[float], in_word: bool) -> None:
    one, now_s, sent = paced(1.0), 0.0, 0
    for wait_s in waits_s:
        now_s += wait_s
        one.key(now_s, in_word=in_word)
        if one.turn_s(now_s, in_word=in_word) <= 0:
            one.sent(now_s)
            sent += 1
    assert sent <= pacing.BURST + now_s * 1.0 + 1e-6


def test_a_quick_server_is_asked_at_every_key_at_once() -> None:
    one, now_s = at_full_rate()
    for _ in range(40):
        now_s += 0.2
        one.key(now_s, in_word=True)
        assert one.turn_s(now_s, in_word=True) == 0
        one.sent(now_s)
        one.answered(now_s + 0.05, QUICK_S)


def test_late_answers_lower_the_rate_by_a_share_and_quick_ones_raise_it_by_an_amount() -> None:
    one, now_s = at_full_rate()
    full = one.rate_per_s
    for _ in range(pacing.RECENT // 2 + 1):
        one.answered(now_s, LATE_S)
    assert one.rate_per_s == pytest.approx(full * pacing.LATE_FACTOR)
    lowered = one.rate_per_s
    one.answered(now_s + 1.0, QUICK_S)
    assert one.rate_per_s == pytest.approx(lowered + pacing.GAIN_PER_S)


def test_one_late_answer_is_none() -> None:
    one, now_s = at_full_rate()
    one.answered(now_s, LATE_S)  # a file was opened, say
    assert one.rate_per_s == pacing.FULL_RATE_PER_S


def judged_by(best_s: float, way_s: float = 0.0) -> Pacing:
    one = paced()
    one.way(way_s)
    one.answered(1.0, best_s)
    return one


def test_who_came_to_a_crowd_takes_for_late_what_others_do() -> None:
    came_first, came_last = judged_by(0.08), judged_by(0.17)
    assert came_first.late_from_s == came_last.late_from_s == pacing.LATE_S
    # In a crowd most take much longer than the best: no reason to ask more.
    for second in range(2, 60):
        came_last.answered(float(second), 0.17 if second % 5 == 0 else 0.24)
    assert came_last.rate_per_s <= pacing.FIRST_RATE_PER_S + pacing.GAIN_PER_S


def test_a_server_that_is_slow_by_itself_is_asked_at_every_key_if_nobody_else_asks() -> None:
    for alone_s in (0.18, 0.6):
        one, now_s = judged_by(alone_s), 1.0
        assert one.late_from_s >= pacing.LATE_S
        while one.rate_per_s < pacing.FULL_RATE_PER_S:
            now_s += 1.0
            assert now_s < 120, "its rate rises"
            one.answered(now_s, alone_s * 1.05)
    assert judged_by(0.6).late_from_s == pytest.approx(1.2)


@given(st.floats(0.01, 3.0), st.floats(0, pacing.LONGEST_WAY_S))
def test_a_long_way_makes_no_server_late(answer_s: float, way_s: float) -> None:
    assume(abs(answer_s - pacing.CROWD_BEST_S) > 1e-6)
    near, far = judged_by(answer_s), judged_by(answer_s + way_s, way_s)
    assert far.late_from_s == pytest.approx(near.late_from_s + way_s, abs=0.01)


def test_a_request_that_waited_long_and_was_taken_back_says_that_the_server_is_slow() -> None:
    one, now_s = at_full_rate()
    for _ in range(pacing.RECENT):
        one.taken_back(now_s, LATE_S)
    assert one.rate_per_s < pacing.FULL_RATE_PER_S


def test_a_server_that_has_never_answered_is_asked_ever_more_seldom() -> None:
    one, now_s = paced(), 0.0
    for _ in range(200):
        now_s += 1.0
        one.taken_back(now_s, 0.1)
    assert one.rate_per_s == pacing.LEAST_RATE_PER_S


def test_below_the_full_rate_the_keys_within_words_wait_for_another_one() -> None:
    one, now_s = paced(1.0), 0.0
    for number in range(60):
        now_s += 0.15 if number % 6 else 0.7
        one.key(now_s, in_word=bool(number % 6 != 5))
    assert one.turn_s(now_s, in_word=True) > 0.15
    assert one.turn_s(now_s, in_word=False) == 0


def test_the_time_since_the_key_counts_as_a_pause() -> None:
    one = paced(1.0)
    one.key(0.0, in_word=True)
    assert one.turn_s(0.1, in_word=True) == pytest.approx(one.turn_s(0.0, in_word=True) - 0.1)


def test_thinking_ahead_goes_first_then_preparing_and_typing_last() -> None:
    assert pacing.PREPARE_FROM < pacing.THINK_AHEAD_FROM < pacing.FULL_RATE_PER_S
    one, now_s = at_full_rate()
    assert one.may_think_ahead(now_s)
    given_up: list[str] = []
    for second in range(60):
        for _ in range(pacing.RECENT):
            one.answered(now_s + second, LATE_S)
        later_s = now_s + second + 0.5
        for name in ("may_think_ahead", "may_prepare"):
            if name not in given_up and not getattr(one, name)(later_s):
                given_up.append(name)
    assert given_up == ["may_think_ahead", "may_prepare"]
    assert one.turn_s(now_s + 100, in_word=False) == 0


def test_what_a_server_says_of_its_time_is_kept_to() -> None:
    one = paced()
    one.refused(10.0, 7.0)
    assert one.turn_s(10.0, in_word=False) == pytest.approx(7.0 * (1 + pacing.JITTER / 2))
    assert one.turn_s(18.0, in_word=False) == 0


def test_refusals_without_a_time_make_it_wait_twice_as_long_each_time() -> None:
    one, waits = paced(), []
    for number in range(10):
        one.refused(number * 1000.0, None)
        waits.append(one.turn_s(number * 1000.0, in_word=False))
    assert waits[1] == pytest.approx(2 * waits[0])
    assert max(waits) <= pacing.LONGEST_REFUSAL_S * (1 + pacing.JITTER)


def test_what_was_refused_at_the_same_time_does_not_come_back_at_the_same_time() -> None:
    draw = random.Random(0)
    team = [Pacing(draw.random) for _ in range(50)]
    for one in team:
        one.refused(0.0, 4.0)
    waits = [one.turn_s(0.0, in_word=False) for one in team]
    assert min(waits) >= 4.0
    assert max(waits) - min(waits) > 0.5


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30))
def test_jain_is_between_one_nth_and_one(values: list[float]) -> None:
    index = jain_index(values)
    assert index == 0 or 1 / len(values) - 1e-9 <= index <= 1 + 1e-9


def worked(editors: int, *, seconds: float = 30, every_key: bool = False) -> TeamFigures:
    team = SimulatedTeam(editors, lambda _: EveryKey()) if every_key else SimulatedTeam(editors)
    team.work(50 if not every_key else 25)  # until all have come, and know the server
    return team.work(seconds)


# A server of 16 slots and 80 ms for an answer, whose front takes some 1 200 requests a second. Asked at every
# key it answers 50 editors as vLLM did on an H200 (88 % of pauses), 100 (78 %; 71 % there), and collapses
# at 200 (1 %; 14 % there).


def test_one_editor_has_the_server_for_itself() -> None:
    alone = worked(1, seconds=300)
    assert alone.answered_share > 0.85
    assert alone.p50_ms < 100
    assert alone.requests_per_key > 0.7  # nobody else wants it


def test_fifty_editors_are_served_as_if_each_key_was_asked_for() -> None:
    fifty, every = worked(50), worked(50, every_key=True)
    assert fifty.answered_share > every.answered_share - 0.05
    assert fifty.requests_per_key < 0.8 * every.requests_per_key
    assert fifty.jain > 0.98


@pytest.fixture(scope="module")
def two_hundred() -> TeamFigures:
    return worked(200)


def test_two_hundred_editors_are_served_where_every_key_is_a_collapse(
    two_hundred: TeamFigures,
) -> None:
    every = worked(200, seconds=10, every_key=True)
    assert every.answered_share < 0.05
    assert two_hundred.answered_share > 0.7
    assert two_hundred.p50_ms < 200
    assert two_hundred.requests_per_key < 0.37
    assert two_hundred.jain > 0.95


def test_twice_as_many_are_served_evenly_and_nothing_collapses(two_hundred: TeamFigures) -> None:
    twice = worked(400)
    assert twice.answers_per_s > two_hundred.answers_per_s
    assert twice.jain >= 0.9


def test_a_server_that_was_away_is_not_run_down_by_those_who_come_back() -> None:
    team = SimulatedTeam(200)
    team.work(40)
    before = team.work(20)
    service: SimulatedService = team.service
    service.go_away()
    team.work(60)
    returned_s = team.clock.now_s
    while_away = Counter(int(at) for at in service.arrivals_s if at > returned_s - 55)
    assert max(while_away.values()) < 200 / 2  # a look from time to time, and no more
    service.is_away = False
    team.work(10)
    assert all(not one._is_away for one in team.people)
    back = Counter(int(at - returned_s) for at in service.arrivals_s if at >= returned_s)
    assert max(back.values()) < 1.5 * before.requests / 20  # looks among them
    after = team.work(20)
    assert after.answered_share > 0.9 * before.answered_share
