"""The tokens in the KV cache, as a tree of sequences that share their beginnings.

A prompt is matched against all sequences; what it has in common with one is not computed again.
Sharing is exact: a cell is only ever used for the same token after the same tokens. Nothing is
shifted. Sequences that have less than half in common with the prompt in use are parked outside the cache,
as every cell in use slows each step down (:mod:`infill_ls.engine.decoding.parking`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol, TypeVar

from infill_ls.engine.decoding.parking import Parked, ParkingLot
from infill_retrieval.common_length import common_length

SHARE_FROM_TOKENS = 16
"""A shorter common beginning is not worth a copy."""
FETCH_FROM_TOKENS = 128
"""So much more must a prompt on disk have in common, to be worth reading."""

Kept = TypeVar("Kept")


class SequenceStore(Protocol):
    """The cells of the real cache."""

    def truncate(self, sequence: int, length: int) -> None:
        """Drop the cells of ``sequence`` from position ``length`` on."""

    def copy(self, source: int, target: int, length: int) -> None:
        """Let the empty ``target`` share the first ``length`` cells of ``source``."""

    def save(self, sequence: int) -> object:
        """Return a copy of the content of the cells of ``sequence``."""

    def restore(self, sequence: int, state: object) -> bool:
        """Fill the empty ``sequence`` with saved cells; return whether that worked."""


class PromptShelf(Protocol[Kept]):
    """Prompts that a former process has left."""

    def longest(self, wanted: list[int]) -> tuple[Kept | None, int]:
        """Return the one that has the most in common with ``wanted``, and how many tokens."""

    def take(self, kept: Kept) -> Parked | None:
        """Return one with its state, if that can still be had."""


@dataclass(slots=True)
class Branch:
    """One sequence of the cache."""

    id: int
    tokens: list[int] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)
    """A number for each token's cell; branches that share a cell have the same number."""
    anchor_tokens: int = 0
    """The beginning that is worth keeping when something else is asked for."""
    document: str = ""
    """Whose prompt it is, if that is known."""
    used_at: int = 0


