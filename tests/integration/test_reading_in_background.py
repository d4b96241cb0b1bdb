"""Tests of reading a prompt in the background: its chunks grow, and a key loses none that it needs."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from infill_ls.engine.base import CompletionRequest
from infill_ls.engine.decoding.decoder import Cancelled
from infill_ls.engine.llama import worker
from infill_ls.engine.llama.model import LlamaModel
from infill_ls.engine.llama.worker import QueuedRequest, Worker
from infill_ls.engine.messages import Answer, Complete, Completions, SoFar, Warm
from infill_ls.engine.rendezvous import EngineOptions
from infill_ls.types import Prompt, StopRule

TOKENS = tuple(5 + number % 300 for number in range(400))
FIRST_CHUNK_TOKENS = 16
OTHER_TOKENS = tuple(9 + number % 200 for number in range(400))


class Reading:
    """A worker that reads in the background, and is asked for something as its third chunk begins."""

    def __init__(self, model: LlamaModel, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(worker, "first_chunk_tokens", lambda _: FIRST_CHUNK_TOKENS)
        self._worker = Worker(model)
        self._monkeypatch = monkeypatch
        self._model = model
        self._decode = model.decode
        self.chunks: list[int] = []
        self.interrupted: list[int] = []
        """Which of them were broken off, from 1."""
        self.told: list[Answer | SoFar] = []
        self.wanted: tuple[int, ...] = ()
        self.other: tuple[int, ...] | None = None
        self._first: QueuedRequest | None = None
        monkeypatch.setattr(model, "decode", self._decode_and_note)

    def run(self, wanted: tuple[int, ...]) -> Completions:
        """Read; be asked for ``wanted`` meanwhile; return the answer."""
        self.wanted = wanted
        self._warm()
        self._worker.run()
        (answer,) = (each for each in self.told if isinstance(each, Completions))
        return answer

    def read_and_go(self, other: tuple[int, ...]) -> None:
        """Read; give that up meanwhile, and read ``other``."""
        self.other = other
        self._warm()
        self._worker.run()

    def read_again_and_be_asked(self, wanted: tuple[int, ...]) -> None:
        """Have a prompt, be measured, and be asked for something as it is read again."""
        self._worker._decoder.warm(TOKENS, lambda: False, len(TOKENS), "a.py", len(TOKENS))
        self.wanted = wanted
        self._monkeypatch.setattr(self._model, "calibrate_whole", self._is_measured)
        self._monkeypatch.setattr(self._model, "restore", lambda *_: False)  # of another attention
        self._worker._calibrate_again()

    def _is_measured(self, _: object) -> bool:
        self.chunks.clear()
        return True

    def _warm(self) -> None:
        warm = Warm(id=1, token_ids=TOKENS, anchor_tokens=len(TOKENS), document="")
        self._first = QueuedRequest(warm, self.told.append)
        self._worker.submit(self._first)

    def _goes_elsewhere(self, other: tuple[int, ...]) -> None:
        assert self._first is not None
        self._worker.cancel(self._first)
        warm = Warm(id=2, token_ids=other, anchor_tokens=len(other), document="")
        self._worker.submit(QueuedRequest(warm, self._answered))

    def _decode_and_note(
        self, sequence: int, position: int, token_ids: tuple[int, ...], **options: Any
    ) -> None:
        self.chunks.append(len(token_ids))
        if len(self.chunks) == 3 and self.other is not None:
            self._goes_elsewhere(self.other)
        elif len(self.chunks) == 3:
            prompt = Prompt(self.wanted, len(self.wanted), "", "")
            request = CompletionRequest(prompt=prompt, stop=StopRule(1, 1, time_budget_ms=60_000))
            asked = QueuedRequest(Complete.of(2, request, tells=False), self._answered)
            thread = threading.Thread(target=self._worker.submit, args=(asked,))
            thread.start()
            thread.join()
        try:
            self._decode(sequence, position, token_ids, **options)
        except Cancelled:
            self.interrupted.append(len(self.chunks))
            raise

    def _answered(self, answer: Answer | SoFar) -> None:
        self.told.append(answer)
        self._worker.stop()


@pytest.fixture
def reading(shallow_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    model = LlamaModel(EngineOptions(shallow_model, threads=1))
    yield Reading(model, monkeypatch)
    model.close()


def test_a_key_that_needs_what_is_being_read_lets_the_chunk_end(reading: Reading) -> None:
    typed = (*TOKENS, 7)
    answer = reading.run(typed)
    assert sum(reading.chunks) == len(typed), "nothing is read twice"
    assert answer.completions[0].timings.reused_tokens == sum(reading.chunks[:3])


def test_a_key_at_another_place_does_not_wait_for_the_chunk(reading: Reading) -> None:
    answer = reading.run(OTHER_TOKENS)
    assert answer.completions[0].timings.reused_tokens == 0
    assert sum(reading.chunks) == sum(reading.chunks[:3]) + len(OTHER_TOKENS)


def test_who_goes_elsewhere_does_not_wait_for_the_chunk_either(reading: Reading) -> None:
    reading.read_and_go(OTHER_TOKENS)
    assert reading.interrupted == [3]
    assert sum(reading.chunks[3:]) == len(OTHER_TOKENS)


def test_what_is_read_again_after_a_measurement_does_not_keep_a_key_waiting(
    reading: Reading,
) -> None:
    reading.read_again_and_be_asked(OTHER_TOKENS)
    assert reading.interrupted == [3]
