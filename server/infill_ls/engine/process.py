"""The engine in a child process, seen from the language server.

The child may die (a model too large, an assertion inside llama.cpp): then every call under way
raises :class:`EngineUnavailableError`, and the next ``start`` after a growing pause begins a new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path

from infill_ls.engine import wire
from infill_ls.engine.base import EngineInfo
from infill_ls.errors import EngineError, EngineTimeoutError, EngineUnavailableError, ModelError
from infill_ls.types import GREEDY, Completion, Prompt, Sampling, StopRule

log = logging.getLogger(__name__)
child_log = logging.getLogger("infill_ls.engine.child")

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
REQUEST_TIMEOUT_S = 30.0
"""A child that is silent for so long hangs: it is killed, and the next request starts another."""
LOAD_TIMEOUT_S = 300.0
CLOSE_TIMEOUT_S = 2.0


class EngineProcess:
    """An :class:`~infill_ls.engine.base.Engine` that runs a GGUF model in a child process."""

    def __init__(
        self,
        model_path: Path,
        *,
        threads: int = 0,
        gpu_layers: int = -1,
        on_loading: Callable[[float], None] = lambda _: None,
        request_timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> None:
        self._arguments = [
            *("--model", str(model_path)),
            *("--threads", str(threads)),
            *("--gpu-layers", str(gpu_layers)),
        ]
        self._on_loading = on_loading
        self._request_timeout_s = request_timeout_s
        self._process: Process | None = None
        self._info: EngineInfo | None = None
        self._loading: asyncio.Task[EngineInfo] | None = None
        self._ids = itertools.count(1)
        self._replies: dict[int, asyncio.Future[wire.Message]] = {}
        self._completions: set[asyncio.Task[object]] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._pause_s = 0.0
        self._may_start_at = 0.0
        self._closed = False

    @property
    def info(self) -> EngineInfo | None:
        """The loaded model, or ``None`` while the child is not ready."""
        return self._info

    @property
    def pid(self) -> int | None:
        """Process id of the child, if one runs."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> EngineInfo:
        """Start the child if none is ready, and wait until the model is loaded.

        Raises :class:`ModelError` if the model cannot be used (asking again gives the same
        error at once), :class:`EngineUnavailableError` if the child died or the pause after its last
        death is not over.
        """
        if self._info is not None:
            return self._info
        if self._closed:
            raise EngineUnavailableError("the engine is closed")
        if self._loading is None or self._loading.done():
            if time.monotonic() < self._may_start_at:
                raise EngineUnavailableError("the engine died and is not started again just yet")
            self._loading = asyncio.get_running_loop().create_task(self._load())
            # The error is for whoever waits; if nobody does any more, it is already logged.
            self._loading.add_done_callback(lambda task: task.cancelled() or task.exception())
        # Shielded: a request that is cancelled while the model loads must not stop the loading.
        return await asyncio.shield(self._loading)

    async def tokenize(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Return the token ids of each text."""
        reply = await self._request({"op": "tokenize", "texts": list(texts)})
        return [tuple(ids) for ids in reply["ids"]]

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text."""
        return [len(ids) for ids in await self.tokenize(texts)]

    async def complete(
        self,
        prompt: Prompt,
        stop: StopRule,
        *,
        sampling: Sampling = GREEDY,
        candidates: int = 1,
    ) -> tuple[Completion, ...]:
        """Fill the hole of ``prompt``: at most ``candidates`` different ways, the best first."""
        task = asyncio.current_task()
        if task is not None:
            self._completions.add(task)
        try:
            reply = await self._request(
                {
                    "op": "complete",
                    "token_ids": prompt.token_ids,
                    "anchor_tokens": prompt.anchor_tokens,
                    "fragment": prompt.fragment,
                    "stop": wire.record_to_wire(stop),
                    "sampling": wire.record_to_wire(sampling),
                    "candidates": candidates,
                }
            )
        finally:
            if task is not None:
                self._completions.discard(task)
        return tuple(wire.completion_from_wire(data) for data in reply["completions"])

    async def warm(self, prompt: Prompt) -> None:
        """Decode the prompt up to its anchor. A completion that comes in between goes first."""
        await self._request({"op": "warm", "token_ids": prompt.token_ids[: prompt.anchor_tokens]})

    async def cancel(self) -> None:
        """Stop every completion under way."""
        for task in tuple(self._completions):
            task.cancel()

    async def close(self) -> None:
        """End the child: first by closing its input, then by force."""
        self._closed = True
        if self._loading is not None:
            self._loading.cancel()
        process = self._process
        if process is not None:
            if process.stdin is not None:
                process.stdin.close()
            try:
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await process.wait()
            except TimeoutError:
                await self._kill()
        if self._background:
            await asyncio.wait(tuple(self._background))

    async def _load(self) -> EngineInfo:
        try:
            async with asyncio.timeout(LOAD_TIMEOUT_S):
                return await self._spawn()
        except TimeoutError:
            await self._kill()
            raise EngineTimeoutError(
                f"the model was not loaded in {LOAD_TIMEOUT_S:.0f} s"
            ) from None

    async def _spawn(self) -> EngineInfo:
        # -P: the child must not import modules from the user's working directory.
        command = (sys.executable, "-P", "-m", "infill_ls.engine.worker", *self._arguments)
        level = logging.getLevelName(child_log.getEffectiveLevel())
        self._process = process = await asyncio.create_subprocess_exec(
            *command, "--log-level", level, stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        log.info("engine process %d starts", process.pid)
        self._run_in_background(self._forward_log(process))
        ready: asyncio.Future[EngineInfo] = asyncio.get_running_loop().create_future()
        self._run_in_background(self._read(process, ready))
        return await ready

    async def _read(self, process: Process, ready: asyncio.Future[EngineInfo]) -> None:
        """Take the child's frames until it ends, then fail all that still wait."""
        try:
            async for message in _frames(process):
                if "id" in message:
                    waiting = self._replies.pop(message["id"], None)
                    if waiting is not None and not waiting.done():
                        waiting.set_result(message)
                elif not ready.done():
                    self._take_event(message, ready)
        except (ValueError, KeyError):
            log.exception("the engine process sent something unreadable")
            _kill_quietly(process)
        code = await process.wait()
        if self._process is process:
            self._process = self._info = None
        gone = EngineUnavailableError(f"the engine process ended (exit status {code})")
        if not self._closed:
            log.warning("%s", gone)
            self._pause_s = min(max(self._pause_s * 2, FIRST_PAUSE_S), LONGEST_PAUSE_S)
            self._may_start_at = time.monotonic() + self._pause_s
        if not ready.done():
            ready.set_exception(gone)
        for waiting in self._replies.values():
            if not waiting.done():
                waiting.set_exception(gone)
        self._replies.clear()

    def _take_event(self, message: wire.Message, ready: asyncio.Future[EngineInfo]) -> None:
        match message["event"]:
            case "loading":
                self._on_loading(message["fraction"])
            case "ready":
                self._info = wire.info_from_wire(message["info"])
                ready.set_result(self._info)
            case "failed":
                ready.set_exception(ModelError(message["message"]))

    async def _request(self, message: wire.Message) -> wire.Message:
        if self._info is None:
            await self.start()
        process = self._process
        if process is None or process.stdin is None:
            raise EngineUnavailableError("the engine process is not running")
        request_id = next(self._ids)
        reply: asyncio.Future[wire.Message] = asyncio.get_running_loop().create_future()
        self._replies[request_id] = reply
        try:
            process.stdin.write(wire.encode({"id": request_id, **message}))
            await process.stdin.drain()
            async with asyncio.timeout(self._request_timeout_s):
                answer = await reply
        except asyncio.CancelledError:
            self._send_cancel(process, request_id)
            raise
        except TimeoutError:
            await self._kill()
            raise EngineTimeoutError(
                f"the engine did not answer in {self._request_timeout_s:.0f} s and was stopped"
            ) from None
        except (BrokenPipeError, ConnectionResetError):
            raise EngineUnavailableError("the engine process ended") from None
        finally:
            self._replies.pop(request_id, None)
        if "error" in answer:
            raise EngineError(answer["error"])
        if "cancelled" in answer:
            raise EngineError("the engine gave way to another request")
        self._pause_s = 0.0  # it works: the next death starts with a short pause again
        return answer

    def _send_cancel(self, process: Process, request_id: int) -> None:
        if process.stdin is not None and not process.stdin.is_closing():
            process.stdin.write(wire.encode({"op": "cancel", "target": request_id, "id": 0}))

    async def _kill(self) -> None:
        if (process := self._process) is not None:
            _kill_quietly(process)
            await process.wait()

    async def _forward_log(self, process: Process) -> None:
        if process.stderr is None:
            return
        async for line in process.stderr:
            text = line.decode("utf-8", "replace").rstrip()
            name = text.partition(" ")[0]
            level = logging.getLevelNamesMapping().get(name, logging.INFO)
            child_log.log(level, "%s", text.removeprefix(f"{name} ") if name.isupper() else text)

    def _run_in_background(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def _frames(process: Process) -> AsyncIterator[wire.Message]:
    if process.stdout is None:
        return
    with contextlib.suppress(asyncio.IncompleteReadError):
        while True:
            header = await process.stdout.readexactly(wire.HEADER.size)
            yield wire.decode_body(await process.stdout.readexactly(wire.frame_size(header)))


def _kill_quietly(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
