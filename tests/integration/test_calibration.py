"""Tests of measuring a model's speed: the KV cache keeps its contents, and when it is measured."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infill_ls.engine.base import CompletionRequest
from infill_ls.engine.llama.devices import Device
from infill_ls.engine.llama.model import LlamaModel
from infill_ls.engine.llama.worker import QueuedRequest, Worker
from infill_ls.engine.messages import Answer, Complete, Completions, SoFar
from infill_ls.engine.rendezvous import EngineOptions
from infill_ls.types import Prompt, StopRule

WRONG_MS = 1e7
TOKENS = [5 + number % 300 for number in range(200)]
GIVEN_UP_AFTER = 5


def test_the_tokens_of_a_sequence_stay_when_it_is_measured_again(shallow_model: Path) -> None:
    model = LlamaModel(EngineOptions(shallow_model, threads=1))
    try:
        model.decode(0, 0, TOKENS, all_logits=False)
        model.decode(0, len(TOKENS), [7], all_logits=False)
        before = int(model.logits(-1).argmax())
        for answers in ([False] * 100, [False, False, True]):
            wanted = iter(answers)
            model.calibrate_again(0, len(TOKENS), lambda wanted=wanted: next(wanted))  # type: ignore[misc]
            model.decode(0, len(TOKENS), [7], all_logits=False)
            assert int(model.logits(-1).argmax()) == before
    finally:
        model.close()


def decode_ms(options: EngineOptions) -> float:
    """Return how long a step takes, as an engine with these options believes at its start."""
    model = LlamaModel(options)
    try:
        return model.info.decode_ms
    finally:
        model.close()


def test_what_is_known_is_measured_anew_if_that_is_asked_for(
    shallow_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    options = EngineOptions(shallow_model, threads=1)
    decode_ms(options)
    (kept,) = (tmp_path / "infill-ls" / "calibration").iterdir()
    known = json.loads(kept.read_text("utf-8"))
    wrong = known | {"batch_costs": [[1, WRONG_MS], [64, WRONG_MS]], "is_steady": True}
    kept.write_text(json.dumps(wrong), "utf-8")
    assert decode_ms(options) == WRONG_MS
    assert decode_ms(replace(options, measures=True)) < WRONG_MS
    assert decode_ms(options) < WRONG_MS


def read_for(worker: Worker, tokens: list[int]) -> int:
    """Have a prompt completed; return how many of its tokens were read."""
    told: list[Answer | SoFar] = []
    prompt = Prompt(tuple(tokens), len(tokens), "", "")
    request = CompletionRequest(prompt=prompt, stop=StopRule(1, 1, time_budget_ms=60_000))
    worker._serve(QueuedRequest(Complete.of(1, request, tells=False), told.append))
    (answer,) = told
    assert isinstance(answer, Completions)
    return answer.completions[0].timings.prefill_tokens


def test_a_new_model_is_measured_later_and_what_it_has_read_is_there_again(
    shallow_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    model = LlamaModel(EngineOptions(shallow_model, threads=1))
    try:
        worker = Worker(model)
        first = model.calibration
        assert not first.is_whole
        assert read_for(worker, TOKENS) == len(TOKENS)
        worker._calibrate_again()
        assert model.calibration.is_whole
        assert read_for(worker, TOKENS) <= 2
    finally:
        model.close()
    again = LlamaModel(EngineOptions(shallow_model, threads=1))
    try:
        assert again.calibration.is_whole, "it is known now"
    finally:
        again.close()


@pytest.mark.parametrize("why", ["power is to be saved", "the engine ends"])
def test_a_measurement_is_given_up_at_once_when(
    why: str, shallow_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    model = LlamaModel(EngineOptions(shallow_model, threads=1))
    saves_power = threading.Event()
    try:
        worker = Worker(model, saves_power=saves_power.is_set)
        read_for(worker, TOKENS)
        decode, decoded = model.decode, 0

        def counting(*arguments: Any, **options: Any) -> None:
            nonlocal decoded
            decoded += 1
            if decoded == GIVEN_UP_AFTER:
                saves_power.set() if why == "power is to be saved" else worker.stop()
            decode(*arguments, **options)

        monkeypatch.setattr(model, "decode", counting)
        worker._calibrate_again()
        assert decoded == GIVEN_UP_AFTER
        assert not model.calibration.is_whole
        assert read_for(worker, TOKENS) <= 2
    finally:
        model.close()


def test_on_a_gpu_prompts_stay_in_the_cells_and_the_measurement_is_taken_all_the_same(
    shallow_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    gpu = Device("CUDA0", "a GPU", "gpu", free_bytes=10**11, total_bytes=10**11)
    monkeypatch.setattr("infill_ls.engine.llama.model.list_devices", lambda: [gpu])
    model = LlamaModel(EngineOptions(shallow_model, threads=1))
    moved: list[int] = []
    monkeypatch.setattr(model, "save", moved.append)
    other = [9 + number % 200 for number in range(200)]
    try:
        assert model.parked_tokens == 0
        worker = Worker(model)
        assert [read_for(worker, t) for t in (TOKENS, other)] == [len(TOKENS), len(other)]
        assert max(read_for(worker, t) for t in (TOKENS, other, TOKENS)) <= 1
        assert not moved
        worker._calibrate_again()
        assert model.calibration.is_whole
        assert read_for(worker, TOKENS) <= 2
    finally:
        model.close()
