"""Tests of what the calibration measures, keeps and chooses."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from infill_ls.engine.llama.calibration import (
    ROUNDS,
    Attention,
    Calibration,
    CalibrationStore,
    Choices,
    calibrate,
    first_choice,
    measure_again,
)
from infill_ls.engine.llama.worker import prefill_chunk_tokens

ALL = Choices.of(0, "auto", "auto", cores=4, on_gpu=True)
FLASH, PLAIN, SMALL = ALL.attention


class SlowModel:
    """Takes known times: two threads are best for prefill, each attention has its own speed."""

    def __init__(self, slowness: dict[Attention, float]) -> None:
        self.threads = (0, 0)
        self.attention = PLAIN
        self.slowness = slowness
        self.held = 0
        self.clock = 0.0
        self.step_ms = {1: 10.0, 2: 9.5, 3: 20.0, 4: 30.0}
        self.prefill_ms = {1: 2.0, 2: 1.0, 3: 1.25, 4: 1.5}
        """For a token."""
        self.slow_steps = 0
        self.launch_ms = 0.0
        """For a batch, however large: what a GPU waits for its work."""
        self.loading_ms = 0.0
        """What the first batch takes longer than all others."""
        self.attention_ms = 0.0
        """For a step and a token held, with one thread."""
        self.deep_slowness = dict.fromkeys(slowness, 1.0)
        """Of attention alone."""

    def open_context(self, attention: Attention) -> None:
        self.attention = attention
        self.held = 0

    def set_threads(self, decode: int, prefill: int) -> None:
        self.threads = (decode, prefill)

    def decode(
        self, sequence: int, position: int, token_ids: Sequence[int], *, all_logits: bool
    ) -> None:
        assert position == self.held
        self.held += len(token_ids)
        if len(token_ids) == 1:
            milliseconds = self.step_ms[self.threads[0]]
            attention_ms = self.attention_ms * self.deep_slowness[self.attention]
            milliseconds += attention_ms * position / self.threads[0]
            self.slow_steps += milliseconds >= 1_000
        else:
            milliseconds = self.launch_ms + len(token_ids) * self.prefill_ms[self.threads[1]]
            milliseconds += self.loading_ms
            self.loading_ms = 0.0
        self.clock += milliseconds / 1000 * self.slowness[self.attention]

    def truncate(self, sequence: int, length: int) -> None:
        self.held = length


def test_the_best_setting_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    model = SlowModel({FLASH: 1.5, PLAIN: 1.0, SMALL: 1.2})
    monkeypatch.setattr("time.perf_counter", lambda: model.clock)
    found = calibrate(model, ALL)
    assert found is not None
    assert (found.decode_threads, found.prefill_threads) == (1, 2)
    assert found.attention == PLAIN
    assert found.is_steady
    assert dict(found.batch_costs)[1] == pytest.approx(10.0)
    assert model.threads == (1, 2)
    assert model.attention == PLAIN


@pytest.mark.parametrize(("prefill_ms", "expected"), [(0.5, 2), (20.0, 1)])
def test_threads_are_compared_in_a_long_context_if_that_is_filled_soon(
    monkeypatch: pytest.MonkeyPatch, prefill_ms: float, expected: int
) -> None:
    """At 256 tokens one thread is nearly as fast as two, at 1 024 it is not."""
    model = SlowModel({FLASH: 1.0, PLAIN: 1.5, SMALL: 1.2})
    model.attention_ms = 0.006
    model.prefill_ms = dict.fromkeys(model.prefill_ms, prefill_ms)
    monkeypatch.setattr("time.perf_counter", lambda: model.clock)
    found = calibrate(model, ALL)
    assert found is not None
    assert found.decode_threads == expected


@pytest.mark.parametrize(
    ("of_flash", "of_small", "expected"),
    [(2.0, 2.0, PLAIN), (0.5, 0.5, FLASH), (2.0, 0.1, SMALL)],
)
def test_attention_is_chosen_in_a_context_like_that_of_a_request(
    monkeypatch: pytest.MonkeyPatch, of_flash: float, of_small: float, expected: Attention
) -> None:
    """What is slow at 1 024 tokens is hardly so at 256."""
    model = SlowModel({FLASH: 0.6, PLAIN: 1.0, SMALL: 0.6})
    model.attention_ms = 0.03
    model.step_ms = dict.fromkeys(model.step_ms, 1.0)
    model.prefill_ms = dict.fromkeys(model.prefill_ms, 0.1)
    model.deep_slowness = {FLASH: of_flash, PLAIN: 1.0, SMALL: of_small}
    monkeypatch.setattr("time.perf_counter", lambda: model.clock)
    found = calibrate(model, ALL)
    assert found is not None
    assert found.attention == expected


@pytest.mark.parametrize(("on_gpu", "usual"), [(True, FLASH), (False, PLAIN)])
def test_until_all_is_measured_flash_attention_is_for_gpus(
    monkeypatch: pytest.MonkeyPatch, *, on_gpu: bool, usual: Attention
) -> None:
    model = SlowModel({FLASH: 1.0, PLAIN: 1.0, SMALL: 1.0})
    monkeypatch.setattr("time.perf_counter", lambda: model.clock)
    choices = Choices.of(0, "auto", "auto", cores=4, on_gpu=on_gpu)
    assert set(choices.attention) == {FLASH, PLAIN, SMALL}
    assert first_choice(model, choices).attention == usual


def test_a_busy_machine_is_not_measured_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all threads a step takes a hundred times longer: nothing more is tried with them."""
    model = SlowModel({FLASH: 1.5, PLAIN: 1.0, SMALL: 1.2})
    model.step_ms[4] = 1_000.0
    monkeypatch.setattr("time.perf_counter", lambda: model.clock)
    found = calibrate(model, ALL)
    assert found is not None
    assert (found.decode_threads, found.prefill_threads) == (1, 2)
    assert found.attention == FLASH  # the usual one
    assert not found.is_steady  # to be measured again when it is calm
    assert model.slow_steps <= 3


