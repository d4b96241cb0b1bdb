"""Parts of the server switched off, to measure what each brings. Not settings: nobody wants them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from infill_ls.engine import CompletionRequest, Engine, EngineInfo
from infill_ls.gathering import Retrieve
from infill_ls.types import Completion, OnWritten, Prompt
from infill_retrieval import NO_SNIPPETS, Channel, CountTokens, Query, Retrieval


class Part(StrEnum):
    """What can be left out."""

    HEALING = "healing"
    """The fragment of a word that is typed goes into the prompt as it is."""
    SUFFIX = "suffix"
    """The model sees nothing of what stands behind the cursor."""
    RETRIEVAL = "retrieval"
    IMPORTED = "imported"
    DECLARATIONS = "declarations"
    USAGES = "usages"
    FILTERS = "filters"
    """What the model wrote is taken as it is, cut to the lines asked for."""
    SYNTAX_END = "syntax-end"
    """Nothing but lines and indentation ends a completion."""


_CHANNELS = {
    Part.IMPORTED: Channel.IMPORTED,
    Part.DECLARATIONS: Channel.DECLARATION,
    Part.USAGES: Channel.USAGE,
}


def retrieve_without(retrieve: Retrieve, parts: frozenset[Part]) -> Retrieve:
    """Return a search that leaves out some channels; their room is not given to the others."""
    dropped = {_CHANNELS[part] for part in parts if part in _CHANNELS}

    def reduced(query: Query, budget_tokens: int, count_tokens: CountTokens) -> Retrieval:
        if Part.RETRIEVAL in parts:
            return NO_SNIPPETS
        found = retrieve(query, budget_tokens, count_tokens)
        kept = tuple(s for s in found.snippets if s.channel not in dropped)
        return replace(found, snippets=kept, tokens=sum(s.tokens for s in kept))

    return reduced


class EngineWithout:
    """An engine that is asked with parts of the prompt or of the stop rule taken away."""

    def __init__(self, engine: Engine, parts: frozenset[Part]) -> None:
        self._engine = engine
        self._parts = parts

    @property
    def info(self) -> EngineInfo | None:
        """The loaded model, or ``None`` while there is none."""
        return self._engine.info

    async def start(self) -> EngineInfo:
        """Load the model."""
        return await self._engine.start()

    async def tokenize(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Return the token ids of each text."""
        return await self._engine.tokenize(texts)

    async def complete(
        self, request: CompletionRequest, on_written: OnWritten | None = None
    ) -> tuple[Completion, ...]:
        """Fill the hole as the parts that are left allow."""
        prompt, stop = request.prompt, request.stop
        if Part.HEALING in self._parts and prompt.fragment:
            ids = (await self._engine.tokenize([prompt.fragment]))[0]
            prompt = replace(prompt, token_ids=(*prompt.token_ids, *ids), fragment="")
        if Part.SYNTAX_END in self._parts:
            stop = replace(stop, ending=None)
        return await self._engine.complete(replace(request, prompt=prompt, stop=stop), on_written)

    async def warm(self, prompt: Prompt) -> None:
        """Decode the prompt up to its anchor."""
        await self._engine.warm(prompt)

    async def close(self) -> None:
        """Leave for good."""
        await self._engine.close()
