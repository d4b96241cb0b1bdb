"""The decoding loop: from token ids to text, reusing the KV cache and obeying a stop rule.

Pure of llama.cpp: it drives anything that looks like :class:`TokenModel`, so its behaviour is
tested without a model.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from infill_ls.engine.text_stop import TextStop
from infill_ls.engine.vocabulary import Vocabulary
from infill_ls.types import Completion, EngineTimings, StopReason, StopRule

Logits = npt.NDArray[np.float32]

PREFILL_CHUNK_TOKENS = 128
"""Tokens decoded between two looks at the cancel flag. A cancelled prefill keeps its chunks."""


class Cancelled(Exception):  # noqa: N818 - an outcome, not an error
    """The request was cancelled; what was decoded stays in the KV cache."""


class TokenModel(Protocol):
    """A context with one sequence of decoded tokens."""

    @property
    def context_tokens(self) -> int:
        """How many tokens the sequence can hold."""

    def decode(self, token_ids: Sequence[int]) -> None:
        """Append tokens to the sequence."""

    def logits(self) -> Logits:
        """Return the logits after the last token decoded; a view that the next decode overwrites."""

    def truncate(self, length: int) -> None:
        """Drop all tokens from position ``length`` on."""


@dataclass(slots=True)
class _Clock:
    started: float

    @property
    def ms(self) -> float:
        return (time.perf_counter() - self.started) * 1000


class Decoder:
    """Greedy decoding with exact prefix reuse and token healing.

    Invariant: ``self._cached`` is always the sequence that the model holds.
    """

    def __init__(self, model: TokenModel, vocabulary: Vocabulary, stop_ids: frozenset[int]) -> None:
        self._model = model
        self._vocabulary = vocabulary
        self._stop_ids = stop_ids
        self._cached: list[int] = []

    def prefill(self, token_ids: Sequence[int], is_cancelled: Callable[[], bool]) -> int:
        """Make the model hold exactly ``token_ids``; return how many it already held.

        The last token is always decoded again, as its logits are needed.
        Raises :class:`Cancelled`.
        """
        reused = min(_common_prefix(self._cached, token_ids), len(token_ids) - 1)
        self._truncate(reused)
        for start in range(reused, len(token_ids), PREFILL_CHUNK_TOKENS):
            if is_cancelled():
                raise Cancelled
            self._append(token_ids[start : start + PREFILL_CHUNK_TOKENS])
        return reused

    def complete(
        self,
        token_ids: Sequence[int],
        fragment: bytes,
        stop: StopRule,
        is_cancelled: Callable[[], bool],
    ) -> Completion:
        """Continue ``token_ids`` greedily with text that starts with ``fragment``.

        The fragment is not part of the completion's text. Raises :class:`Cancelled`.
        """
        clock = _Clock(time.perf_counter())
        reused = self.prefill(token_ids, is_cancelled)
        prefill_ms = clock.ms
        max_tokens = min(stop.max_tokens, self._model.context_tokens - len(token_ids))
        clock = _Clock(time.perf_counter())
        text = TextStop(stop)
        required = fragment
        logprob_sum = 0.0
        tokens = 0
        reason: StopReason | None = None
        while reason is None:
            if is_cancelled():
                raise Cancelled
            logits = self._model.logits()
            token = self._choose(logits, required)
            if token is None:
                reason = StopReason.STUCK
                break
            if not required and token in self._stop_ids:
                logprob_sum += _logprob(logits, token)
                tokens += 1
                reason = StopReason.END
                break
            logprob_sum += _logprob(logits, token)
            tokens += 1
            piece = self._vocabulary.pieces[token]
            required, piece = required[len(piece) :], piece[len(required) :]
            reason = text.feed(piece)
            if reason is None and tokens >= max_tokens:
                reason = StopReason.TOKENS
            if reason is None and clock.ms > stop.time_budget_ms:
                reason = StopReason.TIME
            if reason is None:
                self._append([token])
        written = "" if required else text.text()
        timings = EngineTimings(reused, len(token_ids) - reused, prefill_ms, tokens, clock.ms)
        return Completion(written, reason, logprob_sum / max(tokens, 1), timings)

    def _choose(self, logits: Logits, required: bytes) -> int | None:
        """Return the most likely token, of those that agree with ``required`` if that is not empty."""
        if not required:
            return int(np.argmax(logits))
        allowed = self._vocabulary.allowed(required)
        return int(allowed[np.argmax(logits[allowed])]) if allowed.size else None

    def _append(self, token_ids: Sequence[int]) -> None:
        try:
            self._model.decode(token_ids)
        except BaseException:
            # How much of the batch went in is unknown: forget it all.
            self._model.truncate(0)
            self._cached.clear()
            raise
        self._cached.extend(token_ids)

    def _truncate(self, length: int) -> None:
        if length < len(self._cached):
            self._model.truncate(length)
            del self._cached[length:]


def _common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    for position, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return position
    return min(len(left), len(right))


def _logprob(logits: Logits, token: int) -> float:
    """Return the natural log of the token's softmax probability."""
    top = float(logits.max())
    return float(logits[token]) - top - float(np.log(np.exp(logits - top).sum()))
