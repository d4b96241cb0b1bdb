"""Fake model without weights: its logits are a fixed random function of the last tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from infill_ls.engine.decoding.decoder import Cancelled, Decoder, Logits
from infill_ls.engine.decoding.draft import Drafter
from infill_ls.engine.decoding.kv_tree import KvTree
from infill_ls.engine.decoding.vocabulary import Vocabulary
from infill_ls.types import Sampling

PIECES = [
    b"",
    *(bytes([c]) for c in b"abcd \n()"),
    b"ab",
    b"abc",
    b" a",
    b" ab",
    b"cd",
    b"bc",
    b"))",
]
END = 0
CONTEXT = 200


class FakeModel:
    """Checks every call: positions must fit, nothing may be decoded twice or left out."""

    def __init__(
        self, *, context_tokens: int = CONTEXT, memory: int = 2, noise: float = 0.0
    ) -> None:
        self.context_tokens = context_tokens
        self.sequences: dict[int, list[int]] = {}
        self.decoded_tokens = 0
        self.calls = 0
        self._memory = memory
        self._noise = noise
        self._logits: list[Logits] = []
        self.is_interrupted: Callable[[], bool] = lambda: False

    def decode(
        self,
        sequence: int,
        position: int,
        token_ids: Sequence[int],
        *,
        all_logits: bool,
        interruptible: bool,
    ) -> None:
        if interruptible and self.is_interrupted():
            raise Cancelled
        held = self.sequences.setdefault(sequence, [])
        assert position == len(held), "a gap or an overlap"
        assert token_ids, "an empty batch"
        self.calls += 1
        self.decoded_tokens += len(token_ids)
        every = []
        for token in token_ids:
            held.append(token)
            every.append(self._next(held, in_batch=len(token_ids) > 1))
        self._logits = every if all_logits else every[-1:]

    def logits(self, index: int) -> Logits:
        return self._logits[index]

    def truncate(self, sequence: int, length: int) -> None:
        del self.sequences.setdefault(sequence, [])[length:]

    def copy(self, source: int, target: int, length: int) -> None:
        assert not self.sequences.get(target), "the target must be empty"
        self.sequences[target] = self.sequences[source][:length]

    def save(self, sequence: int) -> object:
        return self.sequences[sequence].copy()

    def restore(self, sequence: int, state: object) -> bool:
        assert not self.sequences.get(sequence), "the target must be empty"
        assert isinstance(state, list)
        self.sequences[sequence] = state.copy()
        return True

    def sampler(self, sampling: Sampling) -> FakeSampler:
        return FakeSampler(self, sampling)

    def _next(self, held: Sequence[int], *, in_batch: bool) -> Logits:
        seed = [token + 1 for token in held[-self._memory :]]
        logits = np.random.default_rng(seed).normal(size=len(PIECES)).astype(np.float32) * 20
        if in_batch and self._noise:
            logits += np.random.default_rng(len(held)).uniform(-1, 1, len(PIECES)) * self._noise
        return logits


class FakeSampler:
    def __init__(self, model: FakeModel, sampling: Sampling) -> None:
        self._model = model
        self._random = np.random.default_rng(sampling.seed)
        self.closed = False

    def sample(self, index: int) -> int:
        weights = np.exp(self._model.logits(index))
        return int(self._random.choice(len(weights), p=weights / weights.sum()))

    def close(self) -> None:
        self.closed = True


class NoDrafts(Drafter):
    def propose(self, next_token: int, room: int) -> list[int]:
        return []


def decoder_for(
    model: FakeModel, *, drafts: bool = False, cells: int = CONTEXT * 2, sequences: int = 4
) -> Decoder:
    stop_ids = frozenset({END})
    costs = ((1, 1.0), (16, 1.1))  # drafts are nearly free here, so that many are made
    drafter = Drafter(stop_ids, costs) if drafts else NoDrafts(stop_ids)
    tree = KvTree(model, cell_budget=cells, sequences=sequences)
    return Decoder(model, tree, Vocabulary(PIECES), drafter, stop_ids)
