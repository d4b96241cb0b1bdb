"""A completion that is being written, and the requests that wait for it.

It belongs to no request: a key that goes on as it does has its answer from it, and a request that was
answered with its beginning leaves it to be finished. Only who contradicts it gives it up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from infill_ls.suggesting.result_cache import typed_since
from infill_ls.types import Completion, OnWritten, Report, Snapshot, Suggestion, Written

GRACE_S = 2.0
"""A completion that nobody waits for is given up after so long: the next key may want it."""

HELD_S = 0.5
"""So long a request is waited for of which nothing has come, where asking anew costs more than waiting: what the
user types meanwhile may be what it brings."""

Look = Callable[[OnWritten], bool]
"""See :meth:`infill_ls.engine.Engine.look`."""
Work = Callable[[OnWritten], Coroutine[Any, Any, tuple[Completion, ...]]]


class Writing:
    """A completion that the engine is writing for the request in ``prepared``."""

    def __init__(
        self, prepared: Report, work: Work, look: Look = lambda _: False, *, is_far: bool = False
    ) -> None:
        self.prepared = prepared
        self._look = look
        self._is_far = is_far
        self.written = Written("", 0.0, 0)
        self.shown: Suggestion | None = None
        """The longest beginning that was shown: what is shown next begins with it."""
        self.report: Report | None = None
        """What came of it."""
        self.is_given_up = False
        self._loop = asyncio.get_running_loop()
        self._begun_s = self._loop.time()
        self._looked_at_tokens = -1
        self._news: asyncio.Future[None] = self._loop.create_future()
        self._readers = 0
        self._grace: asyncio.TimerHandle | None = None
        self._task = self._loop.create_task(work(self._hear))
        self._task.add_done_callback(self._end)

    @property
    def snapshot(self) -> Snapshot:
        """Where the text goes."""
        return self.prepared.snapshot

    @property
    def is_done(self) -> bool:
        """Whether nothing comes any more."""
        return self._task.done()

    @property
    def is_read(self) -> bool:
        """Whether a request waits for it."""
        return self._readers > 0

    def is_for(self, snapshot: Snapshot) -> bool:
        """Tell whether it goes to this very place."""
        mine = self.snapshot
        return mine.offset == snapshot.offset and mine.whole_text == snapshot.whole_text

    def takes(self, snapshot: Snapshot) -> bool:
        """Tell whether a request may wait for this."""
        if snapshot.trigger is not self.snapshot.trigger or self.is_given_up or self._has_failed:
            return False
        typed = typed_since(self.snapshot, snapshot)
        if typed is None:
            return False
        # Before the first token nothing is lost by asking anew, with all that is typed; unless that is far.
        return not typed or ((bool(self.written.text) or self._is_held) and self.agrees(typed))

    @property
    def _is_held(self) -> bool:
        return self._is_far and not self.is_done and self._loop.time() < self._begun_s + HELD_S

    @property
    def _has_failed(self) -> bool:
        return self.is_done and (self._task.cancelled() or self._task.exception() is not None)

    def agrees(self, typed: str) -> bool:
        """Tell whether the text so far does not contradict the text typed meanwhile."""
        text = self.written.text
        return text.startswith(typed) or (not self.is_done and typed.startswith(text))

    def is_behind(self, typed: str) -> bool:
        """Tell whether the text that is known is too short to contradict all that was typed meanwhile."""
        return len(typed) > len(self.written.text) > 0

    def look(self) -> bool:
        """Ask what there is now, and what comes next; tell whether news is on its way.

        Once for each state that is known: the news may be that there is nothing new yet.
        """
        if self.is_done or self._looked_at_tokens == self.written.tokens:
            return False
        self._looked_at_tokens = self.written.tokens
        return self._look(self._hear)

    async def catch_up(self) -> None:
        """Return when what is known is what there is now."""
        if self.look():
            await self.wait(None)

    def completions(self) -> tuple[Completion, ...]:
        """Return the completions; raises what the engine raised."""
        return self._task.result()

    def cancel(self) -> None:
        """Give it up; the engine stops too."""
        self.is_given_up = not self.is_done
        self._task.cancel()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Protect the completion from cancellation within the body."""
        self._readers += 1
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None
        try:
            yield
        finally:
            self._readers -= 1
            if not self._readers and not self.is_done:
                self._leave_it()

    def _leave_it(self) -> None:
        if self.written.text:
            self._grace = self._loop.call_later(GRACE_S, self.cancel)
        elif self._is_held:
            left_s = self._begun_s + HELD_S - self._loop.time()
            self._grace = self._loop.call_later(left_s, self._leave_it)
        else:
            self.cancel()  # a later request would ask anew

    async def wait(self, until_s: float | None) -> None:
        """Return when there is more, when it is done, or at a time of the loop's clock."""
        timeout = None if until_s is None else max(until_s - self._loop.time(), 0.0)
        await asyncio.wait([self._news], timeout=timeout)

    def _hear(self, written: Written) -> None:
        if (
            written.tokens >= self.written.tokens
        ):  # what was asked for may come behind what is newer
            self.written = written
        self._wake()

    def _end(self, task: asyncio.Task[tuple[Completion, ...]]) -> None:
        if self._grace is not None:
            self._grace.cancel()
        if not task.cancelled() and task.exception() is None and (found := task.result()):
            best = found[0]
            tokens = best.timings.decode_tokens
            self.written = Written(best.text, best.mean_logprob, tokens)
        self._wake()

    def _wake(self) -> None:
        if not self._news.done():
            self._news.set_result(None)
        if not self._task.done():
            self._news = self._loop.create_future()
