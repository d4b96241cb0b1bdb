"""Tests of admission to a full server: invariants, and a simulated team."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infill_ls.engine.remote import admission
from infill_ls.engine.remote.admission import Admission
from infill_ls.measuring.simulated_gpu import GpuFigures
from infill_ls.measuring.simulated_gpu_team import GpuTeam, GpuTeamFigures, Habits

POOR = admission.POOR_RATE_PER_S
LONGEST_OUT_S = 2 * admission.ACCOUNT_S * (1 + admission.JITTER) / admission.LEAST_SHARE


def crowded(one: Admission, now_s: float, times: int = 100) -> None:
    """Have nothing come in time, though little is asked."""
    for _ in range(times):
        one.unserved(now_s, POOR)


def turns(seed: int = 0) -> Admission:
    one = Admission(random.Random(seed).random)
    assert one.out_s(10_000.0) == 0
    return one


def when_back(one: Admission, now_s: float) -> float:
    """Return when it is its turn again."""
    return now_s + one.out_s(now_s)


events = st.lists(
    st.tuples(
        st.sampled_from(["served", "unserved", "asked"]), st.floats(0, 4000), st.floats(0, 10)
    ),
    max_size=60,
)


@given(events, st.integers(0, 1000))
@settings(deadline=None)
def test_whatever_happens_its_turn_comes(what: list[tuple[str, float, float]], seed: int) -> None:
    one, now_s = turns(seed), 10_000.0
    for name, passed_s, rate_per_s in what:
        now_s += passed_s
        if name == "served":
            one.served(now_s)
        elif name == "unserved":
            one.unserved(now_s, rate_per_s)
        assert admission.LEAST_SHARE <= one.share <= 1
        out_s = one.out_s(now_s)
        assert 0 <= out_s <= LONGEST_OUT_S + 1e-6
        if out_s:
            now_s += out_s
            assert one.out_s(now_s) == 0


@given(st.integers(0, 1000), st.floats(POOR + 0.01, 10))
@settings(deadline=None)
def test_who_is_served_or_asks_a_lot_is_never_sent_away(seed: int, rate_per_s: float) -> None:
    one, now_s = turns(seed), 10_000.0
    for number in range(300):
        now_s += 0.5
        one.unserved(now_s, rate_per_s) if number % 3 else one.served(now_s)
        assert one.out_s(now_s) == 0
        assert one.share == 1


def test_lateness_of_who_has_just_come_is_its_own() -> None:
    one, now_s = turns(), 10_000.0
    crowded(one, now_s)
    back_s = when_back(one, now_s)
    assert back_s > now_s
    assert one.out_s(back_s) == 0
    share = one.share
    crowded(one, back_s + admission.GRACE_S / 2)
    assert one.share == share
    crowded(one, back_s + admission.GRACE_S * 1.1, times=1)
    assert one.share < share or share == admission.LEAST_SHARE


def test_a_server_that_has_become_free_is_used_all_the_time_again() -> None:
    one, now_s = turns(), 10_000.0
    while one.share > 0.3:
        crowded(one, now_s, times=1)
        now_s = when_back(one, now_s) + admission.GRACE_S
    answers = 0
    while one.share < 1:
        now_s = when_back(one, now_s) + 0.5
        one.served(now_s)
        answers += 1
    assert answers < 400  # some minutes of typing


def test_it_is_in_for_its_share_of_the_time() -> None:
    one, now_s = turns(), 10_000.0
    one._share = 0.4
    seconds_in = sum(one.out_s(now_s + second) == 0 for second in range(6000))
    assert seconds_in / 6000 == pytest.approx(0.4, abs=0.02)


def test_a_crowd_that_is_sent_away_at_once_does_not_come_back_at_once() -> None:
    draw, now_s = random.Random(0), 10_000.0
    team = [Admission(draw.random) for _ in range(200)]
    for one in team:
        one.out_s(now_s)
        while not one.out_s(now_s):
            crowded(one, now_s, times=1)
    back = Counter(int(when_back(one, now_s) - now_s) for one in team)
    assert max(back.values()) < 0.1 * len(team)
    assert min(back) >= admission.ACCOUNT_S * (1 - admission.JITTER) - 1


def test_half_an_hour_without_typing_and_nothing_is_known_any_more() -> None:
    one, now_s = turns(), 10_000.0
    crowded(one, now_s)
    assert one.out_s(now_s) > 0
    assert one.out_s(now_s + admission.FORGOTTEN_S + 1) == 0
    assert one.share == 1


def test_who_does_not_type_uses_nothing_of_its_share() -> None:
    one, now_s = turns(), 10_000.0
    one._share, one._owed_s = 0.5, 0.0
    assert one.out_s(now_s + 600) == 0


# A server whose memory holds the prompts of about half of this team.
SMALL = GpuFigures(30_000, 0.006, 0.002, 8_000, 0.001, 0.02)
TEAM = 36


def worked(minutes: int, *, takes_turns: bool) -> GpuTeamFigures:
    team = GpuTeam(TEAM, SMALL, Habits(takes_turns=takes_turns))
    team.type_with(TEAM, within_s=30)
    team.work(120)
    return team.work(60 * minutes)


@pytest.fixture(scope="module")
def ten_minutes() -> GpuTeamFigures:
    return worked(10, takes_turns=True)


def test_turns_serve_where_pacing_alone_collapses(ten_minutes: GpuTeamFigures) -> None:
    alone = worked(2, takes_turns=False)
    assert alone.found_share < 0.7  # prompts push each other out,
    assert ten_minutes.found_share > 0.9  # and do not where some stay away
    assert ten_minutes.answered_share > 3 * alone.answered_share
    assert ten_minutes.p95_ms < alone.p95_ms / 2


def test_turns_are_even_over_ten_minutes(ten_minutes: GpuTeamFigures) -> None:
    assert ten_minutes.jain > 0.9


def test_a_team_that_fits_is_let_in_all_the_time() -> None:
    team = GpuTeam(8, SMALL)
    team.type_with(8)
    team.work(30)
    found = team.work(60)
    assert found.out_pauses == 0
    assert found.answered_share > 0.6
