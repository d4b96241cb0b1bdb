from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from infill_ls.engine.calibration import Calibration, CalibrationStore, calibrate


class SlowModel:
    """Takes known times: two threads are best for prefill, flash attention is slower."""

    def __init__(self) -> None:
        self.threads = (0, 0)
        self.flash_attention = False
        self.held = 0
        self.clock = 0.0

    def open_context(self, *, flash_attention: bool) -> None:
        self.flash_attention = flash_attention
        self.held = 0

    def set_threads(self, decode: int, prefill: int) -> None:
        self.threads = (decode, prefill)

    def decode(
        self, sequence: int, position: int, token_ids: Sequence[int], *, all_logits: bool
    ) -> None:
        assert position == self.held
        self.held += len(token_ids)
        if len(token_ids) == 1:
            milliseconds = {1: 10.0, 2: 9.5, 3: 20.0, 4: 30.0}[self.threads[0]]
        else:
            milliseconds = len(token_ids) * {1: 4.0, 2: 2.0, 3: 2.5, 4: 3.0}[self.threads[1]]
        self.clock += milliseconds / 1000 * (1.5 if self.flash_attention else 1.0)

    def truncate(self, sequence: int, length: int) -> None:
        self.held = length


def test_the_best_setting_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    model = SlowModel()
    monkeypatch.setattr("time.perf_counter", lambda: model.clock)
    found = calibrate(model, cores=4)
    assert (found.decode_threads, found.prefill_threads) == (1, 2)
    assert not found.flash_attention
    assert found.is_steady
    assert dict(found.batch_costs)[1] == pytest.approx(10.0)
    assert model.threads == (1, 2)
    assert not model.flash_attention


def test_calibrations_are_kept(tmp_path: Path) -> None:
    model = tmp_path / "model.gguf"
    model.write_bytes(b"weights")
    store = CalibrationStore(tmp_path / "cache")
    assert store.get(model, "cpu") is None
    known = Calibration(2, 4, flash_attention=True, batch_costs=((1, 3.5), (2, 5.0)))
    store.put(model, "cpu", known)
    assert store.get(model, "cpu") == known
    assert store.get(model, "cuda") is None
    model.write_bytes(b"other weights")
    assert store.get(model, "cpu") is None


def test_what_a_busy_machine_measured_is_measured_again_the_next_day(tmp_path: Path) -> None:
    model = tmp_path / "model.gguf"
    model.write_bytes(b"weights")
    store = CalibrationStore(tmp_path / "cache")
    shaky = Calibration(1, 1, flash_attention=True, batch_costs=((1, 9.0),), is_steady=False)
    store.put(model, "cpu", shaky)
    assert store.get(model, "cpu") == shaky
    (file,) = (tmp_path / "cache").iterdir()
    two_days_ago = time.time() - 2 * 86_400
    os.utime(file, (two_days_ago, two_days_ago))
    assert store.get(model, "cpu") is None


def test_a_broken_file_or_disk_is_no_error(tmp_path: Path) -> None:
    model = tmp_path / "model.gguf"
    model.write_bytes(b"weights")
    store = CalibrationStore(tmp_path / "cache")
    known = Calibration(1, 1, flash_attention=False, batch_costs=())
    store.put(model, "cpu", known)
    (file,) = (tmp_path / "cache").iterdir()
    file.write_text("{")
    assert store.get(model, "cpu") is None
    (tmp_path / "file").write_text("in the way")
    CalibrationStore(tmp_path / "file").put(model, "cpu", known)
