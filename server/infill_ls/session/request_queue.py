"""The request queue of one editor: a newer request of a kind for a document supersedes the older."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from enum import StrEnum
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class RequestKind(StrEnum):
    """What is asked for. Requests of different kinds leave each other alone."""

    COMPLETION = "completion"
    ASK = "ask"
    """An instruction is carried out, for seconds or minutes."""
    HINT = "hint"
    """A place is prepared that nobody has asked about yet."""


class Superseded(Exception):  # noqa: N818 - an outcome, not an error
    """A newer request for the same document took this one's place."""


class RequestQueue:
    """Runs requests, each in a task of its own."""

    def __init__(self) -> None:
        self._newest: dict[tuple[RequestKind, str], asyncio.Task[Any]] = {}

    def has(self, kind: RequestKind) -> bool:
        """Tell whether a request of this kind is under way."""
        return any(each is kind for each, _ in self._newest)

    async def run(self, kind: RequestKind, uri: str, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Return what ``work`` returns. Raises :class:`Superseded` when a newer request comes."""
        task = asyncio.get_running_loop().create_task(work)
        older = self._newest.get((kind, uri))
        self._newest[kind, uri] = task
        if older is not None:
            older.cancel()
        try:
            return await task
        except asyncio.CancelledError:
            this = asyncio.current_task()
            if this is not None and this.cancelling():
                raise  # the editor cancelled: awaiting the task has passed that on to it
            raise Superseded from None
        finally:
            if self._newest.get((kind, uri)) is task:
                del self._newest[kind, uri]

    def cancel(self, kind: RequestKind) -> None:
        """Give up all requests of a kind."""
        for (each, _), task in tuple(self._newest.items()):
            if each is kind:
                task.cancel()

    def cancel_all(self) -> None:
        """Give up all requests."""
        for task in tuple(self._newest.values()):
            task.cancel()
