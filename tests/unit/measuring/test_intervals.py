"""Tests of figures with their bootstrap intervals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_ls.measuring.intervals import area_under_curve, compare, mean, p95


def test_the_area_counts_pairs() -> None:
    assert area_under_curve([3.0, 2.0, 1.0], [True, False, False]).value == 1.0
    assert area_under_curve([1.0, 1.0], [True, False]).value == 0.5
    assert area_under_curve([2.0, 3.0, 1.0], [True, False, False]).value == 0.5
    found = area_under_curve([3.0, 2.0, 1.0, 0.0], [True, False, True, False], ["a", "a", "b", "b"])
    assert found.value == 0.75
    assert found.low <= found.value <= found.high


def test_an_area_of_one_kind_alone_says_nothing() -> None:
    assert area_under_curve([1.0, 2.0], [True, True]).value == 0.5


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=12))
def test_turned_round_the_area_is_the_rest(cases: list[tuple[int, bool]]) -> None:
    scores, positive = [float(score) for score, _ in cases], [one for _, one in cases]
    one, other = (
        area_under_curve(some, positive) for some in (scores, [-score for score in scores])
    )
    assert one.value + other.value == pytest.approx(1, abs=0.011)


def test_cases_of_one_group_are_drawn_together() -> None:
    values = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    alone, grouped = mean(values), mean(values, ["a", "a", "a", "b", "b", "b"])
    assert alone.value == grouped.value == 0.5
    assert (grouped.low, grouped.high) == (0.0, 1.0)
    assert grouped.low < alone.low


def test_a_comparison_takes_the_same_cases_of_both() -> None:
    found = compare([True, False, False, False], [True, True, False, False])
    assert (found.theirs.value, found.ours.value) == (25.0, 50.0)
    assert found.gain_points.value == 25.0
    assert found.gain_points.low >= 0.0  # no case is lost in any resample
    assert found.ratio.value == 2.0


def test_the_95th_percentile_lies_between_its_neighbours() -> None:
    assert p95([7.0]) == 7.0
    assert p95([float(number) for number in range(101)]) == 95.0
