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