class KvTree:
    """Book-keeping over ``sequences`` sequences in ``cell_budget`` cells.

    Prompts of up to ``parked_budget`` tokens together are kept outside of these cells.

    Invariant: for each branch the store holds exactly ``branch.tokens``, and the number of
    different cells is never above the budget.
    """

    def __init__(
        self,
        store: SequenceStore,
        *,
        cell_budget: int,
        sequences: int,
        parked_budget: int = 0,
        shelf: PromptShelf[Any] | None = None,
    ) -> None:
        self._store = store
        self._shelf = shelf
        self._lot = ParkingLot(parked_budget)
        self._cell_budget = cell_budget
        self._branches = [Branch(number) for number in range(sequences)]
        self._references: Counter[int] = Counter()
        self._cell_numbers = count()
        self._clock = count(1)

    @property
    def cells_used(self) -> int:
        """Number of cells in use, shared ones counted once."""
        return len(self._references)

    @property
    def parked_tokens(self) -> int:
        """Number of tokens of the prompts that are kept outside of the cells."""
        return self._lot.tokens

    @property
    def newest(self) -> Branch:
        """The branch that was used last."""
        return max(self._branches, key=lambda branch: branch.used_at)

    @property
    def branches(self) -> Sequence[Branch]:
        """All branches, empty ones too."""
        return self._branches

    def park_all(self) -> bool:
        """Move all prompts out of the cells; tell whether there was room for all."""
        self._park(besides=None)
        return not self.cells_used

    def prompts(self) -> Iterator[Parked]:
        """Return the prompts worth keeping, with their state, the latest first."""
        for branch in sorted(self._branches, key=lambda each: -each.used_at):
            if branch.tokens and branch.anchor_tokens and not self._is_superseded(branch):
                state = self._store.save(branch.id)
                yield Parked(branch.tokens.copy(), branch.anchor_tokens, branch.document, state)
        yield from self._lot.latest_first()

    def take(
        self, token_ids: Sequence[int], anchor_tokens: int, room: int, document: str = ""
    ) -> tuple[Branch, int]:
        """Return a branch that holds a beginning of ``token_ids`` and nothing else, and its length.

        At least the last token is left to be decoded, as its logits are needed. Cells for the
        rest and ``room`` more tokens are made free, from the branches that are missed least.
        Raises ``ValueError`` if the budget cannot hold them at all.
        """
        needed = len(token_ids) + room
        if needed > self._cell_budget:
            raise ValueError(f"{needed} tokens do not fit into {self._cell_budget} cells")
        wanted = list(token_ids)
        best, common = self._fetch(wanted)
        common = min(common, len(token_ids) - 1)
        if common >= min(best.anchor_tokens, len(best.tokens)) or common == len(best.tokens):
            branch = best  # nothing worth keeping is lost by going on here
        else:
            branch = self._replaceable(besides=best)
            self._cut(branch, 0)
            branch.used_at = 0
            if common >= SHARE_FROM_TOKENS:
                self._share(best, branch, common)
            else:
                common = 0
        self._cut(branch, common)
        self._park(besides=branch)
        branch.anchor_tokens = anchor_tokens
        branch.document = document
        # Only now is it the latest: what it shares with is in use until it is filled.
        self._make_room(len(token_ids) - common + room, keep=branch)
        branch.used_at = next(self._clock)
        return branch, common

    def fork(self, source: Branch, copies: int, room: int) -> list[Branch]:
        """Return branches that share all of ``source``; each may grow by ``room`` tokens.

        They may be fewer than asked for, if the budget is too small. They are not worth keeping:
        the next prompt may take their place.
        """
        self._make_room(copies * room, keep=source)
        forks: list[Branch] = []
        free = self._cell_budget - self.cells_used - room  # the source grows too
        for _ in range(min(copies, len(self._branches) - 1, free // max(room, 1))):
            branch = self._replaceable(besides=source, but_not=forks)
            self._cut(branch, 0)
            self._share(source, branch, len(source.tokens))
            branch.anchor_tokens = 0
            branch.used_at = next(self._clock)
            forks.append(branch)
        return forks

    def append(self, branch: Branch, token_ids: Sequence[int]) -> None:
        """Note that the store has decoded these tokens at the end of ``branch``."""
        cells = [next(self._cell_numbers) for _ in token_ids]
        for cell in cells:
            self._references[cell] = 1
        branch.cells.extend(cells)
        branch.tokens.extend(token_ids)

    def truncate(self, branch: Branch, length: int) -> None:
        """Drop the tokens of ``branch`` from position ``length`` on."""
        self._cut(branch, length)

    def clear(self) -> None:
        """Forget everything."""
        for branch in self._branches:
            self._store.truncate(branch.id, 0)
            branch.tokens.clear()
            branch.cells.clear()
            branch.anchor_tokens = 0
        self._references.clear()
        self._lot.clear()

    def _fetch(self, wanted: list[int]) -> tuple[Branch, int]:
        """Return the branch that has the most in common with ``wanted``, and how many tokens.

        A parked prompt that has more than all branches is moved back before.
        """
        best, common = max(
            ((branch, common_length(branch.tokens, wanted)) for branch in self._branches),
            key=lambda pair: pair[1],
        )
        parked, parked_common = self._lot.longest(wanted)
        if (kept := self._kept(wanted, max(common, parked_common))) is not None:
            parked, parked_common = kept, common_length(kept.tokens, wanted)
        elif parked is None or parked_common < common + SHARE_FROM_TOKENS:
            return best, common
        else:
            self._lot.remove(parked)
        self._park(besides=None)
        branch = self._replaceable(besides=None)
        self._cut(branch, 0)
        self._make_room(len(parked.tokens), keep=branch)
        if not self._store.restore(branch.id, parked.state):
            self._store.truncate(branch.id, 0)
            return branch, 0
        self.append(branch, parked.tokens)
        branch.anchor_tokens = parked.anchor_tokens
        branch.document = parked.document
        branch.used_at = next(self._clock)
        return branch, parked_common

    def _kept(self, wanted: list[int], common: int) -> Parked | None:
        """Return a prompt from a former process that shares many more tokens than those in memory."""
        if self._shelf is None:
            return None
        kept, kept_common = self._shelf.longest(wanted)
        if kept is None or kept_common < common + FETCH_FROM_TOKENS:
            return None
        return self._shelf.take(kept)

    def _park(self, *, besides: Branch | None) -> None:
        """Move branches that share less than half with ``besides`` out, but for old anchors: they go."""
        family = besides.cells if besides else []
        # The oldest first, as a newer one shows that it is superseded.
        for branch in sorted(self._branches, key=lambda each: each.used_at):
            shared = common_length(branch.cells, family)
            is_stranger = (
                branch.tokens and branch is not besides and 2 * shared < len(branch.tokens)
            )
            if not is_stranger or len(branch.tokens) > self._lot.token_budget:
                continue
            if not self._is_superseded(branch):
                state = self._store.save(branch.id)
                self._lot.add(
                    Parked(branch.tokens.copy(), branch.anchor_tokens, branch.document, state)
                )
            self._cut(branch, 0)

    def _share(self, source: Branch, target: Branch, length: int) -> None:
        self._store.copy(source.id, target.id, length)
        target.tokens[:] = source.tokens[:length]
        target.cells[:] = source.cells[:length]
        self._references.update(target.cells)

    def _cut(self, branch: Branch, length: int) -> None:
        if length >= len(branch.tokens):
            return
        self._store.truncate(branch.id, length)
        for cell in branch.cells[length:]:
            self._references[cell] -= 1
            if not self._references[cell]:
                del self._references[cell]
        del branch.tokens[length:]
        del branch.cells[length:]

    def _make_room(self, cells: int, keep: Branch) -> None:
        while self.cells_used + cells > self._cell_budget:
            filled = [b for b in self._branches if b.tokens and b is not keep]
            if not filled:
                break
            self._cut(self._least_missed(filled), 0)

    def _replaceable(self, *, besides: Branch | None, but_not: Sequence[Branch] = ()) -> Branch:
        others = [b for b in self._branches if b is not besides and b not in but_not]
        empty = [branch for branch in others if not branch.tokens]
        return empty[0] if empty else self._least_missed(others)

    def _least_missed(self, branches: Sequence[Branch]) -> Branch:
        """Return an old anchor of a place that has a newer one, else the least recently used."""
        return min(branches, key=lambda b: (not self._is_superseded(b), b.used_at))

    def _is_superseded(self, branch: Branch) -> bool:
        """Return whether a branch that was used later shares most of it: little would be lost."""
        return any(
            other.used_at > branch.used_at
            and 2 * common_length(other.cells, branch.cells) > len(branch.cells)
            for other in self._branches
        )
