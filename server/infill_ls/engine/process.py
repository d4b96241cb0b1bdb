"""The engine process as the language server sees it: found or started, then sent requests.

The process may die (a model too large, an assertion inside llama.cpp): then every call under way
raises :class:`EngineUnavailableError`, and after a pause that grows the next call starts another.
It may also have ended by itself after a long idle time: then the next call starts another at once.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

import psutil

from infill_ls.engine import messages, wire
from infill_ls.engine.base import CompletionRequest, EngineInfo
from infill_ls.engine.channel import confirmed, connect_to, place_of
from infill_ls.engine.handshake import Handshake, is_proof, new_nonce, nonce_in
from infill_ls.engine.peer import Peer, peer_of
from infill_ls.engine.rendezvous import (
    EXIT_ANOTHER_RUNS,
    EXIT_FAILURE_TOLD,
    RUNTIME_ENVIRONMENT_VARIABLE,
    EngineOptions,
    Rendezvous,
    rendezvous_for,
)
from infill_ls.errors import EngineError, EngineTimeoutError, EngineUnavailableError, ModelError
from infill_ls.types import Completion, OnWritten, Prompt
from infill_retrieval.processes.own_python import python_command, starting_options

log = logging.getLogger(__name__)

Reply = TypeVar("Reply", bound=messages.Answer)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
ANSWER_WITHIN_S = 30.0
"""How long a request may take beside its own time budget, and that of its prompt: 16 000 tokens can
take minutes. Others may be before it, so that being late alone is no reason to kill the engine."""
PATIENCE_S = 4.0
"""An engine that does not give up a late request in this time, and then does not say in the same
time that it is at something else, hangs: it is killed, and the next call starts another."""
FRAME_TIMEOUT_S = 20.0
"""How long the rest of a frame may take when its length is there."""
PREFILL_PATIENCE = 4.0
"""By how much a long prompt may be slower than the calibration's, which is short."""
LOAD_TIMEOUT_S = 300.0
CONNECT_TIMEOUT_S = 60.0
"""How long an engine that we have started and that lives may take until it listens."""
HANDSHAKE_TIMEOUT_S = 15.0
"""How long who listens may take to show that it knows the token."""
LOOK_EVERY_S = 0.02


class _LeftAtOnceError(EngineError):
    """An engine that was just ending shook hands, and has gone before it said how its model is."""


