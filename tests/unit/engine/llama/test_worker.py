"""Tests of the engine's worker: how much of a prompt it decodes at a time, and whose request comes first."""

from __future__ import annotations

import pytest

from infill_ls.engine import CompletionRequest, Priority, messages
from infill_ls.engine.llama.worker import (
    BACKGROUND_CHUNK_MS,
    LEAST_BACKGROUND_CHUNK_TOKENS,
    LONGEST_LOOK_S,
    LOOK_S,
    QUIET_PERCENT,
    QueuedRequest,
    QuietHours,
    RequestLine,
    Turn,
    first_chunk_tokens,
    prefill_chunk_tokens,
)
from infill_ls.types import Prompt, StopRule

SLOW_MS = BACKGROUND_CHUNK_MS * 10


@pytest.mark.parametrize(
    ("costs", "tokens"),
    [
        ((), LEAST_BACKGROUND_CHUNK_TOKENS),
        (((1, SLOW_MS), (64, SLOW_MS)), LEAST_BACKGROUND_CHUNK_TOKENS),
        (((1, 0.1), (256, 1.0), (512, SLOW_MS)), 256),
    ],
)
def test_chunks_are_done_between_two_keys_also_on_a_slow_machine(
    costs: tuple[tuple[int, float], ...], tokens: int
) -> None:
    assert first_chunk_tokens(costs) == tokens


@pytest.mark.parametrize(
    ("milliseconds", "tokens"),
    [(90.0, 64), (36.0, 64), (13.3, 192), (5.0, 512), (1.0, 512)],
)
def test_a_gpu_reads_prompts_in_larger_chunks_that_still_end_soon(
    milliseconds: float, tokens: int
) -> None:
    assert prefill_chunk_tokens(((1, 1.0), (64, milliseconds))) == tokens


def test_what_is_not_certain_is_measured_again_when_it_was_quiet_for_a_while() -> None:
    used = [0.0]
    quiet = QuietHours(lambda: used[0], lambda: False)
    assert quiet.look_in_s == LOOK_S
    assert not quiet.have_come(), "what was used until now says nothing of when nobody asked"
    assert quiet.have_come()
    quiet.are_over()
    assert not quiet.have_come()
    used[0] = QUIET_PERCENT + 1
    assert not quiet.have_come()
    for _ in range(20):
        quiet.have_come()
    assert quiet.look_in_s == LONGEST_LOOK_S


def test_nothing_is_measured_where_power_is_saved() -> None:
    saves = [True]
    quiet = QuietHours(lambda: 0.0, lambda: saves[0])
    assert not any(quiet.have_come() for _ in range(20))
    assert quiet.look_in_s == LOOK_S
    saves[0] = False
    assert not quiet.have_come(), "it begins to count"
    assert quiet.have_come()
    saves[0] = True
    assert not quiet.have_come()


def warm() -> QueuedRequest:
    return QueuedRequest(
        messages.Warm(id=1, token_ids=(1,), anchor_tokens=1, document=""), lambda _: None
    )


def complete(priority: Priority) -> QueuedRequest:
    prompt = Prompt((1,), 1, "", "")
    request = CompletionRequest(prompt=prompt, stop=StopRule(1, 1), priority=priority)
    return QueuedRequest(messages.Complete.of(2, request, tells=False), lambda _: None)


def test_who_types_comes_first_and_a_long_answer_last() -> None:
    line = RequestLine()
    long, first, second, warming = (
        complete(Priority.LONG),
        complete(Priority.TYPING),
        complete(Priority.TYPING),
        warm(),
    )
    for asked in (long, warming, first, second):
        line.join(asked)
    assert line.has_before(Turn.LONG)
    assert line.take_before(Turn.LONG) is first
    assert line.take(None) is second
    assert not line.has_before(Turn.WARMING)
    assert line.take_before(Turn.LONG) is warming
    assert line.take_before(Turn.LONG) is None
    assert line.take(None) is long
    assert line.take(0.0) is None
    line.close()
    assert line.take(None) is None
