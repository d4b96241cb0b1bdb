"""Parked prompts: moved out of the KV cache, and moved back when they are requested. Pure.

A decode step looks at every cell in use, also at those of prompts that it does not attend to, and
llama.cpp's threads share the cells evenly: with another prompt in the cache one thread does all the
work while the others wait. On two cores a step of the bundled model with 1 472 tokens took 11 ms
alone in the cache, 19 ms beside one such prompt and 23 ms beside five. Moving one takes 3 to 6 ms.
On a GPU moving one takes longer than all that is saved, so nothing is parked there.
llama-server keeps prompts in the machine's memory too ("--cache-ram").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from infill_retrieval.common_length import common_length


@dataclass(frozen=True, slots=True, eq=False)
class Parked:
    """A prompt and its saved part of the cache."""

    tokens: list[int]
    anchor_tokens: int
    document: str
    state: object
    """What :meth:`SequenceStore.save` has returned."""


class ParkingLot:
    """Prompts of at most ``token_budget`` tokens together.

    Room is made by those of a document that has a newer one, then by the oldest: after some lines in
    one file the others must still be there.
    """

    def __init__(self, token_budget: int) -> None:
        self.token_budget = token_budget
        self._parked: list[Parked] = []
        """The oldest first."""

    @property
    def tokens(self) -> int:
        """How many tokens are parked."""
        return sum(len(parked.tokens) for parked in self._parked)

    def add(self, parked: Parked) -> None:
        """Take a prompt, which must not be longer than the budget."""
        while self.tokens + len(parked.tokens) > self.token_budget:
            self._parked.remove(self._least_missed(parked))
        self._parked.append(parked)

    def longest(self, wanted: list[int]) -> tuple[Parked | None, int]:
        """Return the prompt that has the most in common with ``wanted``, and how many tokens."""
        pairs = [(parked, common_length(parked.tokens, wanted)) for parked in self._parked]
        return max(pairs, key=lambda pair: pair[1], default=(None, 0))

    def remove(self, parked: Parked) -> None:
        """Give a prompt back."""
        self._parked.remove(parked)

    def latest_first(self) -> Iterator[Parked]:
        """Return all prompts, the latest first."""
        return reversed(self._parked)

    def clear(self) -> None:
        """Forget all prompts."""
        self._parked.clear()

    def _least_missed(self, added: Parked) -> Parked:
        newer = {added.document}
        outdated = None
        for parked in reversed(self._parked):
            if parked.document in newer and parked.document:
                outdated = parked
            newer.add(parked.document)
        return outdated or self._parked[0]
