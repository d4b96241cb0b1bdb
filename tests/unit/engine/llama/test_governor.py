from __future__ import annotations

from infill_ls.engine.llama.calibration import Attention, Calibration, fewest_good
from infill_ls.engine.llama.governor import RETRY_AFTER_S, ThreadGovernor

CALIBRATION = Calibration(
    2, 4, attention=Attention(flash=True, kv_type="f16"), batch_costs=((1, 10.0), (128, 100.0))
)


def governor() -> tuple[ThreadGovernor, list[tuple[int, int]]]:
    calls: list[tuple[int, int]] = []
    return ThreadGovernor(
        CALIBRATION, lambda decode, prefill: calls.append((decode, prefill))
    ), calls


def test_a_quiet_machine_keeps_its_threads() -> None:
    watched, calls = governor()
    for step in range(50):
        watched.observe(1, 12.0, step)
        watched.observe(128, 110.0, step)
        watched.observe(3, 9999.0, step)  # not calibrated: says nothing
    assert calls == []
    assert not watched.is_reduced


def test_one_slow_step_is_not_enough() -> None:
    watched, calls = governor()
    watched.observe(1, 35.0, 0)
    watched.observe(1, 10.0, 0)
    assert calls == []


def test_a_busy_machine_gets_one_thread_and_all_of_them_later() -> None:
    watched, calls = governor()
    for _ in range(3):
        watched.observe(1, 70.0, 100.0)
    assert calls == [(1, 1)]
    watched.observe(1, 15.0, 100.0 + RETRY_AFTER_S / 2)
    assert calls == [(1, 1)]
    watched.observe(1, 15.0, 100.0 + RETRY_AFTER_S)
    assert calls == [(1, 1), (2, 4)]


def test_the_fewest_threads_that_are_nearly_as_fast() -> None:
    assert fewest_good({1: 50.0, 2: 30.0, 4: 27.0, 8: 26.0}) == 4
    assert fewest_good({1: 4.3, 2: 3.9}) == 1
    assert fewest_good({1: 4.3, 2: 3.0}) == 2
