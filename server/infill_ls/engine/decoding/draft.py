"""Guess the next tokens from tokens seen before, so that one batch can verify several.

Code repeats itself: a run of tokens that occurred in the prompt, or in the completion that the
user has just half accepted, is likely to go on as it did there. The idea is prompt lookup
(llama.cpp's ngram speculation, LLMA arXiv 2304.04487); the index makes a look-up two dictionary
accesses.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from infill_retrieval.common_length import common_length

LONG_RUN_TOKENS = 4
SHORT_RUN_TOKENS = 2
MAX_DRAFT_TOKENS = 15
MIN_GAIN = 1.1
"""A draft must promise so much more tokens per time than none."""
FORGET_OVERRUN = 0.998
"""Per step without a draft: after some hundreds, drafts are tried again."""
STEPS_TO_TRY_AGAIN = 32

DEFAULT_BATCH_COSTS = ((1, 1.0), (2, 1.4), (4, 1.65), (8, 2.9), (16, 4.6))
"""(tokens, cost relative to one token), measured with a 1.3B model on two CPU cores."""


class _Runs:
    """Positions behind each run of tokens in a growing list; the latest wins."""

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self._after: dict[tuple[int, ...], int] = {}

    def extend(self, token_ids: Sequence[int]) -> None:
        first_new = len(self.tokens)
        self.tokens.extend(token_ids)
        for size in (LONG_RUN_TOKENS, SHORT_RUN_TOKENS):
            for end in range(max(first_new, size), len(self.tokens)):
                self._after[tuple(self.tokens[end - size : end])] = end

    def find(self, run: tuple[int, ...]) -> int | None:
        return self._after.get(run)


class Drafter:
    """Proposes drafts and learns how often they are right.

    ``batch_costs`` are (tokens, cost) pairs in any unit, ascending. If ``learns_costs`` they are
    where it begins: what batches take in use is learnt from :meth:`learn`, since the processor is
    shared, memory is cold and the tokens of a batch must be chosen, too.
    """

    def __init__(
        self,
        stop_ids: frozenset[int],
        batch_costs: Sequence[tuple[int, float]] = DEFAULT_BATCH_COSTS,
        *,
        learns_costs: bool = False,
    ) -> None:
        self._stop_ids = stop_ids
        self._learns_costs = learns_costs
        self._plain_ms = 0.0
        self._overrun = 1.0
        """How many times longer than ``batch_costs`` say a draft takes, beside a plain step."""
        self._steps = 0
        self._cost = [_interpolate(batch_costs, n) for n in range(MAX_DRAFT_TOKENS + 2)]
        self._anchor = _Runs()
        self._tail = _Runs()
        self._previous = _Runs()
        # Right and wrong guesses by run length, with a belief to begin with. They fade, so that
        # the drafter follows what is being typed now.
        self._right = {LONG_RUN_TOKENS: 6.0, SHORT_RUN_TOKENS: 1.0}
        self._wrong = {LONG_RUN_TOKENS: 2.0, SHORT_RUN_TOKENS: 1.0}
        self._run_tokens = LONG_RUN_TOKENS
        self._lengths = {size: self._best_length(size) for size in self._right}

    def begin(self, token_ids: Sequence[int], anchor_tokens: int) -> None:
        """Prepare for a prompt. Cheap while its first ``anchor_tokens`` stay the same."""
        anchor = list(token_ids[:anchor_tokens])
        if self._anchor.tokens != anchor:
            known = common_length(self._anchor.tokens, anchor)
            if known < len(self._anchor.tokens):
                self._anchor, known = _Runs(), 0
            self._anchor.extend(anchor[known:])
            self._previous = _Runs()
        else:
            self._previous = self._tail
        self._tail = _Runs()
        self._tail.extend(token_ids[anchor_tokens:])

    def add(self, token_ids: Sequence[int]) -> None:
        """Note tokens that were written."""
        self._tail.extend(token_ids)

    def propose(self, next_token: int, room: int) -> list[int]:
        """Return the tokens that may follow ``next_token``, at most ``room``; often none.

        ``next_token`` is chosen but not yet noted with :meth:`add`.
        """
        for size in (LONG_RUN_TOKENS, SHORT_RUN_TOKENS):
            length = min(self._lengths[size], room)
            if length <= 0:
                continue
            run = (*self._tail.tokens[-(size - 1) :], next_token)
            if len(run) < size:
                continue
            for runs in (self._previous, self._tail, self._anchor):
                position = runs.find(run)
                if position is not None:
                    self._run_tokens = size
                    return self._until_stop(runs.tokens[position : position + length])
        return []

    def learn(self, drafted: int, accepted: int, took_ms: float) -> None:
        """Learn from a step: how many of the drafted tokens were right, and how long it took."""
        if self._learns_costs:
            self._learn_cost(drafted, took_ms)
        if not drafted:
            return
        size = self._run_tokens
        self._right[size] = self._right[size] * 0.95 + accepted
        self._wrong[size] = self._wrong[size] * 0.95 + (accepted < drafted)
        self._lengths[size] = self._best_length(size)

    def _learn_cost(self, drafted: int, took_ms: float) -> None:
        if drafted and self._plain_ms:
            expected_ms = self._plain_ms * self._cost[1 + drafted] / self._cost[1]
            self._overrun += 0.2 * (took_ms / expected_ms - self._overrun)
            return
        self._plain_ms += (took_ms - self._plain_ms) * (0.1 if self._plain_ms else 1.0)
        self._overrun = 1 + (self._overrun - 1) * FORGET_OVERRUN
        self._steps += 1
        if self._steps % STEPS_TO_TRY_AGAIN == 0:
            self._lengths = {size: self._best_length(size) for size in self._right}

    def _best_length(self, size: int) -> int:
        """Return the draft length with the most tokens per time; 0 if none is worth it."""
        chance = self._right[size] / (self._right[size] + self._wrong[size])
        best, best_gain = 0, MIN_GAIN
        expected = likely = 1.0
        for length in range(1, MAX_DRAFT_TOKENS + 1):
            likely *= chance
            expected += likely
            gain = expected * self._cost[1] / (self._cost[1 + length] * self._overrun)
            if gain > best_gain:
                best, best_gain = length, gain
        return best

    def _until_stop(self, draft: list[int]) -> list[int]:
        for position, token in enumerate(draft):
            if token in self._stop_ids:
                return draft[:position]
        return draft


def _interpolate(points: Sequence[tuple[int, float]], tokens: int) -> float:
    if tokens <= points[0][0]:
        return points[0][1]
    for (left, left_cost), (right, right_cost) in pairwise(points):
        if tokens <= right:
            return left_cost + (right_cost - left_cost) * (tokens - left) / (right - left)
    return points[-1][1] * tokens / points[-1][0]
