"""The stages of a completion, from a snapshot to a report.

No LSP, and no state but caches. What it needs from outside (the engine, and what is gathered for a
place) is passed in.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import PurePath

from infill_ls.document.anchors import REANCHOR_FROM_LINES, AnchorKeeper, PlannedAnchor
from infill_ls.document.cut import cut
from infill_ls.engine import CompletionRequest
from infill_ls.gathering import Gathering
from infill_ls.prompting.prompt import assemble, lay_out
from infill_ls.prompting.redact import redact
from infill_ls.prompting.tokens import at_most_tokens
from infill_ls.suggesting.own_bar import NEUTRAL, OwnBar
from infill_ls.suggesting.ranking import beginning, rank
from infill_ls.suggesting.result_cache import (
    ResultCache,
    ResultKey,
    ShownSuggestions,
    typed_since,
)
from infill_ls.suggesting.stopping import stop_rule
from infill_ls.suggesting.triggers import why_not
from infill_ls.types import (
    Completion,
    Hole,
    OnWritten,
    Prompt,
    Report,
    Snapshot,
    Suggestion,
    Trigger,
)
from infill_ls.writing import Writing
from infill_retrieval import Retrieval

LEAST_BEGINNING_CHARS = 2
"""Less is not worth showing before the rest."""


Turn = Callable[[], Awaitable[None]]
"""Returns when the model may be asked."""


class Pipeline:
    """Runs the stages for one engine."""

    def __init__(
        self, gathering: Gathering, own_bar: Callable[[], OwnBar] = lambda: NEUTRAL
    ) -> None:
        self._gathering = gathering
        self._own_bar = own_bar
        self._engine = gathering.engine
        self._settings = gathering.settings
        self._anchors = AnchorKeeper()
        self._results = ResultCache()
        self._shown = ShownSuggestions()
        self._writings: dict[str, Writing] = {}
        """What is being written, or was written last, for each document."""

    async def run(
        self, snapshot: Snapshot, deadline_s: float | None = None, turn: Turn | None = None
    ) -> Report:
        """Return what to suggest at the snapshot's cursor, and why.

        After ``deadline_s`` it is what is certain by then, if that is anything. ``turn`` is awaited before
        the model is asked, if nothing else can answer. Raises
        :class:`~infill_ls.errors.InfillError` if the engine cannot answer. When the task is
        cancelled, the engine goes on for a while, for a request that goes on as it does, unless
        nothing is written yet.
        """
        until_s = None if deadline_s is None else asyncio.get_running_loop().time() + deadline_s
        self._give_up_others(snapshot.uri)
        writing = self._writings.get(snapshot.uri)
        if writing is not None and writing.takes(snapshot):
            report = await self._read(writing, snapshot, until_s)
            if report is not None:
                return report
        if (rest := self.rest_of_shown(snapshot)) is not None:
            return rest
        if turn is not None:
            await turn()
        begun = await self._begin(snapshot)
        if isinstance(begun, Report):
            self._shown.remember(snapshot, begun.suggestion)
            return begun
        report = await self._read(begun, snapshot, until_s)
        return report or Report(snapshot, None, "the document was closed")

    def is_under_way(self, snapshot: Snapshot) -> bool:
        """Tell whether the answer is being written already."""
        writing = self._writings.get(snapshot.uri)
        return writing is not None and writing.takes(snapshot)

    def give_up(self, uri: str) -> None:
        """Cancel the completion that is being written for a document."""
        if (writing := self._writings.pop(uri, None)) is not None:
            writing.cancel()

    def close(self) -> None:
        """Stop what is being written and nobody waits for."""
        self._give_up_others("")

    def rest_of_shown(self, snapshot: Snapshot) -> Report | None:
        """Return the rest of the suggestion that is being typed, without asking the model."""
        if snapshot.trigger is Trigger.INVOKED:
            return None
        rest = self._shown.rest_after_typing(snapshot)
        return Report(snapshot, rest, "the rest of the suggestion being typed") if rest else None

    async def prepare(self, snapshot: Snapshot, *, at_any_place: bool = False) -> Report:
        """Return what :meth:`run` would ask the model, or why it would not; the model is not asked.

        With ``at_any_place`` also where nothing is suggested unasked. Raises what :meth:`run` raises.
        """
        if not self._settings.completion.enabled:
            return Report(snapshot, None, "completions are switched off")
        if {snapshot.language_id, "*"}.intersection(self._settings.completion.disabled_languages):
            return Report(snapshot, None, f"switched off for {snapshot.language_id}")
        steps = _StepTimer()
        hole = redact(self._anchors.hold(snapshot, cut(snapshot)))
        steps.done("cut")
        if hole is None:
            return Report(snapshot, None, "the line holds a secret")
        is_unasked = snapshot.trigger is Trigger.AUTOMATIC and not at_any_place
        if is_unasked and (reason := why_not(hole)) is not None:
            return Report(snapshot, None, reason, hole=hole)
        (
            await self._gathering.model()
        ).fim_tokens()  # says so if the model has none, before anything is searched
        steps.done("wait for model")
        retrieval = await self._gathering.search(snapshot, hole)
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
            budget_cuts=(await self._gathering.budgets()).cuts,
            step_ms=steps.step_ms,
        )

    async def prepare_place(self, snapshot: Snapshot) -> None:
        """Read the prompt of a place where something may be typed soon.

        Where other files have changed since, the prompt of before comes first, as a key that comes soon uses it.
        To be called while nothing is asked for; a request goes first. Raises what :meth:`run` raises.
        """
        # What is typed first may make it a place where a suggestion is asked for.
        typed = replace(snapshot, trigger=Trigger.AUTOMATIC)
        prepared = await self.prepare(typed, at_any_place=True)
        if prepared.prompt is not None:
            await self._engine.warm(prepared.prompt)
            await self.refresh_snippets(prepared)

    async def whole(self, report: Report) -> Report | None:
        """Wait for the whole of which ``report`` suggests the beginning; ``None`` if that was given up.

        Raises what :meth:`run` raises.
        """
        writing = self._writings.get(report.snapshot.uri)
        if writing is None or not writing.takes(report.snapshot):
            return None
        return await self._read(writing, report.snapshot, None)

    async def think_ahead(self, report: Report) -> None:
        """Compute what would follow the suggestion if it were accepted; for pauses."""
        report = await self.whole(report) or report  # perhaps only its beginning was shown
        if report.suggestion is None:
            return
        snapshot, added = report.snapshot, report.suggestion.text
        behind = snapshot.text[snapshot.offset + report.suggestion.replaced :]
        text = snapshot.text[: snapshot.offset] + added + behind
        offset = snapshot.offset + len(added)
        asks_by_hand = snapshot.trigger is Trigger.INVOKED
        trigger = Trigger.AUTOMATIC if asks_by_hand else snapshot.trigger
        accepted = replace(snapshot, text=text, offset=offset, trigger=trigger)
        writing = self._writings.get(snapshot.uri)
        if writing is None or not writing.is_for(accepted):
            begun = await self._begin(accepted)
            if isinstance(begun, Report):
                return
            writing = begun
        with writing.reading():
            while not writing.is_done:
                await writing.wait(None)

    async def move_anchor(self, report: Report) -> None:
        """Prepare a new anchor if some lines have been typed since the last one, then use it.

        To be called between two keys: the engine gives way to a request at once and keeps what it
        has computed, so that typing without a pause never has to wait for a whole new anchor. What
        was begun between two keys is gone on with between the next two.
        """
        if report.hole is None or not _wants_new_anchor(report.hole):
            return
        planned = self._anchors.planned(report.snapshot)
        if planned is None:
            fresh = cut(report.snapshot)
            if (shown := redact(fresh)) is None:
                return
            planned = PlannedAnchor(report.snapshot, fresh, shown)
            self._anchors.plan(planned)
        retrieval = await self._gathering.search(planned.snapshot, planned.shown)
        prompt = await self._prompt(planned.snapshot, planned.shown, retrieval)
        await self._engine.warm(prompt)
        self._anchors.use(planned)

    async def refresh_snippets(self, report: Report) -> None:
        """Search again if another file has changed, prepare the prompt with the result, then use it.

        To be called between two keys, like :meth:`move_anchor`.
        """
        hole = report.hole
        if hole is None or _wants_new_anchor(hole):
            return
        found = await self._gathering.search_if_doubtful(report.snapshot, hole)
        if found is None:
            return
        if found is not report.retrieval:
            await self._engine.warm(await self._prompt(report.snapshot, hole, found))
        await self._gathering.use(report.snapshot, hole, found)

    def document_changed(self, uri: str, path: PurePath) -> None:
        """Search again, in the background or at the next request, even at the same place."""
        self._gathering.doubt(uri, path)
        self._forget_answers(but=uri)

    def files_changed(self) -> None:
        """Search again, in the background or at the next request, whatever may have changed."""
        self._gathering.doubt_all()
        self._forget_answers()

    def _forget_answers(self, but: str = "") -> None:
        """Let who asks once more at the same place have a new search, not the answer of before."""
        for uri, writing in tuple(self._writings.items()):
            if writing.is_done and uri != but:
                del self._writings[uri]

    async def _begin(self, snapshot: Snapshot) -> Report | Writing:
        """Start a completion in place of the one being written for the document.

        Returns a report at once if nothing is to be written, or if it is known.
        """
        self.give_up(snapshot.uri)
        prepared = await self.prepare(snapshot)
        prompt, hole = prepared.prompt, prepared.hole
        if prompt is None or hole is None:
            return prepared
        request = CompletionRequest(
            prompt=prompt,
            stop=stop_rule(
                hole,
                snapshot.trigger,
                self._settings,
                min_probability=self._bar(snapshot, hole),
            ),
            sampling=self._settings.completion.sampling,
            candidates=self._settings.completion.candidates
            if snapshot.trigger is Trigger.INVOKED
            else 1,
        )
        key = ResultKey.of(request.prompt, request.stop, request.sampling, request.candidates)
        if (known := self._results.get(key)) is not None:
            return self._conclude(prepared, hole, known, _StepTimer())

        async def write(on_written: OnWritten) -> tuple[Completion, ...]:
            completions = await self._engine.complete(request, on_written)
            self._results.put(key, completions)
            return completions

        is_far = self._engine.info is not None and self._engine.info.is_far
        self._writings[snapshot.uri] = writing = Writing(
            prepared, write, self._engine.look, is_far=is_far
        )
        return writing

    async def _read(
        self, writing: Writing, snapshot: Snapshot, until_s: float | None
    ) -> Report | None:
        """Wait for what is written, and answer a request with it; ``None`` if it is of no use.

        After ``until_s`` of the loop's clock, the answer is what is certain by then.
        """
        typed = typed_since(writing.snapshot, snapshot)
        assert typed is not None
        loop, steps = asyncio.get_running_loop(), _StepTimer()
        with writing.reading():
            while not writing.is_done:
                if not writing.agrees(typed):
                    return None
                if until_s is not None and loop.time() >= until_s:
                    await writing.catch_up()
                    if writing.is_done or not writing.agrees(typed):
                        continue
                    if (part := self._beginning(writing, typed, snapshot)) is not None:
                        return part
                    until_s = None
                if writing.is_behind(typed):
                    writing.look()
                await writing.wait(until_s)
        if writing.is_given_up:
            return None
        completions, hole = writing.completions(), writing.prepared.hole
        assert hole is not None
        if writing.report is None:
            writing.report = self._conclude(writing.prepared, hole, completions, steps)
        report, shown = writing.report, writing.shown
        if shown is not None and not _begins(report.suggestion, shown):
            report = replace(report, suggestion=shown, reason="shown, because its beginning was")
        self._shown.remember(writing.snapshot, report.suggestion)
        return report if not typed else self.rest_of_shown(snapshot)

    def _beginning(self, writing: Writing, typed: str, snapshot: Snapshot) -> Report | None:
        """Return the certain beginning of a text that is being written, cut at a complete unit."""
        prepared, trigger = writing.prepared, writing.snapshot.trigger
        assert prepared.hole is not None
        least = self._bar(prepared.snapshot, prepared.hole)
        certain = beginning(writing.written, prepared.hole, trigger, least)
        shown = writing.shown
        if shown is not None and (certain is None or not certain.text.startswith(shown.text)):
            certain = shown
        rest = certain.after(typed) if certain is not None else None
        if certain is None or rest is None or len(rest.text.strip()) < LEAST_BEGINNING_CHARS:
            return None
        writing.shown = certain
        self._shown.remember(writing.snapshot, certain)
        reason = "its beginning: the rest is being written"
        return replace(
            prepared, snapshot=snapshot, suggestion=rest, reason=reason, is_beginning=True
        )

    def _bar(self, snapshot: Snapshot, hole: Hole) -> float:
        """Return how likely a suggestion must be here to be shown unasked."""
        setting = self._settings.completion.min_probability
        return self._own_bar().min_probability(setting, (snapshot.language_id, hole.mode.value))

    def _give_up_others(self, uri: str) -> None:
        """Cancel completions for other documents that nobody waits for."""
        for other, writing in tuple(self._writings.items()):
            if other != uri and not writing.is_read:
                self.give_up(other)

    def _conclude(
        self, prepared: Report, hole: Hole, completions: tuple[Completion, ...], steps: _StepTimer
    ) -> Report:
        steps.done("engine")
        least = self._bar(prepared.snapshot, hole)
        info = self._engine.info
        name = info.model_name if info is not None else ""
        choice = rank(completions, hole, prepared.snapshot.trigger, least, model_name=name)
        steps.done("filters")
        reason = choice.reason
        setting = self._settings.completion.min_probability
        if not choice.suggestions and least != setting:
            reason += f" ({setting:.2f} is set; what you accept in such places moves it)"
        return replace(
            prepared,
            suggestion=choice.suggestions[0] if choice.suggestions else None,
            reason=reason,
            alternatives=choice.suggestions[1:],
            completion=choice.completion,
            filters=choice.filters,
            step_ms=prepared.step_ms | steps.step_ms,
        )

    async def _prompt(self, snapshot: Snapshot, hole: Hole, retrieval: Retrieval) -> Prompt:
        fim = (await self._gathering.model()).fim_tokens()
        tokenizer = self._gathering.tokenizer
        budgets = await self._gathering.budgets()
        start = await tokenizer.start_within(hole.typed, budgets.typed_tokens)
        hole = replace(hole, typed=hole.typed[start:])
        typed_tokens = at_most_tokens(hole.typed)
        if not budgets.have_room_for(retrieval.tokens + typed_tokens):
            (typed_tokens,) = await tokenizer.count([hole.typed])
        prefix_budget, suffix_budget = budgets.beside(retrieval.tokens, typed_tokens=typed_tokens)
        text = lay_out(
            snapshot,
            hole,
            retrieval,
            prefix_line_tokens=await tokenizer.count_lines(hole.prefix),
            suffix_line_tokens=await tokenizer.count_lines(hole.suffix),
            prefix_budget_tokens=prefix_budget,
            suffix_budget_tokens=suffix_budget,
            fragment_start=await tokenizer.fragment_start(hole.typed),
        )
        head, prefix, suffix, typed = await tokenizer.encode(
            [text.context + text.header, text.prefix, text.suffix, text.typed]
        )
        prompt = assemble(
            text,
            fim,
            head_ids=head,
            prefix_ids=prefix,
            suffix_ids=suffix,
            typed_ids=typed,
            snippet_tokens=retrieval.tokens,
        )
        return replace(prompt, document=snapshot.uri)


def _begins(suggestion: Suggestion | None, shown: Suggestion) -> bool:
    return suggestion is not None and suggestion.text.startswith(shown.text)


def _wants_new_anchor(hole: Hole) -> bool:
    return hole.typed.count("\n") >= REANCHOR_FROM_LINES


class _StepTimer:
    """Takes the time of each step."""

    def __init__(self) -> None:
        self.step_ms: dict[str, float] = {}
        self._last = time.perf_counter()

    def done(self, name: str) -> None:
        now = time.perf_counter()
        self.step_ms[name] = (now - self._last) * 1000
        self._last = now
