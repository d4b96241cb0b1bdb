"""Strict LSP client for tests: speaks raw JSON-RPC with the real server and reports every violation.

Everything that crosses the wire is recorded. :meth:`Editor.finish` ends the server and returns what
was wrong: a request not answered or answered twice, a message that the test did not read, anything
on stdout but LSP frames, a wrong exit status, an engine process left behind.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psutil

from bounds import WITHIN_S

Json = dict[str, Any]

SHOWN_CHARS = 1_500

_HEADER = re.compile(rb"Content-Length: (\d+)\r\n\Z")
SERVER = (sys.executable, "-P", "-m", "infill_ls")


class ErrorAnswer(Exception):  # noqa: N818 - an answer
    """The server answered a request with an error."""

    def __init__(self, error: Json) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.code: int = error["code"]


@dataclass
class Call:
    """A request of ours."""

    id: int | str
    method: str
    answer: asyncio.Future[Any]

    async def result(self) -> Any:
        """Return what the server answers; an answer that comes later still finds its call."""
        await asyncio.wait([self.answer], timeout=WITHIN_S)
        assert self.answer.done(), f"{self.method} was not answered in {WITHIN_S:.0f} s"
        return self.answer.result()

    async def error_code(self) -> int:
        try:
            result = await self.result()
        except ErrorAnswer as error:
            return error.code
        raise AssertionError(f"{self.method} was answered with {result!r:.500}, not with an error")


class Process(Protocol):
    """What asyncio's processes have, and those of a fork server."""

    @property
    def stdout(self) -> asyncio.StreamReader | None: ...
    @property
    def stderr(self) -> asyncio.StreamReader | None: ...
    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    async def wait(self) -> int: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