@pytest.mark.parametrize("times_slower", [1, 5, 30])
def test_who_waits_for_a_new_model_waits_for_a_quick_choice_only(
    monkeypatch: pytest.MonkeyPatch, times_slower: float
) -> None:
    model = SlowModel(dict.fromkeys((FLASH, PLAIN, SMALL), times_slower))
    model.step_ms = dict.fromkeys(model.step_ms, 10.0)
    monkeypatch.setattr("time.perf_counter", lambda: model.clock)
    found = first_choice(model, ALL)
    steps = 4 * ROUNDS + 1
    assert model.clock <= times_slower * (steps * 10.0 + 2 * 64 * 2.0) / 1000
    assert not found.is_steady
    assert not found.is_whole
    assert found.attention == FLASH
    assert model.attention == FLASH
    costs = dict(found.batch_costs)
    assert costs[1] == pytest.approx(10.0 * times_slower)
    assert costs[64] == pytest.approx(64 * model.prefill_ms[4] * times_slower)
    assert costs[1] <= costs[2] <= costs[16] <= costs[64]


def test_all_is_measured_until_the_model_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    model = SlowModel({FLASH: 1.5, PLAIN: 1.0, SMALL: 1.2})
    monkeypatch.setattr("time.perf_counter", lambda: model.clock)
    for calls in (0, 1, 20):
        wanted = iter([False] * calls + [True] * 1000)
        assert calibrate(model, ALL, wanted.__next__) is None
    assert calibrate(model, ALL) is not None


@pytest.mark.parametrize(("launch_ms", "has_large"), [(12.0, True), (0.0, False)])
def test_a_gpu_reads_a_prompt_in_large_chunks(
    monkeypatch: pytest.MonkeyPatch, launch_ms: float, has_large: bool
) -> None:
    """Its first batch takes long, as its kernels are loaded; and small ones leave it idle."""
    model = SlowModel({FLASH: 1.0, PLAIN: 1.5, SMALL: 1.2})
    model.step_ms = dict.fromkeys(model.step_ms, 4.5)
    model.prefill_ms = dict.fromkeys(model.prefill_ms, 0.1)
    model.launch_ms, model.loading_ms = launch_ms, 180.0
    monkeypatch.setattr("time.perf_counter", lambda: model.clock)
    first = first_choice(model, ALL)
    assert dict(first.batch_costs)[64] == pytest.approx(launch_ms + 6.4)
    assert prefill_chunk_tokens(first.batch_costs) == (512 if has_large else 6 * 64)
    whole = calibrate(model, ALL)
    assert whole is not None
    assert (512 in dict(whole.batch_costs)) is has_large
    model.open_context(FLASH)
    model.decode(0, 0, [1] * 300, all_logits=False)
    again = measure_again(model, whole, ALL, sequence=0, held=300, is_wanted=lambda: False)
    assert again is not None
    assert (512 in dict(again.batch_costs)) is has_large
    assert model.held == 300


