"""A simulated engine whose time is counted in decode steps, and a session that uses it.

For figures that are the same on each machine: so many keys have a suggestion before the next one, so
many tokens are written for nothing. To be run by
:func:`~infill_ls.measuring.simulated_clock.run_simulated`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from infill_ls.engine import CompletionRequest, EngineInfo
from infill_ls.engine.decoding.chunks import background_chunk_tokens
from infill_ls.engine.decoding.kv_tree import KvTree
from infill_ls.engine.decoding.telling import Telling
from infill_ls.session import Session, Superseded
from infill_ls.types import (
    Completion,
    OnWritten,
    Prompt,
    Snapshot,
    StopRule,
    Written,
)
from infill_retrieval.common_length import common_length
from infill_retrieval.syntax import language_of

CHUNK_TOKENS = 64
FIRST_BACKGROUND_CHUNK_TOKENS = 16
CELLS = 5120
PARKED_TOKENS = 6400
SEQUENCES = 8


@dataclass(frozen=True, slots=True)
class Script:
    """What a model writes, token by token."""

    written: tuple[Written, ...]
    completion: Completion


@dataclass(frozen=True, slots=True)
class SimulatedModel:
    """Says at once, in no time of the simulation, what it would write."""

    info: EngineInfo
    tokenize: Callable[[Sequence[str]], list[tuple[int, ...]]]
    write: Callable[[Prompt, StopRule], Script]


@dataclass(slots=True)
class CallCost:
    """What one completion has cost."""

    read_tokens: int = 0
    written_tokens: int = 0
    is_given_up: bool = False


@dataclass
class SimulatedEngine:
    """Serves one completion at a time; a step takes ``step_s``, reading a token ``read_s``."""

    model: SimulatedModel
    step_s: float
    read_s: float
    calls: list[CallCost] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._tree = KvTree(
            _NoCells(), cell_budget=CELLS, sequences=SEQUENCES, parked_budget=PARKED_TOKENS
        )
        self._serving = asyncio.Lock()
        self._tellings: dict[OnWritten, Telling] = {}
        self._waiting = 0
        self._wanted_ids: Sequence[int] = ()
        self._is_wanted = asyncio.Event()
        self._reading: set[asyncio.Task[None]] = set()

    @property
    def info(self) -> EngineInfo | None:
        """Always loaded."""
        return self.model.info

    async def start(self) -> EngineInfo:
        """Return at once."""
        return self.model.info

    async def tokenize(
        self,
        texts: Sequence[str],
        *,
        reads_markers: bool = False,  # noqa: ARG002 - a simulated model has none
    ) -> list[tuple[int, ...]]:
        """Return token ids, in no time."""
        return self.model.tokenize(texts)

    async def complete(
        self, request: CompletionRequest, on_written: OnWritten | None = None
    ) -> tuple[Completion, ...]:
        """Write what the model says, each token in its time."""
        call, hears = CallCost(), on_written or _nobody
        self.calls.append(call)
        self._tellings[hears] = telling = Telling(hears)
        self._waiting += 1
        self._wanted_ids = request.prompt.token_ids
        self._is_wanted.set()
        try:
            try:
                await self._serving.acquire()
            finally:  # also when it is cancelled in the line
                self._waiting -= 1
                if not self._waiting:
                    self._is_wanted.clear()
            try:
                return (await self._serve(call, request.prompt, request.stop, telling),)
            finally:
                self._serving.release()
        except asyncio.CancelledError:
            call.is_given_up = True
            raise
        finally:
            self._tellings.pop(hears, None)

    async def _serve(
        self, call: CallCost, prompt: Prompt, stop: StopRule, telling: Telling
    ) -> Completion:
        ids = prompt.token_ids
        branch, held = self._tree.take(ids, prompt.anchor_tokens, stop.max_tokens, prompt.document)
        for start in range(held, len(ids), CHUNK_TOKENS):
            chunk = ids[start : start + CHUNK_TOKENS]
            takes_s = len(chunk) * self.read_s if len(chunk) > 1 else self.step_s
            is_cancelled = await _chunk(takes_s)
            self._tree.append(branch, chunk)
            call.read_tokens += len(chunk)
            if is_cancelled:
                raise asyncio.CancelledError
        script = self.model.write(prompt, stop)
        tokens = max(script.completion.timings.decode_tokens, 1)
        for number in range(tokens):
            if number:
                await asyncio.sleep(self.step_s)
            call.written_tokens += 1
            if number < len(script.written):
                telling.hear(script.written[number])
        return script.completion

    def look(self, on_written: OnWritten) -> bool:
        """Have the listener hear what there is now, in no time, and once when there is more."""
        if (telling := self._tellings.get(on_written)) is None:
            return False
        asyncio.get_running_loop().call_soon(telling.look)
        return True

    async def warm(self, prompt: Prompt) -> None:
        """Read a prompt while nothing is to be completed; given up, the chunk under way is still read."""
        given_up = asyncio.Event()
        reading = asyncio.create_task(self._read_unasked(prompt, given_up))
        self._reading.add(reading)
        reading.add_done_callback(self._reading.discard)
        try:
            await asyncio.shield(reading)
        finally:
            given_up.set()

    async def _read_unasked(self, prompt: Prompt, given_up: asyncio.Event) -> None:
        ids, anchor = prompt.token_ids, prompt.anchor_tokens
        done = False
        while not done and not given_up.is_set():
            async with self._serving:
                if given_up.is_set():
                    return
                branch, already = self._tree.take(ids, anchor, 0, prompt.document)
                held = already
                while held < len(ids) and not self._waiting and not given_up.is_set():
                    tokens = background_chunk_tokens(FIRST_BACKGROUND_CHUNK_TOKENS, held - already)
                    chunk = ids[held : held + tokens]
                    if await self._is_read(chunk, ids, held + len(chunk)):
                        self._tree.append(branch, chunk)
                        held += len(chunk)
                done = held >= len(ids) - 1
            await asyncio.sleep(0)

    async def _is_read(self, chunk: Sequence[int], ids: Sequence[int], until: int) -> bool:
        """Read a chunk in the background; who comes meanwhile interrupts it unless it is one of his prompt."""
        takes_s = len(chunk) * self.read_s
        loop = asyncio.get_running_loop()
        done_at = loop.time() + takes_s
        with suppress(TimeoutError):
            async with asyncio.timeout(takes_s):
                await self._is_wanted.wait()
            if common_length(self._wanted_ids, ids) < until:
                return False
            await asyncio.sleep(done_at - loop.time())
        return True

    async def close(self) -> None:
        """Nothing is to be given back."""


class SimulatedServer:
    """A session as a typist sees it, with no protocol between."""

    def __init__(self, session: Session, folder: Path) -> None:
        self._session = session
        self._folder = folder
        session.paces_requests = True

    def open(self, path: Path, text: str) -> None:
        """Open a document."""
        self._session.document_opened(path.as_uri(), path, text, language_of(str(path)).name)

    def insert(self, path: Path, text: str, offset: int, added: str) -> None:
        """Insert ``added`` at ``offset`` into the document, whose text is ``text`` until now."""
        changed = text[:offset] + added + text[offset:]
        language = language_of(str(path)).name
        self._session.document_changed(path.as_uri(), path, changed, language)

    async def complete_typed(self, path: Path, text: str, offset: int) -> str | None:
        """Ask after a key; return the text to put at the cursor, or ``None``."""
        name = path.relative_to(self._folder).as_posix()
        language = language_of(str(path)).name
        snapshot = Snapshot(
            uri=path.as_uri(),
            path=str(path),
            name=name,
            language_id=language,
            text=text,
            offset=offset,
        )
        try:
            report = await self._session.suggest(snapshot)
        except Superseded:
            return None
        return report.suggestion.text if report.suggestion is not None else None

    def close(self, path: Path) -> None:
        """Close a document."""
        self._session.document_closed(path.as_uri(), path)


def _nobody(_written: Written) -> None:
    """Hear nothing."""


async def _chunk(takes_s: float) -> bool:
    """Spend the time of a chunk, which is read to its end; tell whether it was given up meanwhile."""
    reading = asyncio.ensure_future(asyncio.sleep(takes_s))
    try:
        await asyncio.shield(reading)
    except asyncio.CancelledError:
        await reading
        return True
    return False


class _NoCells:
    """Stands for the real cache, of which only the book-keeping is needed."""

    def truncate(self, sequence: int, length: int) -> None:
        """Do nothing."""

    def copy(self, source: int, target: int, length: int) -> None:
        """Do nothing."""

    def save(self, sequence: int) -> object:
        """Return something."""
        return sequence

    def restore(self, sequence: int, state: object) -> bool:  # noqa: ARG002
        """Say that it worked."""
        return True