@dataclass
class Wire:
    """The two ends of a connection, and the process behind it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    process: Process


async def spawn(
    *arguments: str,
    command: Sequence[str] = SERVER,
    env: Json | None = None,
    cwd: Path | None = None,
) -> Wire:
    """Start the server over stdio."""
    process = await asyncio.create_subprocess_exec(
        *command, *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=env, cwd=cwd
    )
    assert process.stdin is not None
    assert process.stdout is not None
    return Wire(process.stdout, process.stdin, process)


@dataclass
class Editor:
    """One client of one server. Start it with :meth:`connect`."""

    wire: Wire
    answers: dict[str, Callable[[Json], Any]] = field(default_factory=dict)
    """What to answer to the server's requests, by method."""
    refused: set[str] = field(default_factory=set)
    """Methods that we answer with an error although we said we could."""
    silent: set[str] = field(default_factory=set)
    """Methods that we never answer."""
    unread: list[Json] = field(default_factory=list)
    """Notifications that no :meth:`expect` has taken yet."""
    complaints: list[Json] = field(default_factory=list)
    """Errors without the id of a request; a test that provokes them takes them out."""
    statuses: list[Json] = field(default_factory=list)
    progress: list[tuple[str, Json]] = field(default_factory=list)
    asked: list[tuple[str, Json]] = field(default_factory=list)
    """The server's own requests."""
    problems: list[str] = field(default_factory=list)
    children: set[psutil.Process] = field(default_factory=set)
    """Processes that the server has started, as far as we looked."""

    _ids: Any = field(default_factory=lambda: itertools.count(1))
    _calls: dict[int | str, Call] = field(default_factory=dict)
    _transcript: list[str] = field(default_factory=list)
    _stderr: bytearray = field(default_factory=bytearray)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _tokens: dict[str, str] = field(default_factory=dict)
    _ended: bool = False

    @classmethod
    def connect(cls, wire: Wire) -> Editor:
        """Begin to read what the server sends."""
        editor = cls(wire)
        loop = asyncio.get_running_loop()
        editor._tasks = [loop.create_task(editor._read()), loop.create_task(editor._read_stderr())]
        return editor

    @property
    def stderr(self) -> str:
        """What the server has logged."""
        return self._stderr.decode("utf-8", "replace")

    def call(self, method: str, params: object = None, *, call_id: int | str | None = None) -> Call:
        """Send a request and return at once."""
        call = self.listen(next(self._ids) if call_id is None else call_id, method)
        self.send({"jsonrpc": "2.0", "id": call.id, "method": method} | _params(params))
        return call

    def listen(self, call_id: int | str, method: str) -> Call:
        """Expect an answer with this id, to whatever is going to be sent."""
        call = Call(call_id, method, asyncio.get_running_loop().create_future())
        self._calls[call_id] = call
        return call

    async def ask(self, method: str, params: object = None) -> Any:
        """Send a request and return its result."""
        return await self.call(method, params).result()

    def notify(self, method: str, params: object = None) -> None:
        """Send a notification."""
        self.send({"jsonrpc": "2.0", "method": method} | _params(params))

    def cancel(self, call: Call) -> None:
        """Tell the server that the answer is not wanted any more."""
        self.notify("$/cancelRequest", {"id": call.id})

    def send(self, message: Json) -> None:
        """Send any message."""
        self._note("→", message)
        body = json.dumps(message).encode("ascii")
        self.send_bytes(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def send_bytes(self, data: bytes) -> None:
        """Send anything at all."""
        self.wire.writer.write(data)

    async def expect(self, method: str) -> Any:
        """Wait for the next notification ``method`` and return its params."""
        await self.until(lambda: any(note["method"] == method for note in self.unread), method)
        note = next(note for note in self.unread if note["method"] == method)
        self.unread.remove(note)
        return note["params"]

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait until ``condition`` holds; it is looked at after each message."""
        try:
            async with asyncio.timeout(WITHIN_S), self._news:
                await self._news.wait_for(condition)
        except TimeoutError:
            raise AssertionError(f"waited in vain for {what or condition}") from None

    async def until_ready(self) -> None:
        """Wait until nothing is being loaded or indexed."""
        await self.until(lambda: self.statuses and not self.statuses[-1]["busy"], "ready")

    async def until_loaded(self) -> None:
        """Wait until a model has been loaded, or could not be, and nothing else is under way."""
        loading = "Loading the model"
        await self.until(lambda: any(s["message"] == loading for s in self.statuses), loading)
        await self.until_ready()

    def engine(self) -> psutil.Process:
        """Return the engine process."""
        self.look_for_children()
        (engine,) = (child for child in self.children if _is_engine(child))
        return engine

    def look_for_children(self) -> None:
        """Note the server's child processes; all of them must be gone in the end."""
        try:
            server = psutil.Process(self.wire.process.pid)
            self.children.update(server.children(recursive=True))
        except psutil.NoSuchProcess:
            return

    async def exit_status(self) -> int:
        """Wait for the server to end, read what it still says, and return its exit status."""
        async with asyncio.timeout(WITHIN_S):
            await asyncio.gather(*self._tasks)
            return await self.wire.process.wait()

    async def shut_down(self) -> int:
        """End the server as the protocol has it, and return its exit status."""
        self.look_for_children()
        await self.ask("shutdown")
        self.notify("exit")
        return await self.exit_status()

    async def finish(self) -> list[str]:
        """End the server if it still runs, and return everything that was wrong."""
        process = self.wire.process
        try:
            if process.returncode is None and not self._tasks[0].done():
                status = await self.shut_down()
                if status != 0:
                    self.problems.append(f"exit status {status}")
        except (ErrorAnswer, TimeoutError, AssertionError, OSError) as error:
            self.problems.append(f"no orderly end: {type(error).__name__}: {error}")
        finally:
            if process.returncode is None:
                self.problems.append("had to be killed")
                self.look_for_children()
                process.kill()
                await process.wait()
            self.wire.writer.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        return [*self.problems, *self._leftovers()]

    def shows_progress(self, token: str) -> None:
        """Have a bar of our own, which the server may tell of by this token."""
        self._tokens[token] = "created"

    def abandon(self) -> None:
        """Forget what a server that we have killed owes us."""
        self._calls.clear()
        self._tokens.clear()

    def forget(self) -> None:
        """Let go of what was said and answered so far: a long session has much of it."""
        self._transcript.clear()
        self._calls = {key: call for key, call in self._calls.items() if not call.answer.done()}

    def transcript(self) -> str:
        """Return everything that was said, and what the server logged."""
        return "\n".join([*self._transcript, "--- stderr ---", self.stderr])

    def _leftovers(self) -> list[str]:
        lost = [f"{call.method} {call.id} was never answered" for call in self._calls.values()]
        unread = [f"not read: {json.dumps(note):.300}" for note in (*self.unread, *self.complaints)]
        bars = [f"progress {token} did not end: {kind}" for token, kind in self._tokens.items()]
        _, alive = psutil.wait_procs(filter(is_alive, self.children), WITHIN_S)
        alive = [child for child in alive if is_alive(child)]
        for child in alive:
            child.kill()
        return [*lost, *unread, *bars, *(f"left behind: {child}" for child in alive)]

    async def _read(self) -> None:
        try:
            while (message := await self._read_frame()) is not None:
                self._note("←", message)
                self._take(message)
                async with self._news:
                    self._news.notify_all()
        finally:
            for call in self._calls.values():
                if not call.answer.done():
                    call.answer.set_exception(AssertionError(f"server ended before {call.method}"))
                    call.answer.exception()

    async def _read_frame(self) -> Json | None:
        reader = self.wire.reader
        header = await reader.readline()
        if not header:
            return None
        match = _HEADER.match(header)
        if match is None or await reader.readline() != b"\r\n":
            rest = await reader.read()
            self.problems.append(f"no LSP frame on stdout: {header + rest!r:.500}")
            return None
        try:
            message = json.loads(await reader.readexactly(int(match[1])))
        except asyncio.IncompleteReadError:
            self.problems.append("the last frame is cut short")
            return None
        assert isinstance(message, dict)
        return message

    def _take(self, message: Json) -> None:
        if message.get("jsonrpc") != "2.0":
            self.problems.append(f"no JSON-RPC 2.0: {message!r:.300}")
        if "method" not in message:
            self._take_answer(message)
        elif "id" in message:
            self._take_request(message)
        elif message["method"] == "didChangeStatus":
            self.statuses.append(message["params"])
        elif message["method"] == "$/progress":
            self._take_progress(message["params"])
        else:
            self.unread.append(message)

    def _take_answer(self, message: Json) -> None:
        if message["id"] is None:
            self.complaints.append(message["error"])
            return
        call = self._calls.pop(message["id"], None)
        if call is None:
            self.problems.append(f"an answer to nothing, or a second one: {message!r:.300}")
        elif ("error" in message) == ("result" in message):
            self.problems.append(f"neither or both of result and error: {message!r:.300}")
        elif "error" in message:
            call.answer.set_exception(ErrorAnswer(message["error"]))
            call.answer.exception()  # a test may not care
        else:
            call.answer.set_result(message["result"])

    def _take_request(self, message: Json) -> None:
        method, params = message["method"], message["params"]
        self.asked.append((method, params))
        answer = {"jsonrpc": "2.0", "id": message["id"]}
        if method in self.silent:
            return
        if method not in self.answers and method not in self.refused:
            self.problems.append(f"asked {method}, which we did not say we could")
        if method not in self.answers:
            self.send({**answer, "error": {"code": -32601, "message": "no such method"}})
            return
        if method == "window/workDoneProgress/create":
            self._tokens[params["token"]] = "created"
        self.send({**answer, "result": self.answers[method](params)})

    def _take_progress(self, params: Json) -> None:
        token, value = params["token"], params["value"]
        self.progress.append((token, value))
        state, kind = self._tokens.get(token), value["kind"]
        if state is None or (kind == "begin") != (state == "created"):
            self.problems.append(f"progress {kind} of a bar that is {state}")
        elif kind == "end":
            del self._tokens[token]
        else:
            self._tokens[token] = "shown"

    def _note(self, arrow: str, message: Json) -> None:
        shown = json.dumps(message, ensure_ascii=True)
        more = f"… {len(shown)} characters" if len(shown) > SHOWN_CHARS else ""
        self._transcript.append(f"{arrow} {shown[:SHOWN_CHARS]}{more}")

    async def _read_stderr(self) -> None:
        stream = self.wire.process.stderr
        assert stream is not None
        while data := await stream.read(65_536):
            self._stderr += data


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process still runs; one that nobody has waited for does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_engine(process: psutil.Process) -> bool:
    try:
        return is_alive(process) and "infill_ls.engine.llama.host" in process.cmdline()
    except psutil.NoSuchProcess:
        return False


async def until_gone(process: psutil.Process) -> None:
    """Wait for the end of a process that is not ours."""
    async with asyncio.timeout(WITHIN_S):
        while is_alive(process):
            await asyncio.sleep(0.02)


def _params(params: object) -> Json:
    return {} if params is None else {"params": params}