def test_it_is_measured_again_behind_what_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    model = SlowModel({FLASH: 1.0, PLAIN: 1.0, SMALL: 1.0})
    monkeypatch.setattr("time.perf_counter", lambda: model.clock)
    model.open_context(FLASH)
    model.set_threads(1, 1)
    model.decode(0, 0, [1] * 300, all_logits=False)
    former = Calibration(1, 1, FLASH, ((1, 500.0), (64, 9000.0)), is_steady=False)
    found = measure_again(model, former, ALL, sequence=0, held=300, is_wanted=lambda: False)
    assert found is not None
    assert found.is_steady
    assert (found.decode_threads, found.prefill_threads) == (1, 2)
    assert model.held == 300
    wanted = iter([False, False, True])
    given_up = measure_again(
        model, former, ALL, sequence=0, held=300, is_wanted=lambda: next(wanted)
    )
    assert given_up is None
    assert model.held == 300
    assert model.threads == (1, 1), "as before"


def test_two_threads_slower_than_one_in_prefill_are_a_busy_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rounds agree, as the other program takes its core in all of them."""
    model = SlowModel({FLASH: 1.0, PLAIN: 1.5, SMALL: 1.2})
    model.prefill_ms = {1: 1.0, 2: 1.5, 3: 1.5, 4: 1.5}
    monkeypatch.setattr("time.perf_counter", lambda: model.clock)
    found = calibrate(model, ALL)
    assert found is not None
    assert found.prefill_threads == 1
    assert not found.is_steady


@pytest.mark.parametrize(("of_small", "expected"), [(0.95, FLASH), (0.8, SMALL)])
def test_a_cache_in_fewer_bits_must_be_clearly_faster(
    monkeypatch: pytest.MonkeyPatch, of_small: float, expected: Attention
) -> None:
    model = SlowModel({FLASH: 1.0, PLAIN: 1.5, SMALL: of_small})
    monkeypatch.setattr("time.perf_counter", lambda: model.clock)
    found = calibrate(model, ALL)
    assert found is not None
    assert found.attention == expected


def test_the_user_may_decide_instead_of_the_measurement() -> None:
    def left(threads: int, flash_attention: str, kv_type: str) -> Choices:
        return Choices.of(threads, flash_attention, kv_type, cores=4, on_gpu=True)

    assert left(3, "auto", "auto") == Choices((3,), ALL.attention)
    assert left(0, "on", "auto") == Choices(ALL.threads, (FLASH, SMALL))
    assert left(0, "off", "auto").attention == (PLAIN,)
    assert left(0, "auto", "f16").attention == (FLASH, PLAIN)
    assert left(0, "on", "f16").attention == (FLASH,)
    assert left(0, "off", "q8_0").attention == (SMALL,), "it works with flash attention only"


def test_calibrations_are_kept(tmp_path: Path) -> None:
    model = tmp_path / "model.gguf"
    model.write_bytes(b"weights")
    store = CalibrationStore(tmp_path / "cache")
    assert store.get(model, "cpu", ALL) is None
    known = Calibration(2, 4, FLASH, batch_costs=((1, 3.5), (2, 5.0)))
    store.put(model, "cpu", ALL, known)
    assert store.get(model, "cpu", ALL) == known
    assert store.get(model, "cuda", ALL) is None
    assert store.get(model, "cpu", Choices((1,), (PLAIN,))) is None
    model.write_bytes(b"other weights")
    assert store.get(model, "cpu", ALL) is None


def test_what_a_busy_machine_measured_is_measured_again_the_next_day(tmp_path: Path) -> None:
    model = tmp_path / "model.gguf"
    model.write_bytes(b"weights")
    store = CalibrationStore(tmp_path / "cache")
    shaky = Calibration(1, 1, FLASH, batch_costs=((1, 9.0),), is_steady=False)
    store.put(model, "cpu", ALL, shaky)
    assert store.get(model, "cpu", ALL) == shaky
    (file,) = (tmp_path / "cache").iterdir()
    two_days_ago = time.time() - 2 * 86_400
    os.utime(file, (two_days_ago, two_days_ago))
    assert store.get(model, "cpu", ALL) is None


def test_a_broken_file_or_disk_is_no_error(tmp_path: Path) -> None:
    model = tmp_path / "model.gguf"
    model.write_bytes(b"weights")
    store = CalibrationStore(tmp_path / "cache")
    known = Calibration(1, 1, PLAIN, batch_costs=())
    store.put(model, "cpu", ALL, known)
    (file,) = (tmp_path / "cache").iterdir()
    file.write_text("{")
    assert store.get(model, "cpu", ALL) is None
    (tmp_path / "file").write_text("in the way")
    CalibrationStore(tmp_path / "file").put(model, "cpu", ALL, known)
