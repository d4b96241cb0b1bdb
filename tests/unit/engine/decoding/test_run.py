"""Tests of when a completion is stopped early."""

from __future__ import annotations

import math

import pytest

from infill_ls.document.cut import cut
from infill_ls.engine.decoding.run import DecodingTask, NextToken, Run
from infill_ls.engine.decoding.vocabulary import Vocabulary
from infill_ls.settings import settings_with
from infill_ls.suggesting.stopping import stop_rule
from infill_ls.types import StopReason, StopRule, Trigger
from infill_retrieval.syntax import TreeCache
from unit.documents import snapshot

LIMIT = 96
A, END = 1, 0
VOCABULARY = Vocabulary([b"", b"a"])
LEAST = 0.6


def written(probabilities: list[float], *, least: float = LEAST, lines: int = 1) -> Run:
    rule = StopRule(LIMIT, lines, time_budget_ms=60_000, min_probability=least)
    run = Run(DecodingTask([], 0, b"", rule), TreeCache(), LIMIT, 0, 0, 0.0)
    for probability in probabilities:
        reason = run.take(NextToken(A, math.log(probability)), VOCABULARY, frozenset({END}))
        if reason is not None:
            run.finish(reason)
            break
    return run


def tokens(run: Run) -> int:
    return LIMIT - run.tokens_left


def test_what_cannot_become_likely_enough_ends() -> None:
    run = written([0.1] * 40)
    completion = run.completion(0.0)
    assert completion.stop is StopReason.DOUBT
    assert tokens(run) == 3  # of 9 more, each certain, the mean would be too low still
    assert completion.probability < LEAST


@pytest.mark.parametrize(
    "probabilities",
    [[0.05, *[0.99] * 20], [0.5, 0.4, 0.5, *[0.99] * 12], [0.7] * 40, [0.99] * 5 + [0.1]],
)
def test_a_doubt_at_the_beginning_is_given_a_chance(probabilities: list[float]) -> None:
    assert tokens(written(probabilities)) == len(probabilities)


def test_several_lines_are_given_more_time() -> None:
    assert tokens(written([0.1] * 40, lines=5)) > tokens(written([0.1] * 40))


def test_without_a_threshold_all_is_written() -> None:
    assert tokens(written([0.1] * 40, least=0.0)) == 40


@pytest.mark.parametrize(
    ("trigger", "least"),
    [(Trigger.AUTOMATIC, 0.6), (Trigger.INVOKED, 0.0), (Trigger.MENU, 0.0)],
)
def test_only_what_is_not_asked_for_is_given_up(trigger: Trigger, least: float) -> None:
    hole = cut(snapshot("x = ‸"))
    assert stop_rule(hole, trigger, settings_with(), min_probability=0.6).min_probability == least
