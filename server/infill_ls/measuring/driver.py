"""Measure cases one by one or on several engines at once, and resume after an interruption."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from infill_ls.errors import EngineError, InfillError, ModelError
from infill_ls.measuring.figures import Row
from infill_ls.measuring.journal import Journal

RETRY_AFTER_S = (1.0, 5.0, 35.0)
"""An engine that died is started again after a pause that grows to 30 seconds."""
SAY_EVERY_S = 20.0


class HasId(Protocol):
    """A case: its id is unique in a run."""

    @property
    def id(self) -> str:
        """The id."""


C = TypeVar("C", bound=HasId)
Measure = Callable[[C], Awaitable[Row]]


@dataclass(frozen=True, slots=True)
class Measured:
    """The rows in the order of the cases, and what could not be measured."""

    rows: tuple[Row, ...]
    problems: tuple[str, ...]


async def measure_cases(
    name: str, cases: Sequence[C], measures: Sequence[Measure[C]], journal: Journal
) -> Measured:
    """Measure what ``journal`` does not have yet.

    Each function of ``measures`` is a lane of its own and gets neighbouring cases, which share
    much of their prompts. A case that raises :class:`InfillError` is a problem, and the rest goes
    on; a model that cannot be used ends the run with :class:`ModelError`.
    """
    missing = [case for case in cases if case.id not in journal.rows]
    problems: list[str] = []
    with _Progress(name, len(cases), len(cases) - len(missing)) as progress:

        async def work(lane: deque[C], measure: Measure[C]) -> None:
            while lane:
                case = lane.popleft()
                try:
                    journal.add({"id": case.id, **await _with_retries(case, measure)})
                except ModelError:
                    raise
                except InfillError as error:
                    problems.append(f"{case.id}: {error}")
                    progress.say(problems[-1])
                progress.advance()

        size = -(-len(missing) // len(measures))
        async with asyncio.TaskGroup() as lanes:
            for number, measure in enumerate(measures):
                lanes.create_task(
                    work(deque(missing[number * size : (number + 1) * size]), measure)
                )
    rows = tuple(journal.rows[case.id] for case in cases if case.id in journal.rows)
    return Measured(rows, tuple(problems))


async def _with_retries(case: C, measure: Measure[C]) -> Row:
    for pause_s in RETRY_AFTER_S:
        try:
            return await measure(case)
        except EngineError:
            await asyncio.sleep(pause_s)
    return await measure(case)


class _Progress:
    """A bar on stderr; where that is no terminal, a line now and then."""

    def __init__(self, name: str, total: int, done: int) -> None:
        self._name, self._total, self._done = name, total, done
        self._said_at = time.monotonic()
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(name, total=total, completed=done)

    def __enter__(self) -> Self:
        if self._done:
            self.say(f"{self._name}: {self._done} of {self._total} cases are measured already")
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        if self._bar.disable:
            print(text, file=sys.stderr, flush=True)  # noqa: T201 - stderr, and never in a server
        else:
            self._bar.console.print(text, markup=False, highlight=False)

    def advance(self) -> None:
        """One case more is done."""
        self._done += 1
        self._bar.advance(self._task)
        if self._bar.disable and time.monotonic() - self._said_at > SAY_EVERY_S:
            self._said_at = time.monotonic()
            self.say(f"{self._name}: {self._done} of {self._total}")
