from __future__ import annotations

import math

import pytest

from infill_ls.document.cut import cut
from infill_ls.suggesting.ranking import rank
from infill_ls.types import Completion, EngineTimings, StopReason, Trigger
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
