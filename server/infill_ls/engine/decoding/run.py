"""The state of one completion: its request and the text so far. Pure, except for its time budget."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from infill_ls.engine.decoding.text_stop import TextStop
from infill_ls.engine.decoding.vocabulary import Vocabulary
from infill_ls.types import (
    GREEDY,
    Completion,
    EngineTimings,
    Sampling,
    StopReason,
    StopRule,
    Written,
)
from infill_retrieval.syntax import TreeCache

MAY_COME_TOKENS = 8
"""Beside half as much as there is: hardly a line is longer. Of 83 lines of the bundled model that were
likely enough none would have been given up; of the tokens of the others a fifth is not written."""
LOGPROB_DIGITS = 3
MAY_COME_IN_LINES_TOKENS = 24
"""The same, beside as much as there is, of several lines."""


@dataclass(frozen=True, slots=True)
class DecodingTask:
    """One completion to make."""

    token_ids: Sequence[int]
    anchor_tokens: int
    fragment: bytes
    """The output must start with it; it is not part of the completion's text."""
    stop: StopRule
    sampling: Sampling = GREEDY
    candidates: int = 1
    document: str = ""
    """See :attr:`infill_ls.types.Prompt.document`."""


@dataclass(frozen=True, slots=True)
class NextToken:
    """A token to write next, with its natural log probability."""

    token: int
    logprob: float


class Run:
    """What one candidate has written so far."""

    def __init__(
        self,
        task: DecodingTask,
        trees: TreeCache,
        limit: int,
        prefill_tokens: int,
        reused_tokens: int,
        prefill_ms: float,
    ) -> None:
        self.required = task.fragment
        self.drafted = 0
        self.accepted = 0
        self._text = TextStop(task.stop, trees)
        self._limit = limit
        self._time_budget_ms = task.stop.time_budget_ms
        least = task.stop.min_probability
        self._least_logprob = math.log(least) if least > 0 else None
        self._may_have_lines = task.stop.max_lines > 1
        self._prefill = (reused_tokens, prefill_tokens, prefill_ms)
        self._started = time.perf_counter()
        self._tokens = 0
        self._logprobs: list[float] = []
        self._logprob_sum = 0.0
        self._reason = StopReason.STUCK
        self._decode_ms = 0.0

    @property
    def tokens_left(self) -> int:
        """How many more tokens may be written."""
        return self._limit - self._tokens

    def take(
        self, choice: NextToken, vocabulary: Vocabulary, stop_ids: frozenset[int]
    ) -> StopReason | None:
        """Take a token; return why to stop, or ``None``."""
        self._tokens += 1
        self._logprob_sum += choice.logprob
        self._logprobs.append(round(choice.logprob, LOGPROB_DIGITS))
        if not self.required and choice.token in stop_ids:
            return StopReason.END
        piece = vocabulary.pieces[choice.token]
        self.required, piece = self.required[len(piece) :], piece[len(self.required) :]
        reason = self._text.feed(piece)
        if reason is None and self.tokens_left <= 0:
            return StopReason.TOKENS
        if reason is None and self._is_hopeless():
            return StopReason.DOUBT
        if reason is None and ms_since(self._started) > self._time_budget_ms:
            return StopReason.TIME
        return reason

    def paused(self, milliseconds: float) -> None:
        """Take note of a time in which others were served."""
        self._started += milliseconds / 1000

    def _is_hopeless(self) -> bool:
        """Tell whether the mean stays too low though all that may come is certain."""
        if self._least_logprob is None:
            return False
        may_come = self._tokens // 2 + MAY_COME_TOKENS
        if self._may_have_lines:
            may_come = self._tokens + MAY_COME_IN_LINES_TOKENS
        tokens = self._tokens + min(may_come, self.tokens_left)
        return self._logprob_sum < tokens * self._least_logprob

    def written(self) -> Written:
        """Return what there is so far."""
        text = "" if self.required else self._text.text_so_far()
        return Written(text, self._mean_logprob, self._tokens)

    def finish(self, reason: StopReason) -> None:
        """Note why and when it ended."""
        self._reason = reason
        self._decode_ms = ms_since(self._started)

    def completion(self, model_ms: float) -> Completion:
        """Return the text written so far; empty if not even the fragment was reproduced."""
        timings = EngineTimings(
            *self._prefill,
            self._tokens,
            self._decode_ms,
            self.drafted,
            self.accepted,
            model_ms,
        )
        text = "" if self.required else self._text.text()
        logprobs = tuple(self._logprobs)
        return Completion(text, self._reason, self._mean_logprob, timings, logprobs)

    @property
    def _mean_logprob(self) -> float:
        return self._logprob_sum / max(self._tokens, 1)


def ms_since(started: float) -> float:
    """Return the milliseconds since a reading of ``time.perf_counter``."""
    return (time.perf_counter() - started) * 1000
