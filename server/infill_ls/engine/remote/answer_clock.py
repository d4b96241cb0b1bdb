"""The time that a streamed answer takes: one limit until it begins, another from then on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from infill_ls.engine.remote.dialect import Chunk
from infill_ls.engine.remote.transport import Transport
from infill_ls.types import EngineTimings

E = TypeVar("E")


class TimeIsUpError(Exception):
    """An answer that has begun takes too long."""


class AnswerClock:
    """Limits and measures one answer, by a monotonic clock in seconds."""

    def __init__(
        self,
        transport: Transport,
        clock: Callable[[], float],
        *,
        begins_within_s: float,
        ends_within_s: float,
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._begins_within_s = begins_within_s
        self._ends_within_s = ends_within_s
        self.started_s = clock()
        self.began_s: float | None = None

    @property
    def has_begun(self) -> bool:
        """Whether something of the answer has come."""
        return self.began_s is not None

    def begin(self) -> float:
        """Note that the first of the answer has come; return when."""
        self.began_s = self._clock()
        return self.began_s

    async def next(self, events: AsyncIterator[E]) -> E:
        """Return the next event.

        Raises what ``events`` raises, :class:`~infill_ls.errors.RemoteError` if nothing comes in
        time, and :class:`TimeIsUpError` if the answer has begun.
        """
        until_s = (
            self.started_s + self._begins_within_s
            if self.began_s is None
            else self.began_s + self._ends_within_s
        )
        try:
            async with asyncio.timeout(max(until_s - self._clock(), 0)):
                return await anext(events)
        except TimeoutError:
            if self.has_begun:
                raise TimeIsUpError from None
            raise self._transport.timeout_error(self._begins_within_s) from None

    def timings(self, last: Chunk, *, prompt_tokens: int, decode_tokens: int) -> EngineTimings:
        """Return what the answer took, until now; ``last`` has what the server counted."""
        ended_s = self._clock()
        began_s = self.began_s or ended_s
        return EngineTimings(
            reused_tokens=last.reused_tokens,
            prefill_tokens=prompt_tokens,
            prefill_ms=(began_s - self.started_s) * 1000,
            decode_tokens=decode_tokens,
            decode_ms=(ended_s - began_s) * 1000,
        )
