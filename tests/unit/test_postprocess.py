from __future__ import annotations

import pytest

from infill_ls.cut import cut
from infill_ls.postprocess import conclude, filters_of, without_cut_off_end
from infill_ls.types import Completion, EngineTimings, StopReason
from unit.documents import snapshot


def shown(text: str, stop: StopReason) -> str | None:
    completion = Completion(text, stop, -0.1, EngineTimings(0, 0, 0.0, 1, 1.0))
    hole = cut(snapshot("def f(a):\n    ‸\n"))
    suggestion, _ = conclude(completion, filters_of(completion, hole))
    return suggestion.text if suggestion is not None else None


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("wallet.dep", "wallet."),
        ("de", ""),
        ("f(a, ", "f(a, "),
        ("x = 1\n    ret", "x = 1"),
        ("\n    ret", "\n    "),
    ],
)
def test_what_is_whole_of_a_text_that_was_cut_off(text: str, whole: str) -> None:
    assert without_cut_off_end(text) == whole


def test_only_limits_cut_off() -> None:
    assert shown("return wallet.dep", StopReason.END) == "return wallet.dep"
    assert shown("return wallet.dep", StopReason.TIME) == "return wallet."
    assert shown("dep", StopReason.TOKENS) is None


def test_the_steps_of_the_filters_end_where_the_answer_does() -> None:
    hole = cut(snapshot("def f(a):\n    ‸\n"))
    for text in ("f(x)  ", "a\nb\n", ")", "  \n", "", "x = 1", "cut of"):
        for stop in StopReason:
            completion = Completion(text, stop, -0.1, EngineTimings(0, 0, 0.0, 1, 1.0))
            steps = filters_of(completion, hole)
            suggestion, reason = conclude(completion, steps)
            left = steps[-1].text if steps and steps[-1].text.strip() else None
            assert left == (suggestion.text if suggestion else None)
            if not text.strip():
                assert steps == ()
            elif suggestion is None:
                assert steps[-1].name in reason or "cut off" in reason
