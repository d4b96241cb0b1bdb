"""Tests of how thresholds are compared: where they keep equally many right suggestions."""

from __future__ import annotations

import numpy as np
import pytest
from bench.suggest.fit_worth import Rows, as_shipped, fewer_wrong, threshold_keeping
from bench.suggest.replayed import KeyRow

from infill_ls.suggesting import worth, worth_weights


@pytest.mark.parametrize("right", [46, 47, 106])
def test_exactly_as_many_right_ones_are_lost(right: int) -> None:
    scores = np.arange(1, right + 1) / (right + 1)
    weights = np.ones(right)
    for kept in range(1, right + 1):
        assert int((scores >= threshold_keeping(scores, weights, kept)).sum()) == kept


def test_a_text_that_was_typed_along_counts_once() -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.6])
    # Two keys of one text, a wrong one, and another text.
    weights = np.array([0.5, 0.5, 0.0, 1.0])
    assert threshold_keeping(scores, weights, 1.0) == 0.8
    assert threshold_keeping(scores, weights, 2.0) == 0.6


def test_wrong_ones_are_compared_where_as_many_right_ones_are_kept() -> None:
    is_right = np.array([True, True, False, False])
    by_mean = np.array([0.9, 0.7, 0.8, 0.65])
    learnt = np.array([0.5, 0.4, 0.45, 0.1])
    kept, mean, worth, fewer = fewer_wrong(by_mean, learnt, is_right, np.ones(4), 0.6)
    assert (kept, mean, worth, fewer) == (100.0, 2.0, 1.0, 50.0)


def test_what_ships_is_asked_with_its_own_bar() -> None:
    def row(edit: str, right_chars: int, mean: float, bias: float) -> list[KeyRow]:
        # One feature moves the worth to either side of any bar, whatever the mean says.
        name, weight = max(worth_weights.WEIGHTS.items(), key=lambda one: abs(one[1]))
        features = dict.fromkeys(worth_weights.WEIGHTS, 0.0) | {"mean": np.log(mean)}
        features |= {name: bias / weight}
        return [KeyRow("project", edit, "typing", "rest", "rest", right_chars, features)]

    rows = Rows([row("a", 4, 0.5, 9.0), row("b", 0, 0.9, -9.0)])
    found = as_shipped(rows)["minProbability 0.6"]
    assert (found["mean"]["right_texts"], found["mean"]["wrong_texts"]) == (0.0, 1.0)
    assert (found["worth"]["right_texts"], found["worth"]["wrong_texts"]) == (1.0, 0.0)
    assert 0 < worth.least_worth(0.6) < 1
