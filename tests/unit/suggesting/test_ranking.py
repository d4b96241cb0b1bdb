"""Tests of which completions are certain enough to be shown, and in which order."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from infill_ls.document.cut import cut
from infill_ls.suggesting.ranking import beginning, rank
from infill_ls.types import Completion, EngineTimings, StopReason, Trigger, Written
from unit.documents import snapshot

TIMINGS = EngineTimings(0, 0, 0.0, 1, 1.0)


def completion(text: str, probability: float) -> Completion:
    return Completion(text, StopReason.END, math.log(probability), TIMINGS)


def shown(
    marked: str, *completions: Completion, least: float = 0.5, trigger: Trigger = Trigger.AUTOMATIC
) -> list[str]:
    chosen = rank(completions, cut(snapshot(marked)), trigger, least)
    return [suggestion.text for suggestion in chosen.suggestions]


def test_what_is_doubtful_is_shown_only_if_asked_for() -> None:
    doubtful = completion("f(a)", 0.4)
    assert shown("x = ‸", doubtful) == []
    assert shown("x = ‸", doubtful, trigger=Trigger.INVOKED) == ["f(a)"]
    assert shown("x = ‸", doubtful, least=0.39) == ["f(a)"]
    choice = rank([doubtful], cut(snapshot("x = ‸")), Trigger.AUTOMATIC, 0.5)
    assert "probability 0.40" in choice.reason
    assert choice.completion == doubtful
    assert choice.filters


def test_those_without_errors_come_first_then_the_likelier_ones() -> None:
    # Within an open bracket an error may stay, as the place is unfinished anyway.
    found = shown("x = f(‸", completion("a b)", 0.9), completion("c", 0.6), completion("d)", 0.7))
    assert found == ["d)", "c"] or found == ["d)", "a b)", "c"]


def test_equal_ones_are_shown_once() -> None:
    assert shown("x = ‸", completion("1", 0.9), completion("1  ", 0.8)) == ["1"]


def test_the_completion_is_that_of_the_first_suggestion() -> None:
    wrong, right = completion("y z w", 0.9), completion("1", 0.8)
    choice = rank([wrong, right], cut(snapshot("x = ‸")), Trigger.INVOKED, 0.5)
    assert choice.completion == right
    assert [suggestion.text for suggestion in choice.suggestions] == ["1"]


@pytest.mark.parametrize("completions", [(), (completion(" ", 0.9),)])
def test_nothing_to_show(completions: tuple[Completion, ...]) -> None:
    choice = rank(completions, cut(snapshot("x = ‸")), Trigger.INVOKED, 0.5)
    assert choice.suggestions == ()
    assert choice.reason in ("no completion", "the model wrote nothing")


@pytest.mark.parametrize(
    ("marked", "written", "shown"),
    [
        ("x = ‸", "total(prices) + sum(pri", "total(prices) + sum"),
        ("x = ‸", 'name + "of a thing and m', None),
        ("x = '‸'", "half of a str", None),
        ("x = ‸", "toke", None),
        ("x = ‸", "f('a') + g(", "f('a') + g"),
        ("def f():\n    ‸\n", "a = 1\n    b = 2\n    c = ", "a = 1\n    b = 2"),
    ],
)
def test_a_beginning_is_cut_where_it_is_whole(marked: str, written: str, shown: str | None) -> None:
    hole = cut(snapshot(marked))
    found = beginning(Written(written, -0.1, 9), hole, Trigger.AUTOMATIC, 0.6)
    assert (found.text if found is not None else None) == shown


def test_a_doubtful_beginning_is_not_shown() -> None:
    hole = cut(snapshot("x = ‸"))
    assert beginning(Written("total(prices) + x", -3.0, 9), hole, Trigger.AUTOMATIC, 0.6) is None


def test_a_beginning_ends_before_a_string_that_is_open() -> None:
    hole = cut(replace(snapshot("x = ‸", name="a.lua"), language_id="lua"))
    found = beginning(Written('name .. "of a thing and m', -0.1, 9), hole, Trigger.AUTOMATIC, 0.6)
    assert found is not None
    assert found.text == "name .."
