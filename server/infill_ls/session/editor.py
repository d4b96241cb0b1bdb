"""The façade of a session: one editor's documents and requests, without LSP. Runs on the event loop.

Each part keeps its own state: the workspace, the requests, the engine in use, the edits. The session
says what happens in them when a document changes, when something is asked for, and in the pause after.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from infill_ls.asking import Answered, Instruction, OnProgress
from infill_ls.engine import Engine
from infill_ls.engine.fallback import EngineChoice, EngineFactory, engine_for, same_engine
from infill_ls.errors import InfillError, ModelError
from infill_ls.gathering import Gathering
from infill_ls.instruct import Task
from infill_ls.instruct.task import NothingToDoError
from infill_ls.pipeline import Pipeline
from infill_ls.session.asks import Asks, TestsPlace, with_tests
from infill_ls.session.background import Background
from infill_ls.session.edits import EditSession
from infill_ls.session.power import Power
from infill_ls.session.problems import Problems
from infill_ls.session.request_queue import RequestKind, RequestQueue, Superseded
from infill_ls.session.workspace import OpenDocument, Workspace
from infill_ls.settings import Settings
from infill_ls.suggesting.own_bar import NEUTRAL
from infill_ls.suggesting.triggers import Pace, is_word_char
from infill_ls.types import Report, Snapshot, Trigger

log = logging.getLogger(__name__)

PAUSE_S = 0.15
"""A user who has not typed for so long has paused: time to think ahead."""
FRUGAL_PAUSE_S = 0.25
"""Where power is saved, the model is asked only when no key has come for so long."""
LOOKS_FOR_QUIET = 10
LOOK_PAUSE_S = 0.4
"""A place is prepared as soon as the machine is quiet within these seconds."""


class Session:
    """What one editor has open, and the answers it waits for.

    ``on_problem`` gets each distinct problem once, in words for the user; ``on_warning`` gets it
    if completions go on in spite of it. ``on_loading`` gets the
    fraction of the model that is loaded, ``on_engine`` is told that another engine is in use.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        engine_factory: EngineFactory = engine_for,
        on_problem: Callable[[str], None] = log.error,
        on_warning: Callable[[str], None] = log.warning,
        on_loading: Callable[[float], None] = lambda _: None,
        on_engine: Callable[[], None] = lambda: None,
        power: Power | None = None,
    ) -> None:
        self.settings = settings
        self._engine_factory = engine_factory
        self._on_loading = on_loading
        self._on_engine = on_engine
        self._problems = Problems(on_problem, on_warning)
        self._background = Background()
        self._requests = RequestQueue()
        self._workspace = Workspace(
            settings,
            self._background,
            on_change=lambda: self._pipeline.files_changed(),  # noqa: PLW0108 - whichever is in use
            on_warning=self._problems.warn,
        )
        self.edits = EditSession(
            settings, self._workspace.is_sensitive, self._workspace.closed_files_with
        )
        self._engines = self._choose_engine()
        self.own_bar = NEUTRAL
        """What the user accepts moves it; see :class:`~infill_ls.suggesting.own_bar.OwnBar`."""
        self._pipeline = self._make_pipeline()
        self.asks = Asks(settings, engine_factory, self._workspace.retrieve, on_loading)
        self._last_report: dict[str, Report] = {}
        self._pace = Pace()
        self.paces_requests = False
        """Whether to wait for another key before the model is asked: for editors that do not."""
        self._thinking: asyncio.Task[None] | None = None
        self._thinks_of = ""
        self._power = power or Power()
        self._loads = 0
        """How many wait for the model to be loaded."""

    @property
    def engine(self) -> Engine:
        """The engine in use."""
        return self._engines.current

    @property
    def engine_label(self) -> str:
        """Where completions come from, if that is not simply this machine."""
        return self._engines.label

    @property
    def indexed_files(self) -> int:
        """Number of files that are searched."""
        return self._workspace.indexed_files

    @property
    def editor_tells(self) -> bool:
        """Whether the editor reports files that change on disk; if not, we poll."""
        return self._workspace.editor_tells

    @editor_tells.setter
    def editor_tells(self, tells: bool) -> None:
        self._workspace.editor_tells = tells

    async def suggest(self, snapshot: Snapshot) -> Report:
        """Return a report on ``snapshot``; failures are reports too.

        The newest request of a document wins: an older one that still runs is cancelled and
        raises :class:`Superseded` to its caller.
        """
        self._stop_thinking()
        self._requests.cancel(RequestKind.HINT)
        report = await self._requests.run(
            RequestKind.COMPLETION, snapshot.uri, self._suggest(snapshot)
        )
        self._last_report[snapshot.uri] = report
        may_think = self._power.may_think_ahead(self.settings)
        if may_think and not self._requests.has(RequestKind.COMPLETION):
            self._thinking = self._background.run(self._think_ahead(report))
            self._thinks_of = snapshot.uri
        return report

    async def has_grown(self, report: Report) -> bool:
        """Wait for the rest of a beginning, and tell whether it is still wanted: nothing newer was asked for."""
        try:
            whole = await self._pipeline.whole(report)
        except InfillError:
            return False  # who asks next is told
        is_last = self._last_report.get(report.snapshot.uri) is report
        return is_last and whole is not None and whole.suggestion != report.suggestion

    async def ask(
        self, asked: Instruction, on_progress: OnProgress
    ) -> tuple[Answered, TestsPlace | None]:
        """Carry an instruction out; for tests, the file that they go to comes with the answer.

        A newer one for the same document takes its place: :class:`Superseded`. Raises
        :class:`InfillError` with the reason if nothing is to be changed.
        """
        return await self._requests.run(
            RequestKind.ASK, asked.snapshot.uri, self._carry_out(asked, on_progress)
        )

    def expect_ask(self, asked: Instruction) -> None:
        """Prefill the prompt up to an instruction that may come, if its model is loaded."""
        if self.asks.is_loaded and not self._requests.has(RequestKind.ASK):
            self._background.run(self._expect(asked))

    def cursor_rests(self, snapshot: Snapshot) -> None:
        """Prepare a place where something may be typed soon, if there is nothing else to do."""
        is_remote = bool(self.engine_label)
        is_there = self.engine.info is not None or self._loads > 0
        if (
            is_there  # an engine that was idle for long has given its memory back: let it be
            and not self._requests.has(RequestKind.COMPLETION)
            and self._power.may_prepare(self.settings, is_remote=is_remote)
        ):
            if snapshot.uri != self._thinks_of:
                self._stop_thinking()  # the user has gone elsewhere
            self._background.run(self._prepare(snapshot))

    def last_report(self, uri: str) -> Report | None:
        """Return the report of the last request that was answered for a document."""
        return self._last_report.get(uri)

    async def load_model(self) -> None:
        """Load the model now, so that the first request need not wait for it."""
        self._save_power()
        engine = self.engine
        self._loads += 1
        try:
            info = await engine.start()
            info.fim_tokens()
            log.info("loaded model %s, context of %d tokens", info.model_name, info.context_tokens)
            for note in info.notes:
                self._problems.tell(ModelError(note))
        except InfillError as error:
            if engine is self.engine and self._failed(error):
                await self.load_model()
        finally:
            self._loads -= 1

    def reconfigure(self, settings: Settings) -> None:
        """Use other settings from the next request on; a new model is loaded when it is needed."""
        former, self.settings = self.settings, settings
        self.edits.reconfigure(settings)
        if not same_engine(former, settings):
            engines, self._engines = self._engines, self._choose_engine()
            self._problems.forget()
            self._background.run(engines.close())
        for one in self._workspace.reconfigure(settings):
            self.edits.changed(one.uri, one.text, one.language_id, is_new=True)
        if (unused := self.asks.reconfigure(settings)) is not None:
            self._background.run(unused.close())
        self._save_power()
        self._use_pipeline()

    async def set_folders(
        self, folders: Sequence[Path], on_progress: Callable[[int], None] = lambda _: None
    ) -> None:
        """Search these workspace folders; returns when they are read."""
        await self._workspace.set_folders(folders, on_progress)

    def look_at_disk(self) -> None:
        """Find out in the background what has changed on disk, unless that was done just now."""
        self._workspace.look_at_disk()

    def document_opened(self, uri: str, path: Path | None, text: str, language_id: str) -> None:
        """Search a buffer in place of its file, and look whether it holds secrets."""
        self._workspace.look_for_secrets(uri, path, text)
        self._take(uri, path, text, language_id, is_new=True)
        self.look_at_disk()

    def why_closed(self, uri: str) -> str | None:
        """Return why nothing is completed in a document, ``None`` if something may be."""
        return self._workspace.why_closed(uri)

    def document_changed(self, uri: str, path: Path | None, text: str, language_id: str) -> None:
        """Remember a buffer's new text; it is indexed when another document asks."""
        self._take(uri, path, text, language_id)

    def document_closed(self, uri: str, path: Path | None) -> None:
        """Go back to the file on disk."""
        self._pipeline.give_up(uri)
        self._last_report.pop(uri, None)
        self.edits.closed(uri)
        self._workspace.document_closed(uri, path)

    def files_changed(self, paths: Iterable[Path]) -> None:
        """Read files again that changed on disk; a request that comes next sees a few at once."""
        self._workspace.files_changed(paths)

    async def close(self) -> None:
        """Stop the engine and all work."""
        self.abandon()
        self._stop_thinking()
        self._requests.cancel_all()
        self._pipeline.close()
        await self._engines.close()
        await self.asks.close()
        await self._background.finish()

    def abandon(self) -> None:
        """Stop what would hold up the end of the process; what runs on the loop ends with it."""
        self._problems.close()
        self._workspace.abandon()
        self.edits.abandon()

    def _take(
        self, uri: str, path: Path | None, text: str, language_id: str, *, is_new: bool = False
    ) -> None:
        self._pace.key(asyncio.get_running_loop().time())
        self.edits.changed(uri, text, language_id, is_new=is_new)
        if path is not None:
            self._pipeline.document_changed(uri, path)
            self.asks.document_changed(uri, path)
        self._workspace.document_changed(OpenDocument(uri, path, text, language_id))

    async def _suggest(self, snapshot: Snapshot) -> Report:
        if (secrets := self._workspace.why_closed(snapshot.uri)) is not None:
            return _without(secrets, snapshot)
        self._engines.take_turns()
        pipeline = self._pipeline
        is_frugal = self._save_power()
        may_wait = snapshot.trigger is Trigger.AUTOMATIC
        if may_wait and self._engines.paced is not None:
            self._engines.paced.key_pressed(in_word=_is_in_word(snapshot))
        if (
            may_wait
            and (self.paces_requests or is_frugal)
            and not pipeline.is_under_way(snapshot)
            # That costs nothing, so there is nothing to wait for.
            and pipeline.rest_of_shown(snapshot) is None
        ):
            await asyncio.sleep(max(self._pace.pause_s, FRUGAL_PAUSE_S if is_frugal else 0.0))
        # Of quick keys only the last comes to what follows.
        if (secrets := self._workspace.secrets_of(snapshot)) is not None:
            return _without(secrets, snapshot)
        self.look_at_disk()
        now = asyncio.get_running_loop().time
        deadline_s, started_s = None, now()
        if snapshot.trigger is Trigger.AUTOMATIC:
            deadline_s = None if is_frugal else self._pace.deadline_s(started_s)
        try:
            report = await pipeline.run(
                snapshot, deadline_s, (lambda: self._turn(snapshot)) if may_wait else None
            )
        except InfillError as error:
            if pipeline is not self._pipeline:
                return await self._suggest(snapshot)  # other settings, the engine was replaced
            if self._failed(error):
                return await self._suggest(snapshot)
            return Report(snapshot, None, str(error))
        if report.completion is not None:
            self._pace.measured(now() - started_s)
        return report

    def _save_power(self) -> bool:
        """Tell whether to do only what is asked for, and have the engines hear it too."""
        is_frugal = self._power.is_frugal(self.settings)
        self._engines.save_power(saves=is_frugal)
        self.asks.save_power(saves=is_frugal)
        return is_frugal

    async def _turn(self, snapshot: Snapshot) -> None:
        """Wait until a server that others use too may be asked; the next key takes that back."""
        in_word = _is_in_word(snapshot)
        while (paced := self._engines.paced) is not None:
            if (wait_s := paced.turn_s(in_word=in_word)) <= 0:
                return
            await asyncio.sleep(wait_s)

    async def _carry_out(
        self, asked: Instruction, on_progress: OnProgress
    ) -> tuple[Answered, TestsPlace | None]:
        await self._check_shown(asked.snapshot)
        await self._workspace.until_read()
        tests = None
        if asked.task is Task.TESTS:
            asked, tests = await with_tests(asked, self._workspace)
        return await self.asks.ask(asked, self.engine, on_progress), tests

    async def _expect(self, asked: Instruction) -> None:
        try:
            await self._check_shown(asked.snapshot)
            await self.asks.warm(asked)
        except InfillError as error:
            log.info("preparing for an instruction failed: %s", error)

    async def _check_shown(self, snapshot: Snapshot) -> None:
        """Raise :class:`NothingToDoError` if no model may see the document."""
        settings = self.settings.completion
        if not settings.enabled:
            raise NothingToDoError("completions are switched off (setting enabled)")
        if {snapshot.language_id, "*"}.intersection(settings.disabled_languages):
            raise NothingToDoError(f"it is switched off for {snapshot.language_id}")
        if (why := await asyncio.to_thread(self._workspace.why_not_shown, snapshot)) is not None:
            raise NothingToDoError(f"no model may see this file: {why}")

    async def _prepare(self, snapshot: Snapshot) -> None:
        with suppress(Superseded):
            # One place at a time, whichever document it is in.
            await self._requests.run(RequestKind.HINT, "", self._prepare_place(snapshot))

    async def _prepare_place(self, snapshot: Snapshot) -> None:
        if self._workspace.secrets_of(snapshot) is not None:
            return
        if self.settings.unasked.cursor_hints == "auto" and not await self._is_quiet_soon():
            return
        await self._workspace.until_read()  # with other snippets it would be another prompt
        try:
            await self._pipeline.prepare_place(snapshot)
        except InfillError as error:
            log.info("preparing a place failed: %s", error)

    async def _is_quiet_soon(self) -> bool:
        """Tell whether the machine has power to spare now, or in the next few seconds.

        A file that is being opened keeps the editor busy, and us with it.
        """
        for _ in range(LOOKS_FOR_QUIET):
            if not await asyncio.to_thread(self._power.is_busy):
                return True
            await asyncio.sleep(LOOK_PAUSE_S)
        return False

    async def _think_ahead(self, report: Report) -> None:
        snapshot = report.snapshot
        path = Path(snapshot.path) if snapshot.path else None
        try:
            await self._pipeline.move_anchor(report)
            await self._pipeline.refresh_snippets(report)
            await asyncio.sleep(PAUSE_S)
            look = self._workspace.look_for_secrets
            await asyncio.to_thread(look, snapshot.uri, path, snapshot.text)
            await asyncio.to_thread(self._workspace.look_at_declarations, snapshot)
            if (paced := self._engines.paced) is None or paced.may_think_ahead():
                await self._pipeline.think_ahead(report)
        except InfillError as error:
            log.info("thinking ahead failed: %s", error)

    def _stop_thinking(self) -> None:
        if self._thinking is not None:
            self._thinking.cancel()

    def _failed(self, error: InfillError) -> bool:
        """Tell the user of a failure; return whether another engine has stepped in."""
        has_another = self._engines.step_aside()
        comfort = "; the model on this machine is used until then" if has_another else ""
        self._problems.tell(error, comfort)
        return has_another

    def _choose_engine(self) -> EngineChoice:
        def switched() -> None:
            self._use_pipeline()
            self._on_engine()

        return EngineChoice(self.settings, self._engine_factory, self._on_loading, switched)

    def _make_pipeline(self) -> Pipeline:
        gathering = Gathering(self.engine, self._workspace.retrieve, self.settings)
        return Pipeline(gathering, lambda: self.own_bar)

    def _use_pipeline(self) -> None:
        former, self._pipeline = self._pipeline, self._make_pipeline()
        former.close()


def _without(secrets: str, snapshot: Snapshot) -> Report:
    return Report(snapshot, None, f"nothing is completed in this file: {secrets}")


def _is_in_word(snapshot: Snapshot) -> bool:
    return is_word_char(snapshot.text[max(snapshot.offset - 1, 0) : snapshot.offset])
