"""Tests of which unasked suggestions are shown, for a model with a learnt confidence."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_ls.document.cut import cut
from infill_ls.suggesting import worth
from infill_ls.suggesting.ranking import rank
from infill_ls.suggesting.worth import features_of, knows, least_worth, worth_of
from infill_ls.suggesting.worth_weights import MODEL, THRESHOLDS, WEIGHTS
from infill_ls.types import Completion, EngineTimings, StopReason, Suggestion, Trigger
from unit.documents import snapshot

TIMINGS = EngineTimings(0, 0, 0.0, 4, 1.0)
HOLE = cut(snapshot("total = 0\nfor price in prices:\n    total += ‸\n"))
SURE = (-0.01, -0.02, -0.01, -0.01)
UNSURE = (-2.5, -1.9, -2.2, -3.0)


def completion(logprobs: tuple[float, ...], stop: StopReason = StopReason.END) -> Completion:
    mean = sum(logprobs) / max(len(logprobs), 1)
    return Completion("price * 2", stop, mean, TIMINGS, logprobs)


def shown(
    one: Completion, least: float, model: str = MODEL, by: Trigger = Trigger.AUTOMATIC
) -> str:
    ranking = rank((one,), HOLE, by, least, model_name=model)
    return ranking.suggestions[0].text if ranking.suggestions else ranking.reason


def test_what_is_sure_is_shown_and_what_is_not_is_explained() -> None:
    assert knows(MODEL)
    assert shown(completion(SURE), 0.6) == "price * 2"
    assert "estimated to be right with probability" in shown(completion(UNSURE), 0.6)
    assert shown(completion(UNSURE), 0.6, by=Trigger.INVOKED) == "price * 2"
    assert shown(completion(UNSURE), 0.0) == "price * 2"


@pytest.mark.parametrize("logprobs", [SURE, UNSURE])
def test_another_model_and_a_server_that_tells_nothing_go_by_the_mean(
    logprobs: tuple[float, ...],
) -> None:
    silent = Completion("price * 2", StopReason.END, sum(logprobs) / 4, TIMINGS)
    for ranked in (shown(completion(logprobs), 0.6, "another"), shown(silent, 0.6)):
        assert ("minProbability is 0.60" in ranked) == (logprobs == UNSURE)


def test_what_was_given_up_for_doubt_is_not_shown() -> None:
    given_up = completion((-0.01, -1.5, -0.9, -0.9), StopReason.DOUBT)
    assert "minProbability is 0.60" in shown(given_up, 0.6)


def test_a_higher_threshold_never_shows_more() -> None:
    leasts = [least_worth(step / 100) for step in range(101)]
    assert all(low <= high + 1e-9 for low, high in pairwise(leasts))
    assert leasts[0] == THRESHOLDS[0][1]
    assert leasts[-1] == THRESHOLDS[-1][1]


@given(st.lists(st.floats(-20, 0), min_size=1, max_size=40).map(tuple), st.text(min_size=1))
def test_features_are_finite_and_known(logprobs: tuple[float, ...], text: str) -> None:
    one = Completion(text, StopReason.LINES, sum(logprobs) / len(logprobs), TIMINGS, logprobs)
    features = features_of(one, HOLE, Suggestion(text))
    assert all(math.isfinite(value) for value in features.values())
    assert set(WEIGHTS) <= set(features)
    assert 0 <= worth_of(features) <= 1


@given(st.text(" \naé_1(."), st.text(" aé_1(."), st.text(" \naé_1(."), st.text("aé_1 "))
def test_words_that_stand_around_the_cursor_are_not_new(
    above: str, line: str, below: str, text: str
) -> None:
    hole = cut(snapshot(f"{above}{line}‸{below}"))
    words = re.findall(r"[^\W\d]\w*", (re.findall(r"\w+\Z", hole.line_typed) or [""])[0] + text)
    before = hole.prefix + re.sub(r"\w+\Z", "", hole.typed)
    known = {*re.findall(r"[^\W\d]\w*", before)}
    known |= {*re.findall(r"[^\W\d]\w*", hole.line_tail + hole.below)}
    new = [word not in known for word in words]
    found = features_of(completion((-0.1,)), hole, Suggestion(text))
    assert found["new_words"] == pytest.approx(sum(new) / len(new) if new else 0.0)


def test_the_lines_around_are_read_once_while_a_line_is_typed() -> None:
    worth._words_of.cache_clear()
    for typed in ("    re", "    ret", "    retu"):
        hole = cut(snapshot(f"def f(price):\n{typed}‸\nprint(f(2))\n"))
        features_of(completion((-0.1,)), hole, Suggestion("rn price"))
    assert worth._words_of.cache_info().misses == 2, "those above and those below"
