"""Tests of where and when a completion comes by itself."""

from __future__ import annotations

import pytest

from infill_ls.document.cut import cut
from infill_ls.suggesting.triggers import (
    DELIVERY_S,
    LONGEST_PAUSE_S,
    SHARE_OF_KEY,
    SHARE_OF_LATENCY,
    Pace,
    why_not,
)
from unit.documents import snapshot


@pytest.mark.parametrize(
    "line",
    ["‸", "x = ‸", "pri‸", "print(‸)", "f(g(x‸))", "a['‸']", "x = {‸},", "call(a, ‸);", "<b>‸</b>"],
)
def test_at_line_ends_and_before_what_closes(line: str) -> None:
    assert why_not(cut(snapshot(line))) is None


@pytest.mark.parametrize("line", ["pri‸ce", "‸price", "x = ‸ + 1", "f(‸, b)", "a ‸b"])
def test_not_before_other_text(line: str) -> None:
    assert why_not(cut(snapshot(line))) is not None


def test_the_line_below_does_not_matter() -> None:
    assert why_not(cut(snapshot("x = ‸\nmore text"))) is None


def test_the_pause_follows_the_latency() -> None:
    pace = Pace()
    assert pace.pause_s == 0
    pace.measured(9.0)
    assert pace.pause_s == 0, "of a whole prompt, that of the first request"
    for latency_s in (0.2, 0.2):
        pace.measured(latency_s)
    assert pace.pause_s == pytest.approx(0.2 * SHARE_OF_LATENCY)
    for _ in range(20):
        pace.measured(60.0)
    assert pace.pause_s == LONGEST_PAUSE_S


def test_the_pause_is_a_small_part_of_the_time_between_two_keys() -> None:
    pace = typing(each_s=0.15)
    for _ in range(20):
        pace.measured(60.0)
    assert pace.pause_s == pytest.approx(0.15 * SHARE_OF_KEY)


def test_the_answer_is_due_shortly_before_the_next_key_of_those_who_type_quickly() -> None:
    assert Pace().deadline_s(0.0) is None
    pace = typing(each_s=0.15)
    last = 9 * 0.15
    assert pace.deadline_s(last + 0.05) == pytest.approx(0.1 - DELIVERY_S)
    assert pace.deadline_s(last + 10) == 0


def test_a_pause_is_no_part_of_the_rhythm() -> None:
    pace = typing(each_s=0.15)
    before = pace.deadline_s(9 * 0.15)
    for now_s in (100.0, 200.0, 300.0):
        pace.key(now_s)
        assert pace.deadline_s(now_s) is None, "there is time for the whole answer"
    pace.key(300.15)
    assert pace.deadline_s(300.15) == pytest.approx(before)


def typing(each_s: float) -> Pace:
    pace = Pace()
    for number in range(10):
        pace.key(number * each_s)
    return pace
