"""A simulated person who types a past edit again, key by key, and accepts what is right.

After each key the server is asked. What it answers before the next key is *seen*. A person accepts
what is seen if it is right, all of it or its first line, and goes on typing otherwise; this
simulated person knows the text, so that what is accepted is the most that could be.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Protocol

from infill_ls.errors import InfillError
from infill_ls.measuring.figures import Row
from infill_ls.measuring.git_history import PastEdit

LEAST_ACCEPTED_CHARS = 3
"""Nobody reaches for the accept key to save less."""
ANSWER_TIMEOUT_S = 30.0


class TypedInto(Protocol):
    """What a typist needs of a server."""

    def insert(self, path: Path, text: str, offset: int, added: str) -> None:
        """Insert ``added`` at ``offset`` into the document, whose text is ``text`` until now."""

    async def complete_typed(self, path: Path, text: str, offset: int) -> str | None:
        """Ask as an editor does after a key; return the text to put at the cursor."""


class Typist:
    """Types one edit, a key each ``key_ms``, and accepts what is right."""

    def __init__(self, server: TypedInto, path: Path, edit: PastEdit, key_ms: float) -> None:
        self._server = server
        self._path = path
        self._edit = edit
        self._key_ms = key_ms
        self._written = ""
        self._pressed = 0
        self._accepted_chars = 0
        self._accepted = 0
        self._seen = 0
        self._requests = 0
        self._begins_wrong = 0
        self._wait_ms: list[float] = []

    async def rest(self, seconds: float) -> None:
        """Look at the place before the first key, after which the editor asks too; 0: type at once.

        The first key comes when the time is over, whether that is answered or not.
        """
        if seconds <= 0:
            return
        edit = self._edit
        asked = asyncio.ensure_future(
            self._server.complete_typed(self._path, edit.before + edit.after, len(edit.before))
        )
        asked.add_done_callback(_forget)
        await asyncio.sleep(seconds)

    async def type_all(self) -> None:
        """Type until the edit is done."""
        wanted = self._edit.typed
        await self._press(self._edit.keys[0])
        while len(self._written) < len(wanted):
            rest = wanted[len(self._written) :]
            seen = await self._ask()
            part = _accepted_part(seen, rest) if seen is not None else ""
            if part:
                self._accepted += 1
                self._accepted_chars += len(part)
                await self._press(part)
            else:
                await self._press(self._next_key(rest))

    def row(self) -> Row:
        """Return the results as a row."""
        needed = len(self._edit.keys)
        return {
            "keys": needed,
            "pressed": self._pressed,
            "saved": (needed - self._pressed) / needed,
            "kept_chars": self._accepted_chars / len(self._edit.typed),
            "requests": self._requests,
            "seen": self._seen,
            "accepted": self._accepted,
            "begins_wrong": self._begins_wrong,
            "wait_ms": [round(one, 2) for one in self._wait_ms],
        }

    def _next_key(self, rest: str) -> str:
        # After a part is accepted, the keys are not those of the edit from its beginning.
        end = len(rest) - len(rest[1:].lstrip(" \t")) if rest[0] == "\n" else 1
        return rest[:end]

    async def _press(self, added: str) -> None:
        edit = self._edit
        text = edit.before + self._written + edit.after
        self._server.insert(self._path, text, len(edit.before) + len(self._written), added)
        self._written += added
        self._pressed += 1

    async def _ask(self) -> str | None:
        """Return what is seen when the next key is due; ``None`` if nothing."""
        edit = self._edit
        text = edit.before + self._written + edit.after
        offset = len(edit.before) + len(self._written)
        self._requests += 1
        now = asyncio.get_running_loop().time
        started = now()
        answer = asyncio.ensure_future(self._server.complete_typed(self._path, text, offset))
        if self._key_ms > 0:
            await asyncio.wait([answer], timeout=self._key_ms / 1000)
            if not answer.done():
                # The next key comes, and its request takes this one's place. Nobody reads this.
                answer.add_done_callback(_forget)
                return None
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                seen = await answer
        except TimeoutError:
            raise InfillError(f"no answer within {ANSWER_TIMEOUT_S:.0f} s") from None
        waited_s = now() - started
        if seen is not None:
            self._seen += 1
            self._wait_ms.append(waited_s * 1000)
            rest = edit.typed[len(self._written) :]
            self._begins_wrong += seen[:1] != rest[:1]
        # The person reads until the next key is due, or accepts then.
        await asyncio.sleep(max(0.0, self._key_ms / 1000 - waited_s))
        return seen


def _accepted_part(seen: str, rest: str) -> str:
    """Return the part of a suggestion that a person who wants to write ``rest`` accepts."""
    first_line = seen.partition("\n")[0]
    for part in (seen, first_line):
        if len(part.strip()) >= LEAST_ACCEPTED_CHARS and rest.startswith(part):
            return part
    return ""


def _forget(answer: asyncio.Future[str | None]) -> None:
    if not answer.cancelled():
        answer.exception()  # looked at, so that asyncio does not complain
