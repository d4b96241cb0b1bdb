"""From a snapshot to a report: the one way a completion takes.

No LSP, and no state but caches. What it needs from outside (the engine, the search) is passed in.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePath

from infill_ls.document.anchors import REANCHOR_FROM_LINES, AnchorKeeper
from infill_ls.document.cut import cut
from infill_ls.engine import Engine
from infill_ls.prompting.budgets import budgets_for
from infill_ls.prompting.held_snippets import HeldSnippets, SearchPlace
from infill_ls.prompting.prompt import assemble, lay_out
from infill_ls.prompting.redact import redact
from infill_ls.prompting.tokens import LineTokenizer
from infill_ls.settings import Settings
from infill_ls.suggesting.ranking import rank
from infill_ls.suggesting.result_cache import ResultCache, ResultKey, ShownSuggestions
from infill_ls.suggesting.stopping import stop_rule
from infill_ls.suggesting.triggers import why_not
from infill_ls.types import (
    Completion,
    Hole,
    Prompt,
    Report,
    Snapshot,
    Trigger,
)
from infill_retrieval import NO_SNIPPETS, CountTokens, Query, Retrieval

log = logging.getLogger(__name__)

Retrieve = Callable[[Query, int, CountTokens], Retrieval]

COUNT_TIMEOUT_S = 10.0
"""Only reached if the loop is shut down while a worker thread counts."""


class Pipeline:
    """Runs the stages for one engine."""

    def __init__(self, engine: Engine, retrieve: Retrieve, settings: Settings) -> None:
        self._engine = engine
        self._retrieve = retrieve
        self._settings = settings
        self._tokenizer = LineTokenizer(engine)
        self._anchors = AnchorKeeper()
        self._results = ResultCache()
        self._shown = ShownSuggestions()
        self._searches = HeldSnippets()

    async def run(self, snapshot: Snapshot) -> Report:
        """Return what to suggest at the snapshot's cursor, and why.

        Raises :class:`~infill_ls.errors.InfillError` if the engine cannot answer, and
        ``asyncio.CancelledError`` when the task is cancelled; the engine then stops too.
        """
        rest = self.rest_of_shown(snapshot)
        if rest is not None:
            return rest
        report = await self._compute(snapshot)
        self._shown.remember(snapshot, report.suggestion)
        return report

    def rest_of_shown(self, snapshot: Snapshot) -> Report | None:
        """Return what is left of the suggestion that is being typed; the model is not asked."""
        if snapshot.trigger is Trigger.INVOKED:
            return None
        rest = self._shown.rest_after_typing(snapshot)
        return Report(snapshot, rest, "the rest of the suggestion being typed") if rest else None

    async def prepare(self, snapshot: Snapshot) -> Report:
        """Return what :meth:`run` would ask the model, or why it would not; the model is not asked.

        Raises what :meth:`run` raises.
        """
        if not self._settings.enabled:
            return Report(snapshot, None, "completions are switched off")
        if snapshot.language_id in self._settings.disabled_languages:
            return Report(snapshot, None, f"switched off for {snapshot.language_id}")
        steps = _Steps()
        hole = redact(self._anchors.hold(snapshot, cut(snapshot)))
        steps.done("cut")
        if hole is None:
            return Report(snapshot, None, "the line holds a secret")
        if snapshot.trigger is Trigger.AUTOMATIC and (reason := why_not(hole)) is not None:
            return Report(snapshot, None, reason, hole=hole)
        info = await self._engine.start()
        steps.done("wait for model")
        retrieval = await self._search(snapshot, hole)
        steps.done("retrieve")
        prompt = await self._prompt(snapshot, hole, retrieval)
        steps.done("prompt")
        return Report(
            snapshot,
            None,
            "prepared",
            hole=hole,
            retrieval=retrieval,
            prompt=prompt,
            budget_cuts=budgets_for(self._settings, info).cuts,
            step_ms=steps.step_ms,
        )

    async def think_ahead(self, report: Report) -> None:
        """Compute what comes after the suggestion, as if accepted; for when the user pauses."""
        if report.suggestion is not None:
            snapshot, added = report.snapshot, report.suggestion.text
            behind = snapshot.text[snapshot.offset + report.suggestion.replaced :]
            text = snapshot.text[: snapshot.offset] + added + behind
            offset = snapshot.offset + len(added)
            accepted = replace(snapshot, text=text, offset=offset, trigger=Trigger.AUTOMATIC)
            await self._compute(accepted)

    async def move_anchor(self, report: Report) -> None:
        """Prepare a new anchor if some lines have been typed since the last one, then use it.

        To be called between two keys: the engine gives way to a request at once and keeps what it
        has computed, so that typing without a pause never has to wait for a whole new anchor.
        """
        if report.hole is not None and report.hole.typed.count("\n") >= REANCHOR_FROM_LINES:
            fresh = cut(report.snapshot)
            shown = redact(fresh)
            if shown is None:
                return
            retrieval = await self._search(report.snapshot, shown)
            await self._engine.warm(await self._prompt(report.snapshot, shown, retrieval))
            self._anchors.set(report.snapshot, fresh)

    def document_changed(self, uri: str, path: PurePath) -> None:
        """Search again at the next request in another document, even at the same place."""
        self._searches.doubt(uri, path)

    def files_changed(self) -> None:
        """Search again at the next request, whatever may have changed."""
        self._searches.doubt_all()

    async def _compute(self, snapshot: Snapshot) -> Report:
        prepared = await self.prepare(snapshot)
        prompt, hole = prepared.prompt, prepared.hole
        if prompt is None or hole is None:
            return prepared
        steps = _Steps()
        completions = await self._complete(prompt, hole, snapshot.trigger)
        steps.done("engine")
        least = self._settings.min_probability
        choice = rank(completions, hole, snapshot.trigger, least)
        steps.done("filters")
        return replace(
            prepared,
            suggestion=choice.suggestions[0] if choice.suggestions else None,
            reason=choice.reason,
            alternatives=choice.suggestions[1:],
            completion=choice.completion,
            filters=choice.filters,
            step_ms=prepared.step_ms | steps.step_ms,
        )

    async def _search(self, snapshot: Snapshot, hole: Hole) -> Retrieval:
        budget = budgets_for(self._settings, await self._engine.start()).snippet_tokens
        if budget <= 0:
            return NO_SNIPPETS
        # What is typed may say what is needed (the name before a dot), but the snippets are held
        # while it grows: another set would cost the KV cache.
        place = SearchPlace(snapshot.uri, hole.prefix, hole.below, budget)
        if (held := self._searches.get(place)) is not None:
            return held
        query = Query(
            snapshot.path,
            hole.language.name if hole.region_before is not None else snapshot.language_id,
            hole.prefix + hole.typed,
            hole.line_tail + hole.below,
        )
        loop = asyncio.get_running_loop()

        def count_tokens(texts: Sequence[str]) -> list[int]:
            # Called in the worker thread; the tokenizer lives on the loop.
            counting = asyncio.run_coroutine_threadsafe(self._tokenizer.count(texts), loop)
            return counting.result(COUNT_TIMEOUT_S)

        found = await asyncio.to_thread(self._retrieve, query, budget, count_tokens)
        return self._searches.settle(place, found)

    async def _prompt(self, snapshot: Snapshot, hole: Hole, retrieval: Retrieval) -> Prompt:
        info = await self._engine.start()
        budgets = budgets_for(self._settings, info)
        prefix_budget, suffix_budget = budgets.beside(retrieval.tokens)
        text = lay_out(
            snapshot,
            hole,
            retrieval,
            await self._tokenizer.count_lines(hole.prefix),
            await self._tokenizer.count_lines(hole.suffix),
            prefix_budget,
            suffix_budget,
            await self._tokenizer.fragment_start(hole.typed),
        )
        head, prefix, suffix, typed = await self._tokenizer.encode(
            [text.context + text.header, text.prefix, text.suffix, text.typed]
        )
        return assemble(text, info.fim, head, prefix, suffix, typed, retrieval.tokens)

    async def _complete(
        self, prompt: Prompt, hole: Hole, trigger: Trigger
    ) -> tuple[Completion, ...]:
        stop = stop_rule(hole, trigger, self._settings)
        sampling = self._settings.sampling
        candidates = self._settings.candidates if trigger is Trigger.INVOKED else 1
        key = ResultKey.of(prompt, stop, sampling, candidates)
        known = self._results.get(key)
        if known is not None:
            return known
        completions = await self._engine.complete(
            prompt, stop, sampling=sampling, candidates=candidates
        )
        self._results.put(key, completions)
        return completions


class _Steps:
    """Takes the time of each step."""

    def __init__(self) -> None:
        self.step_ms: dict[str, float] = {}
        self._last = time.perf_counter()

    def done(self, name: str) -> None:
        now = time.perf_counter()
        self.step_ms[name] = (now - self._last) * 1000
        self._last = now
