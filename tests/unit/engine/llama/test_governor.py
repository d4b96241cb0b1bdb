"""Tests of the number of threads on a busy machine."""

from __future__ import annotations

from dataclasses import replace

from infill_ls.engine.llama.calibration import Attention, Calibration, fewest_good
from infill_ls.engine.llama.governor import (
    LOOK_EVERY_S,
    RETRY_AFTER_S,
    RETRY_ANYWAY_S,
    ThreadGovernor,
)

CALIBRATION = Calibration(
    2, 4, attention=Attention(flash=True, kv_type="f16"), batch_costs=((1, 10.0), (128, 100.0))
)


class Watched:
    """A governor on a machine of four cores, and what it has set."""

    def __init__(self, calibration: Calibration = CALIBRATION) -> None:
        self.calls: list[tuple[int, int]] = []
        self.taken = 0.0
        self.looks = 0
        self.governor = ThreadGovernor(
            calibration,
            lambda decode, prefill: self.calls.append((decode, prefill)),
            cores=4,
            cores_taken=self._look,
        )

    def _look(self) -> float:
        self.looks += 1
        return self.taken

    def observe(self, tokens: int, milliseconds: float, now_s: float) -> None:
        self.governor.observe(tokens, milliseconds, now_s)


def test_a_quiet_machine_keeps_its_threads() -> None:
    watched = Watched()
    watched.taken = 0.4
    for step in range(50):
        watched.observe(1, 12.0, step)
        watched.observe(128, 110.0, step)
        watched.observe(3, 9999.0, step)  # not calibrated: says nothing
    assert watched.calls == []
    assert not watched.governor.is_reduced


def test_one_slow_step_is_not_enough() -> None:
    watched = Watched()
    watched.observe(1, 35.0, 0)
    watched.observe(1, 10.0, 0)
    assert watched.calls == []


def test_a_busy_machine_gets_one_thread_and_all_of_them_when_it_is_quiet_again() -> None:
    watched = Watched()
    watched.taken = 2.0
    for _ in range(3):
        watched.observe(1, 70.0, 100.0)
    assert watched.calls == [(1, 1)]
    watched.observe(1, 15.0, 100.0 + 2 * RETRY_AFTER_S)
    assert watched.calls == [(1, 1)]  # others still take two of the four cores
    watched.taken = 0.0
    watched.observe(1, 15.0, 100.0 + 3 * RETRY_AFTER_S)
    assert watched.calls == [(1, 1), (2, 4)]


def test_nor_are_all_threads_tried_at_once() -> None:
    watched = Watched()
    for _ in range(3):
        watched.observe(1, 70.0, 100.0)
    watched.observe(1, 15.0, 100.0 + RETRY_AFTER_S / 2)
    assert watched.calls == [(1, 1)]
    watched.observe(1, 15.0, 100.0 + RETRY_AFTER_S)
    assert watched.calls == [(1, 1), (2, 4)]


def test_what_others_take_may_not_be_of_our_cores() -> None:
    watched = Watched()
    watched.taken = 30.0
    for _ in range(3):
        watched.observe(1, 70.0, 100.0)
    watched.observe(1, 15.0, 100.0 + RETRY_ANYWAY_S)
    assert watched.calls == [(1, 1), (2, 4)]
    for step in range(9):  # they are quick: they stay
        watched.observe(1, 10.0, 200.0 + step)
    assert watched.calls == [(1, 1), (2, 4)]


def test_what_was_measured_on_a_busy_machine_is_no_measure() -> None:
    """Steps of seconds seemed usual to an engine that was started beside a build: it kept all threads."""
    slow = tuple((tokens, ms * 200) for tokens, ms in CALIBRATION.batch_costs)
    watched = Watched(replace(CALIBRATION, batch_costs=slow, is_steady=False))
    watched.taken = 2.0
    watched.observe(1, 2000.0, 0.0)
    assert watched.calls == [(1, 1)]
    watched.taken = 0.0
    watched.observe(1, 15.0, RETRY_AFTER_S)
    assert watched.calls == [(1, 1), (2, 4)]


def test_the_machine_is_looked_at_now_and_then() -> None:
    watched = Watched()
    for step in range(100):
        watched.observe(1, 10.0, step * LOOK_EVERY_S / 10)
    assert watched.looks == 10


def test_the_fewest_threads_that_are_nearly_as_fast() -> None:
    assert fewest_good({1: 50.0, 2: 30.0, 4: 27.0, 8: 26.0}) == 4
    assert fewest_good({1: 4.3, 2: 3.9}) == 1
    assert fewest_good({1: 4.3, 2: 3.0}) == 2