class EngineProcess:
    """An :class:`~infill_ls.engine.base.Engine` in a process that other servers may use too."""

    def __init__(
        self,
        options: EngineOptions,
        *,
        on_loading: Callable[[float], None] = lambda _: None,
        answer_within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        # The engine runs in another folder.
        self._options = replace(options, model_path=options.model_path.absolute())
        self._on_loading = on_loading
        self._answer_within_s = answer_within_s
        self._writer: asyncio.StreamWriter | None = None
        self._info: EngineInfo | None = None
        self._peer = Peer(None, None)
        self._examinations: set[asyncio.Task[None]] = set()
        self._loading: asyncio.Task[EngineInfo] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._started: subprocess.Popen[bytes] | None = None
        self._ids = itertools.count(1)
        self._replies: dict[int, asyncio.Future[messages.Answer]] = {}
        self._listeners: dict[int, OnWritten] = {}
        self._is_unloaded = False
        """Whether the engine has said that it ends."""
        self._saves_power = False
        self._pause_s = 0.0
        self._may_start_at = 0.0
        self._closed = False

    @property
    def info(self) -> EngineInfo | None:
        """The loaded model, or ``None`` while there is none."""
        return self._info

    @property
    def pid(self) -> int | None:
        """Process id of the engine, if we are connected to one that is ready."""
        return self._peer.pid if self._info is not None else None

    async def start(self) -> EngineInfo:
        """Connect to an engine, starting one if there is none; return when the model is loaded.

        Raises :class:`ModelError` if the model cannot be used, :class:`EngineUnavailableError`
        if the engine died or the pause after its last death is not over.
        """
        if self._info is not None:
            return self._info
        if self._closed:
            raise EngineUnavailableError("the engine is closed")
        if self._loading is None or self._loading.done():
            if time.monotonic() < self._may_start_at:
                raise EngineUnavailableError("the engine died; it is started again in a moment")
            self._loading = asyncio.get_running_loop().create_task(self._load())
            # The error is for whoever waits; if nobody does any more, it is already logged.
            self._loading.add_done_callback(lambda task: task.cancelled() or task.exception())
        # Shielded: a request that is cancelled while the model loads must not stop the loading.
        return await asyncio.shield(self._loading)

    async def tokenize(
        self, texts: Sequence[str], *, reads_markers: bool = False
    ) -> list[tuple[int, ...]]:
        """Return the token ids of each text; markers in them are text, unless ``reads_markers``."""
        message = messages.Tokenize(
            id=next(self._ids), texts=tuple(texts), reads_markers=reads_markers
        )
        return list((await self._ask(message, messages.Tokens)).ids)

    async def complete(
        self, request: CompletionRequest, on_written: OnWritten | None = None
    ) -> tuple[Completion, ...]:
        """Return the model's completions of the prompt, the best first."""
        tells = on_written is not None
        message = messages.Complete.of(next(self._ids), request, tells=tells)
        limit_s = (
            (request.answer_within_s or self._answer_within_s)
            + request.stop.time_budget_ms / 1000
            + self._prefill_s(len(request.prompt.token_ids))
        )
        return (await self._ask(message, messages.Completions, limit_s, on_written)).completions

    def look(self, on_written: OnWritten) -> bool:
        """Have a listener hear what there is of its completion now, and once when there is more."""
        target = next((i for i, hears in self._listeners.items() if hears == on_written), None)
        if target is None or self._writer is None or self._writer.is_closing():
            return False
        self._writer.write(wire.encode(messages.Look(target=target)))
        return True

    def save_power(self, *, saves: bool) -> None:
        """Have the engine do nothing unasked, or let it again; an engine that comes later hears it too."""
        if saves != self._saves_power:
            self._saves_power = saves
            if self._info is not None:
                self._tell_of_power()

    def _tell_of_power(self) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(wire.encode(messages.SavePower(saves=self._saves_power)))

    async def warm(self, prompt: Prompt) -> None:
        """Decode the prompt. A completion that comes in between goes first."""
        message = messages.Warm(
            id=next(self._ids),
            token_ids=prompt.token_ids,
            anchor_tokens=prompt.anchor_tokens,
            document=prompt.document,
        )
        limit_s = self._answer_within_s + self._prefill_s(len(prompt.token_ids))
        await self._ask(message, messages.Warmed, limit_s)

    async def close(self) -> None:
        """Leave the engine; it ends if nobody else is connected."""
        self._closed = True
        await self._hang_up()
        if self._loading is not None:
            # Not cancelled: whoever waits for it shall hear of an error, not be cancelled too.
            await asyncio.wait([self._loading])
        self._reap()

    async def _hang_up(self) -> None:
        if self._writer is not None:
            # Not closed: that waits until a peer which may not read has read all.
            self._writer.transport.abort()
        if self._reading is not None:
            await asyncio.wait([self._reading])
        for examination in tuple(self._examinations):
            examination.cancel()

    async def _load(self) -> EngineInfo:
        try:
            async with asyncio.timeout(LOAD_TIMEOUT_S):
                meeting = rendezvous_for(self._options)
                self._reap()
                until = time.monotonic() + CONNECT_TIMEOUT_S
                while True:
                    reader, writer = await self._connect(meeting, until)
                    ready: asyncio.Future[EngineInfo] = asyncio.get_running_loop().create_future()
                    self._reading = asyncio.get_running_loop().create_task(
                        self._read(reader, writer, ready)
                    )
                    with suppress(_LeftAtOnceError):
                        return await ready
                    await asyncio.sleep(LOOK_EVERY_S)
        except ModelError:
            await self._hang_up()
            raise
        except TimeoutError:
            self._kill()
            raise EngineTimeoutError(
                f"the model was not loaded in {LOAD_TIMEOUT_S:.0f} s"
            ) from None
        except OSError as error:
            raise EngineUnavailableError(f"no connection to the engine: {error}") from None

    async def _connect(
        self, meeting: Rendezvous, until: float
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect; if nobody answers, start an engine and try until it does, or time is over."""
        token = meeting.read_token()
        while time.monotonic() < until and not self._closed:
            with suppress(FileNotFoundError, ConnectionError):
                reader, self._writer = await connect_to(meeting)
                if await self._is_engine(reader, self._writer, token):
                    return reader, self._writer
                self._writer.transport.abort()
                if not meeting.is_loopback:
                    self._pause()
                    raise EngineUnavailableError(
                        "a program that is not our engine listens on its socket"
                    )
                # An engine that was killed had this port: the next one takes another.
            status = self._started.poll() if self._started is not None else EXIT_ANOTHER_RUNS
            if status in (0, EXIT_ANOTHER_RUNS, EXIT_FAILURE_TOLD):
                # None was started, ours made way for one that is just ending or beginning, or it has told
                # us or another what is wrong and was just ending.
                self._started = self._spawn(meeting)
            elif status is not None:
                self._pause()
                raise EngineUnavailableError(
                    f"the engine could not start (exit status {status}); its log is {meeting.log}"
                )
            await asyncio.sleep(LOOK_EVERY_S)
        if self._closed:
            raise EngineUnavailableError("the engine is closed")
        raise EngineUnavailableError(f"the engine did not start; its log is {meeting.log}")

    async def _is_engine(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str
    ) -> bool:
        """Tell whether an engine of the user's is at the other end, and show it that we are ours.

        Raises :class:`EngineUnavailableError` if the system says that it is somebody else's, and
        ``ConnectionError`` if it hangs up: an engine that is just ending.
        """
        stream = writer.get_extra_info("socket")
        try:
            peer = peer_of(stream)
            place = place_of(stream, is_ours=False)
        except OSError:
            return False
        if not peer.is_ours:
            writer.transport.abort()
            self._pause()
            raise EngineUnavailableError("the engine's socket belongs to another user")
        nonce = new_nonce()
        writer.write(wire.encode({"nonce": nonce}))
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
                header = await reader.readexactly(wire.HEADER.size)
                size = wire.frame_size(header, wire.MAX_HELLO_BYTES)
                hello = wire.decode_hello(await reader.readexactly(size))
            pid = hello.get("pid")
            if not isinstance(pid, int):
                return False
            shake = Handshake(token, place, nonce, nonce_in(hello), pid)
        except asyncio.IncompleteReadError:
            writer.transport.abort()
            raise ConnectionResetError from None
        except (TimeoutError, ValueError):
            return False
        if not is_proof(hello.get("proof"), shake.engine_proof()):
            return False
        self._peer = await asyncio.to_thread(confirmed, peer, place, pid)
        writer.write(wire.encode({"proof": shake.server_proof()}))
        return True

    def _spawn(self, meeting: Rendezvous) -> subprocess.Popen[bytes]:
        level = logging.getLevelName(log.getEffectiveLevel())
        arguments = ["--options", self._options.to_json(), "--log-level", level]
        options = starting_options(outlives_us=True)
        options["env"][RUNTIME_ENVIRONMENT_VARIABLE] = str(meeting.folder)
        with meeting.log.open("ab") as log_file:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                python_command("-m", "infill_ls.engine.llama.host", *arguments),
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
                **options,
            )
        log.info("starting engine process %d; its log is %s", process.pid, meeting.log)
        return process

    async def _read(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        ready: asyncio.Future[EngineInfo],
    ) -> None:
        """Take the engine's frames until it ends, then fail all that still wait."""
        self._is_unloaded = False
        gone: EngineError = EngineUnavailableError("the engine process ended")
        left_at_once: _LeftAtOnceError | None = _LeftAtOnceError("the engine was just ending")
        try:
            while True:
                header = await reader.readexactly(wire.HEADER.size)
                async with asyncio.timeout(FRAME_TIMEOUT_S):
                    body = await reader.readexactly(wire.frame_size(header))
                left_at_once = None
                self._take(wire.decode_from_engine(body), ready)
        except (asyncio.IncompleteReadError, ConnectionError):
            gone = left_at_once or gone
        except Exception as error:  # noqa: BLE001 - who talks nonsense is as good as dead
            log.warning("cannot understand the engine's message: %s", type(error).__name__)
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()
        failed_to_load = ready.done() and not ready.cancelled() and ready.exception() is not None
        self._writer = self._info = None
        self._peer = Peer(None, None)
        if not (self._closed or self._is_unloaded or failed_to_load or gone is left_at_once):
            log.warning("%s", gone)
            self._pause()
        if not ready.done():
            ready.set_exception(gone)
        for waiting in self._replies.values():
            if not waiting.done():
                waiting.set_exception(gone)
        self._replies.clear()

    def _take(self, message: messages.FromEngine, ready: asyncio.Future[EngineInfo]) -> None:
        match message:
            case messages.SoFar():
                if (listener := self._listeners.get(message.id)) is not None:
                    listener(message.written)
            case messages.Loading() | messages.Ready() | messages.Failed() if ready.done():
                pass
            case messages.Loading():
                self._on_loading(message.fraction)
            case messages.Ready():
                self._info = message.info
                if self._saves_power:
                    self._tell_of_power()
                ready.set_result(self._info)
            case messages.Failed():
                ready.set_exception(ModelError(message.message))
            case messages.Unloaded():
                self._is_unloaded = True
            case _:
                waiting = self._replies.pop(message.id, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(message)

    async def _ask(
        self,
        message: messages.Tokenize | messages.Complete | messages.Warm,
        kind: type[Reply],
        limit_s: float = 0.0,
        on_written: OnWritten | None = None,
    ) -> Reply:
        """Return the answer to a message, which is to be of one kind, within ``limit_s`` seconds."""
        if self._info is None:
            await self.start()
        writer = self._writer
        if writer is None:
            raise EngineUnavailableError("the engine process is not running")
        limit_s = limit_s or self._answer_within_s
        reply: asyncio.Future[messages.Answer] = asyncio.get_running_loop().create_future()
        self._replies[message.id] = reply
        if on_written is not None:
            self._listeners[message.id] = on_written
        try:
            writer.write(wire.encode(message))
            async with asyncio.timeout(limit_s):
                await writer.drain()
                answer = await asyncio.shield(reply)
        except asyncio.CancelledError:
            self._replies.pop(message.id, None)
            if not writer.is_closing():
                writer.write(wire.encode(messages.Cancel(target=message.id)))
            raise
        except TimeoutError:
            examination = asyncio.create_task(self._examine(message.id, reply, writer))
            self._examinations.add(examination)
            examination.add_done_callback(self._examinations.discard)
            raise EngineTimeoutError(f"the engine did not answer in {limit_s:.0f} s") from None
        except ConnectionError:
            self._replies.pop(message.id, None)
            raise EngineUnavailableError("the engine process ended") from None
        finally:
            self._listeners.pop(message.id, None)
        match answer:
            case messages.Refused():
                raise EngineError(answer.error)
            case messages.GaveWay():
                raise EngineError("the engine dropped this request for another one")
        if not isinstance(answer, kind):
            log.warning("the engine's answer has an unexpected type: %s", type(answer).__name__)
            writer.transport.abort()
            raise EngineUnavailableError("cannot understand the engine's answer")
        self._pause_s = 0.0  # it works: the next death starts with a short pause again
        return answer

    async def _examine(
        self, late_id: int, late: asyncio.Future[messages.Answer], writer: asyncio.StreamWriter
    ) -> None:
        """Give up a request that is late; kill the engine if it hangs.

        It serves others too, who may be before us: then it says that it is at something else.
        """
        ping_id = next(self._ids)
        pong: asyncio.Future[messages.Answer] = asyncio.get_running_loop().create_future()
        try:
            writer.write(wire.encode(messages.Cancel(target=late_id)))
            if (await asyncio.wait([late], timeout=PATIENCE_S))[0]:
                return
            self._replies[ping_id] = pong
            writer.write(wire.encode(messages.Ping(id=ping_id, target=late_id)))
            if (await asyncio.wait([pong], timeout=PATIENCE_S))[0] and not _is_at_it(pong):
                return
            if writer is self._writer and not late.done():
                log.warning("the engine hangs; stopping it")
                self._kill()
        finally:
            for request_id, waiting in ((late_id, late), (ping_id, pong)):
                self._replies.pop(request_id, None)
                # An exception, if there is one, is that of all who waited: nobody asks for it here.
                _ = waiting.cancel() or waiting.cancelled() or waiting.exception()

    def _prefill_s(self, prompt_tokens: int) -> float:
        """Return how long a prompt may take at most, if the speed here is known; else 0."""
        speed = self._info.prefill_tokens_per_s if self._info is not None else 0.0
        return PREFILL_PATIENCE * prompt_tokens / speed if speed else 0.0

    def _pause(self) -> None:
        """Start no other engine for a while, longer each time."""
        self._pause_s = min(max(self._pause_s * 2, FIRST_PAUSE_S), LONGEST_PAUSE_S)
        self._may_start_at = time.monotonic() + self._pause_s

    def _kill(self) -> None:
        """End an engine that hangs, also if another server started it."""
        with suppress(psutil.Error, ProcessLookupError, PermissionError):
            if self._peer.pid is not None:
                psutil.Process(self._peer.pid).kill()
            elif self._started is not None:
                self._started.kill()

    def _reap(self) -> None:
        """Take note of the end of an engine that we started; it may go on without us."""
        if self._started is not None and self._started.poll() is None and self._closed:
            self._started.returncode = 0  # no warning that it still runs: that is the intention
        if self._started is not None and self._started.poll() is not None:
            self._started = None


def _is_at_it(pong: asyncio.Future[messages.Answer]) -> bool:
    """Tell whether an engine that was asked is still at the request that it was to give up."""
    if pong.exception() is not None:
        return False
    answer = pong.result()
    return isinstance(answer, messages.Served) and answer.is_served
