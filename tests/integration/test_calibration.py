"""Measuring again does not cost what the KV cache holds."""

from __future__ import annotations

from infill_ls.engine.llama.model import LlamaModel
from infill_ls.engine.rendezvous import EngineOptions
from infill_ls.models.store import bundled_model_path

TOKENS = [5 + number % 300 for number in range(200)]


def test_the_tokens_of_a_sequence_stay_when_it_is_measured_again() -> None:
    model = LlamaModel(EngineOptions(bundled_model_path(), threads=1))
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
