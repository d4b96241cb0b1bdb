"""How likely a model holds texts that it is given, behind a prompt. By llama.cpp, in this process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from infill_ls.engine import EngineOptions
from infill_ls.engine.llama.model import BATCH_TOKENS, LlamaModel

_SEQUENCE = 0


class Likelihood:
    """A loaded model, on one thread, so that others may work beside it."""

    def __init__(self, model: Path) -> None:
        self._model = LlamaModel(EngineOptions(model, threads=1))
        self._held: tuple[int, ...] = ()
        """The prompt in the sequence but for its last token."""

    def tokenize(self, text: str) -> tuple[int, ...]:
        """Return the ids of ``text``, without special ones."""
        return self._model.vocab.tokenize(text)

    def of(self, prompt: Sequence[int], text: Sequence[int]) -> list[float]:
        """Return the natural log probability of each token of ``text``, which has at least one.

        A second text behind the same prompt does not read it again.
        """
        rows = self._rows(prompt, text, len(text))
        return [_log_probability(row, token) for row, token in zip(rows, text, strict=True)]

    def whole(self, prompt: Sequence[int], text: Sequence[int]) -> float:
        """Return the natural log probability that the model writes ``text`` and ends there."""
        stops = sorted(self._model.info.stop_ids)
        *written, end = self._rows(prompt, text, len(text) + 1)
        ends = np.logaddexp.reduce([_log_probability(end, stop) for stop in stops])
        return sum(map(_log_probability, written, text)) + float(ends)

    def _rows(
        self, prompt: Sequence[int], text: Sequence[int], count: int
    ) -> list[npt.NDArray[np.float32]]:
        """Return the logits behind ``prompt`` and behind each token of ``text``, ``count`` in all."""
        self._read(prompt)
        rows = [self._model.logits(-1).copy()]
        for first in range(0, count - 1, BATCH_TOKENS):
            part = text[first : min(first + BATCH_TOKENS, count - 1)]
            self._model.decode(_SEQUENCE, len(prompt) + first, part, all_logits=True)
            rows += [self._model.logits(index).copy() for index in range(len(part))]
        self._model.truncate(_SEQUENCE, len(prompt))
        return rows

    def _read(self, prompt: Sequence[int]) -> None:
        """Have the sequence hold ``prompt``, with the logits behind its last token."""
        *before, last = prompt
        if self._held != tuple(before):
            self._model.truncate(_SEQUENCE, 0)
            for start in range(0, len(before), BATCH_TOKENS):
                part = before[start : start + BATCH_TOKENS]
                self._model.decode(_SEQUENCE, start, part, all_logits=False)
            self._held = tuple(before)
        self._model.truncate(_SEQUENCE, len(before))
        # By itself each time: one token is computed otherwise than many, by a tenth of a nat.
        self._model.decode(_SEQUENCE, len(before), [last], all_logits=False)

    def close(self) -> None:
        """Free the model."""
        self._model.close()


def _log_probability(logits: npt.NDArray[np.float32], token: int) -> float:
    highest = float(logits.max())
    return float(logits[token]) - highest - float(np.log(np.exp(logits - highest).sum()))
