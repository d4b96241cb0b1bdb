"""Tests of the threshold for unasked suggestions, which follows what the user accepts."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_ls.suggesting.own_bar import LARGEST_SHIFT, LEAST_OFFERS, NEUTRAL, OwnBar
from infill_ls.types import Accepted

PYTHON, LUA = ("python", "line"), ("lua", "line")
SETTING = 0.6


def bar(python: tuple[int, int], lua: tuple[int, int]) -> OwnBar:
    return OwnBar.of({PYTHON: Accepted(*python), LUA: Accepted(*lua)})


def test_who_accepts_less_in_one_language_gets_more_certain_suggestions_there() -> None:
    learnt = bar((300, 150), (300, 30))
    assert learnt.min_probability(SETTING, PYTHON) < SETTING < learnt.min_probability(SETTING, LUA)


def test_how_much_is_accepted_in_all_moves_nothing() -> None:
    """One user takes one of two, another one of twenty: that is habit."""
    for share in (2, 20):
        learnt = bar((400, 400 // share), (400, 400 // share))
        assert learnt.min_probability(SETTING, PYTHON) == pytest.approx(SETTING)


def test_nothing_moves_before_enough_was_offered() -> None:
    learnt = bar((LEAST_OFFERS // 2, 90), (LEAST_OFFERS // 2 - 1, 1))
    assert learnt == NEUTRAL


def test_a_few_suggestions_hardly_move_it() -> None:
    learnt = bar((1000, 300), (3, 0))
    assert learnt.min_probability(SETTING, LUA) == pytest.approx(SETTING, abs=0.03)


def test_a_place_of_which_nothing_is_known_has_the_setting() -> None:
    assert bar((300, 150), (300, 30)).min_probability(SETTING, ("go", "block")) == SETTING


@pytest.mark.parametrize("taken", [0, 600])
def test_who_accepts_nothing_or_all_has_the_setting(taken: int) -> None:
    learnt = bar((300, taken // 2), (300, taken // 2))
    assert learnt.min_probability(SETTING, LUA) == SETTING


@given(
    st.dictionaries(
        st.tuples(st.sampled_from("abc"), st.sampled_from("xy")),
        st.integers(0, 5000).flatmap(
            lambda offered: st.builds(Accepted, st.just(offered), st.integers(0, offered))
        ),
        max_size=6,
    ),
    st.floats(0, 1),
)
def test_it_moves_within_bounds(accepted: dict[tuple[str, str], Accepted], setting: float) -> None:
    learnt = OwnBar.of(accepted)
    for place in accepted:
        moved = learnt.min_probability(setting, place)
        assert 0 <= moved <= 1
        if setting in {0.0, 1.0}:
            assert moved == setting
        elif 0.001 < setting < 0.999:
            shift = math.log(moved / (1 - moved)) - math.log(setting / (1 - setting))
            assert abs(shift) <= LARGEST_SHIFT + 1e-6
