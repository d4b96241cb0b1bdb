"""From a snapshot to a report: the one way a completion takes.

No state but caches, no LSP. What it needs from outside (the engine, the search) is passed in.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from infill_ls.cut import cut
from infill_ls.engine import Engine
from infill_ls.errors import EngineUnavailableError
from infill_ls.lines import indent_columns
from infill_ls.postprocess import postprocess
from infill_ls.prompt import assemble, lay_out
from infill_ls.settings import Settings
from infill_ls.tokens import LineTokenizer
from infill_ls.types import Hole, Mode, Prompt, Report, Snapshot, StopRule, Trigger
from infill_retrieval import NO_SNIPPETS, CountTokens, Query, Retrieval

log = logging.getLogger(__name__)

Retrieve = Callable[[Query, int, CountTokens], Retrieval]

COUNT_TIMEOUT_S = 10.0
"""Only reached if the loop is shut down while a worker thread counts."""
RESERVED_TOKENS = 64
"""Left free in the context for markers, the header and the typed text."""


class Pipeline:
    """Runs the stages for one engine."""

    def __init__(self, engine: Engine, retrieve: Retrieve, settings: Settings) -> None:
        self._engine = engine
        self._retrieve = retrieve
        self._settings = settings
        self._tokenizer = LineTokenizer(engine)
        # The last search. Holding it while a line is typed keeps the prompt, and so the KV cache.
        self._held: tuple[tuple[Query, int], Retrieval] | None = None

    async def run(self, snapshot: Snapshot) -> Report:
        """Return what to suggest at the snapshot's cursor, and why.

        Raises :class:`EngineError` or :class:`ModelError` if the engine cannot answer, and
        ``asyncio.CancelledError`` when the task is cancelled; the engine then stops too.
        """
        steps = _Steps()
        if not self._settings.enabled:
            return Report(snapshot, None, "completions are switched off")
        if snapshot.language_id in self._settings.disabled_languages:
            return Report(snapshot, None, f"switched off for {snapshot.language_id}")
        hole = cut(snapshot)
        steps.done("cut")
        if snapshot.trigger is Trigger.AUTOMATIC and _is_inside_word(hole):
            return Report(snapshot, None, "the cursor is inside a word", hole)
        await self._engine.start()
        steps.done("wait for model")
        retrieval = await self._search(snapshot, hole)
        steps.done("retrieve")
        prompt = await self._prompt(snapshot, hole, retrieval)
        steps.done("prompt")
        completion, *_ = await self._engine.complete(prompt, self._stop_rule(hole))
        steps.done("engine")
        suggestion, reason = postprocess(completion, hole)
        steps.done("postprocess")
        return Report(
            snapshot, suggestion, reason, hole, retrieval, prompt, completion, steps.step_ms
        )

    async def _search(self, snapshot: Snapshot, hole: Hole) -> Retrieval:
        budget = self._snippet_budget()
        if budget <= 0:
            return NO_SNIPPETS
        loop = asyncio.get_running_loop()

        def count_tokens(texts: Sequence[str]) -> list[int]:
            # Called in the worker thread; the tokenizer lives on the loop.
            counting = asyncio.run_coroutine_threadsafe(self._tokenizer.count(texts), loop)
            return counting.result(COUNT_TIMEOUT_S)

        # The query leaves the typed text out: the snippets stay the same while a line is typed.
        query = Query(snapshot.path, snapshot.language_id, hole.prefix, _below(hole))
        if self._held is None or self._held[0] != (query, budget):
            found = await asyncio.to_thread(self._retrieve, query, budget, count_tokens)
            self._held = ((query, budget), found)
        return self._held[1]

    def forget_snippets(self) -> None:
        """Search again at the next request, even if the cursor is still on the same line."""
        self._held = None

    async def _prompt(self, snapshot: Snapshot, hole: Hole, retrieval: Retrieval) -> Prompt:
        info = await self._engine.start()
        room = info.context_tokens - self._settings.max_tokens - retrieval.tokens - RESERVED_TOKENS
        prefix_budget, suffix_budget = _share(
            room, self._settings.prefix_tokens, self._settings.suffix_tokens
        )
        text = lay_out(
            snapshot,
            hole,
            retrieval,
            await self._tokenizer.count_lines(hole.prefix),
            await self._tokenizer.count_lines(hole.suffix),
            prefix_budget,
            suffix_budget,
        )
        head, prefix, suffix, typed = await self._tokenizer.encode(
            [text.context + text.header, text.prefix, text.suffix, text.typed]
        )
        return assemble(text, info.fim, head, prefix, suffix, typed, retrieval.tokens)

    def _snippet_budget(self) -> int:
        info = self._engine.info
        if info is None:
            raise EngineUnavailableError("no model is loaded")
        room = info.context_tokens - self._settings.max_tokens - RESERVED_TOKENS
        # A small context is for the file itself first.
        return min(self._settings.snippet_tokens, room // 3)

    def _stop_rule(self, hole: Hole) -> StopRule:
        settings = self._settings
        return StopRule(
            max_tokens=settings.max_tokens,
            max_lines=settings.max_lines if hole.mode is Mode.BLOCK else 1,
            min_indent=indent_columns(hole.typed),
            time_budget_ms=settings.time_budget_ms,
        )


class _Steps:
    """Takes the time of each step."""

    def __init__(self) -> None:
        self.step_ms: dict[str, float] = {}
        self._last = time.perf_counter()

    def done(self, name: str) -> None:
        now = time.perf_counter()
        self.step_ms[name] = (now - self._last) * 1000
        self._last = now


def _is_inside_word(hole: Hole) -> bool:
    before, after = hole.typed[-1:], hole.suffix[:1]
    return (before.isalnum() or before == "_") and (after.isalnum() or after == "_")


def _below(hole: Hole) -> str:
    return hole.suffix.partition("\n")[2]


def _share(room: int, prefix_tokens: int, suffix_tokens: int) -> tuple[int, int]:
    """Scale the two budgets down to ``room`` tokens, three parts prefix to one part suffix."""
    if prefix_tokens + suffix_tokens <= room:
        return prefix_tokens, suffix_tokens
    suffix = min(suffix_tokens, room // 4)
    return max(room - suffix, 0), suffix
