"""Ablation: switch parts of the server off, to measure what each contributes."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from infill_ls.engine import CompletionRequest, Engine
from infill_ls.gathering import Retrieve
from infill_ls.measuring.engines import ForwardingEngine
from infill_ls.types import Completion, OnWritten
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
    MEMBERS = "members"
    FAR = "far"
    USAGES = "usages"
    FILTERS = "filters"
    """What the model wrote is taken as it is, cut to the lines asked for."""
    SYNTAX_END = "syntax-end"
    """Nothing but lines and indentation ends a completion."""


_CHANNELS = {
    Part.IMPORTED: Channel.IMPORTED,
    Part.DECLARATIONS: Channel.DECLARATION,
    Part.MEMBERS: Channel.MEMBER,
    Part.FAR: Channel.FAR,
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


class EngineWithout(ForwardingEngine):
    """An engine that is asked with parts of the prompt or of the stop rule taken away."""

    def __init__(self, engine: Engine, parts: frozenset[Part]) -> None:
        super().__init__(engine)
        self._parts = parts

    async def complete(
        self, request: CompletionRequest, on_written: OnWritten | None = None
    ) -> tuple[Completion, ...]:
        """Fill the hole as the parts that are left allow."""
        prompt, stop = request.prompt, request.stop
        if Part.HEALING in self._parts and prompt.fragment:
            ids = (await self.engine.tokenize([prompt.fragment]))[0]
            prompt = replace(prompt, token_ids=(*prompt.token_ids, *ids), fragment="")
        if Part.SYNTAX_END in self._parts:
            stop = replace(stop, ending=None)
        return await super().complete(replace(request, prompt=prompt, stop=stop), on_written)
