"""Token ids of texts, cached by line, so that a keystroke tokenizes one line."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from infill_ls.document.lines import split_lines
from infill_ls.errors import EngineUnavailableError
from infill_ls.prompting.healing import choose_start, fragment_starts

if TYPE_CHECKING:
    from infill_ls.engine import Engine

CACHED_LINES = 50_000
START_STEPS = 8
"""A long line's start moves by so many characters as this part of its budget has tokens."""


def at_most_tokens(text: str) -> int:
    """Return a bound of a text's tokens that needs no tokenizer: each has a byte at least."""
    return len(text.encode("utf-8", "surrogatepass"))


class LineTokenizer:
    """Asks the engine for token ids and keeps them by line, the least recently used go first.

    For a model whose tokens never cross a line end the ids of a text are those of its lines. For
    others :meth:`encode` asks for the whole text, and :meth:`count_lines` is a close estimate.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lines: OrderedDict[str, tuple[int, ...]] = OrderedDict()
        self._model = engine.info

    async def encode(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Return the token ids of each text."""
        info = self._engine.info
        if info is None:
            raise EngineUnavailableError("no model is loaded")
        if not info.tokens_stay_in_line:
            return await self._engine.tokenize(texts)
        split = [split_lines(text) for text in texts]
        await self._learn(line for lines in split for line in lines)
        return [tuple(token for line in lines for token in self._lines[line]) for lines in split]

    async def count_lines(self, text: str) -> list[int]:
        """Return the number of tokens of each line of ``text``, line ends included."""
        lines = split_lines(text)
        await self._learn(lines)
        return [len(self._lines[line]) for line in lines]

    async def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text."""
        return [len(ids) for ids in await self.encode(texts)]

    async def fragment_start(self, typed: str) -> int:
        """Return where in ``typed`` the fragment begins that must be healed."""
        starts = fragment_starts(typed)
        halves = [half for start in starts for half in (typed[:start], typed[start:])]
        # Not remembered: the text is another one at each keystroke.
        whole_ids, *split_ids = await self._engine.tokenize([typed, *halves])
        return choose_start(starts, whole_ids, split_ids)

    async def start_within(self, typed: str, budget_tokens: int) -> int:
        """Return from where on ``typed`` fits into the budget: 0, but for a very long line.

        The start moves by whole steps of characters, so that it stays while the user types on and the
        prompt does with it.
        """
        if at_most_tokens(typed) <= budget_tokens:
            return 0
        starts = range(0, len(typed), max(1, budget_tokens // START_STEPS))
        # Not remembered, as for the fragment.
        ends = await self._engine.tokenize([typed[start:] for start in starts])
        fitting = (s for s, ids in zip(starts, ends, strict=True) if len(ids) <= budget_tokens)
        return next(fitting, len(typed))

    async def _learn(self, lines: Iterable[str]) -> None:
        if self._engine.info != self._model:
            # A server that was away may come back with another model.
            self._model = self._engine.info
            self._lines.clear()
        unique = dict.fromkeys(lines)
        missing = []
        for line in unique:
            if line in self._lines:
                self._lines.move_to_end(line)
            else:
                missing.append(line)
        if missing:
            self._lines.update(zip(missing, await self._engine.tokenize(missing), strict=True))
        while len(self._lines) > max(CACHED_LINES, len(unique)):
            self._lines.popitem(last=False)
