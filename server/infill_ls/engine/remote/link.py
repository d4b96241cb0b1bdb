"""The link to one server: opened on demand, with retries for a busy server and pauses for a failing one."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from infill_ls.engine.remote.breaker import Breaker
from infill_ls.engine.remote.credentials import Headers, read_key
from infill_ls.engine.remote.options import RemoteOptions
from infill_ls.engine.remote.transport import Transport
from infill_ls.errors import EngineUnavailableError, RemoteError

T = TypeVar("T")

RETRY_PAUSES_S = (0.1, 0.4)
LONGEST_NAMED_PAUSE_S = 10.0
"""The most that is waited, at each try, for a server that says when to come again."""
REFUSALS_TO_GIVE_UP = 5
"""So many in a row, each after the pause that pacing makes, and the local engine steps in."""


class Link:
    """Requests to one server, all through one transport and one circuit breaker.

    While the breaker is open, no request is sent and the last error raised again. ``is_paced`` says that whoever asks
    waits by itself when the server has no time.
    """

    def __init__(
        self,
        options: RemoteOptions,
        *,
        clock: Callable[[], float] = time.monotonic,
        is_paced: bool = False,
    ) -> None:
        self._options = options
        self._is_paced = is_paced
        self._clock = clock
        self._breaker = Breaker()
        self._last_error: RemoteError | None = None
        self._transport: Transport | None = None
        self._closed = False
        self._refusals = 0

    @property
    def is_given_up(self) -> bool:
        """Whether the circuit breaker is open: nothing is asked until a pause is over."""
        return self._last_error is not None and self._breaker.is_open(self._clock())

    def check(self) -> None:
        """Raise if nothing may be asked now."""
        if self._closed:
            raise EngineUnavailableError("the engine is closed")
        if self.is_given_up and self._last_error is not None:
            raise self._last_error

    async def transport(self) -> Transport:
        """Return the transport, with the key for the server."""
        options = self._options
        if self._transport is None:
            # A keyring may ask the user.
            key = await asyncio.to_thread(read_key, options.url, options.key_variables)
            headers = Headers.of(options.url, key, options.headers)
            self._transport = Transport(
                options.url,
                headers,
                setting=options.settings[0],
                key_variable=options.key_variables[0],
            )
        return self._transport

    def succeeded(self) -> None:
        """Take note of an answer: only that proves that a server works."""
        self._breaker.succeeded()
        self._refusals = 0

    async def guarded(self, work: Callable[[], Awaitable[T]], *, is_first: bool = False) -> T:
        """Do ``work``, again after a short pause if the server was busy; tell the breaker.

        ``is_first`` is for the first look at a server: there is none to be patient with.
        """
        for pause_s in (*RETRY_PAUSES_S, None):
            try:
                return await work()
            except RemoteError as error:
                if self._is_paced and error.is_refused and not is_first:
                    # Each of many asking three times would make it worse; whoever paces waits.
                    self._refused(error)
                    raise
                is_refused = self._is_paced and error.is_refused
                if error.is_busy and not is_refused and pause_s is not None:
                    named_s = min(error.retry_after_s or 0.0, LONGEST_NAMED_PAUSE_S)
                    await asyncio.sleep(named_s + pause_s * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
                    continue
                # That nobody is there passes by itself, also where it is the first that is known of a server.
                self._breaker.failed(self._clock(), is_lasting=error.is_lasting, opens=is_first)
                self._last_error = error
                raise
        raise AssertionError("unreachable")

    def _refused(self, error: RemoteError) -> None:
        """Tell the breaker only of one that nobody asked to come back soon, and that goes on."""
        self._refusals += 1
        if self._refusals >= REFUSALS_TO_GIVE_UP:
            self._breaker.failed(self._clock(), is_lasting=True)
            self._last_error = error

    async def close(self) -> None:
        """Close the connections; nothing is asked any more."""
        self._closed = True
        if self._transport is not None:
            await self._transport.close()
