"""Tests of the CPU load of other programs, measured apart from our own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import psutil
import pytest

from infill_ls.engine.llama import machine_load
from infill_ls.engine.llama.machine_load import LEAST_S, CoresTaken


class Times(NamedTuple):
    """One processor's seconds, as psutil has them."""

    user: float = 0.0
    nice: float = 0.0
    system: float = 0.0
    idle: float = 0.0


class Machine:
    """A machine whose counters a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, pinned: set[int] | None) -> None:
        self.now = self.own = 0.0
        self.processors: Sequence[Times] = [Times()] * 4
        monkeypatch.setattr(psutil, "cpu_times", lambda percpu: self.processors)
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(time, "process_time", lambda: self.own)
        monkeypatch.setattr(machine_load, "_pinned", lambda: pinned)


def test_our_own_work_and_that_of_nice_programs_do_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine(monkeypatch, None)
    taken = CoresTaken()
    machine.now, machine.own = 10.0, 15.0
    machine.processors = [
        Times(user=9.0, system=1.0),
        Times(user=10.0),
        Times(nice=10.0),
        Times(idle=10.0),
    ]
    assert taken() == pytest.approx(0.5)
    machine.now = 20.0
    assert taken() == 0.0


def test_other_processors_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, {0, 1})
    taken = CoresTaken()
    machine.now = 10.0
    machine.processors = [Times(user=5.0), Times(), Times(user=10.0), Times(user=10.0)]
    assert taken() == pytest.approx(0.5)


def test_a_moment_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, None)
    taken = CoresTaken()
    machine.now = LEAST_S / 2
    machine.processors = [Times(user=0.02)] * 4
    assert taken() == 0.0
    machine.now = LEAST_S
    assert taken() == pytest.approx(0.8)


def test_a_system_that_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, None)

    def fail(percpu: bool) -> None:
        raise OSError(percpu)

    monkeypatch.setattr(psutil, "cpu_times", fail)
    taken = CoresTaken()
    machine.now = 10.0
    assert taken() == 0.0


def test_the_real_machine() -> None:
    assert CoresTaken()() >= 0.0
    assert machine_load.usable_processors() >= 1
