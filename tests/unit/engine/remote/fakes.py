"""Fake HTTP server that speaks every dialect, and misbehaves when told to.

Its model is a text: token ids are code points, markers lie beyond Unicode.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from infill_ls.engine import EngineOptions
from infill_ls.engine.base import EngineInfo
from infill_ls.models.fim import FAMILIES, FimTokens
from infill_ls.types import Prompt, PromptPart

FAMILY = FAMILIES[0]
BOS = 0x110000
MARKERS = {spelling: BOS + 1 + index for index, spelling in enumerate(FAMILY.markers)}
PREFIX, SUFFIX, MIDDLE = MARKERS.values()
MODEL = "deepseek-coder-1.3b-base"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


Reply = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


def json_reply(data: Any, status: int = 200) -> Reply:
    return raw_reply(json.dumps(data).encode(), status, "application/json")


def raw_reply(body: bytes, status: int = 200, kind: str = "text/html", more: str = "") -> Reply:
    async def reply(_request: Request, writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}{more}\r\n".encode() + body)

    return reply


@dataclass
class FakeServer:
    """Gives the ``routes``' replies; what was asked is in ``requests``.

    ``hung_up`` counts the streams that the client closed before they were done.
    """

    routes: dict[str, Reply] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    hung_up: int = 0
    url: str = ""
    _serving: set[asyncio.Task[Any] | None] = field(default_factory=set)

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving.add(task := asyncio.current_task())
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                while not writer.is_closing():
                    request = await _read(reader)
                    await self._answer(request, writer)
                    if request.headers.get("connection") == "close":
                        writer.close()
                        await writer.wait_closed()
        finally:
            writer.transport.abort()
            self._serving.discard(task)

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        self.requests.append(request)
        reply = self.routes.get(request.path) or json_reply({"detail": "Not Found"}, 404)
        try:
            await reply(request, writer)
            await writer.drain()
        except ConnectionError:
            self.hung_up += 1
            raise

    async def hang_up(self) -> None:
        """End all connections."""
        await end_all(self._serving)

    def stream(self, events: Callable[[Request], Iterable[bytes]], pause_s: float = 0.0) -> Reply:
        """Return a reply that sends one event after another."""

        async def reply(request: Request, writer: asyncio.StreamWriter) -> None:
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n"
            )
            for event in events(request):
                writer.write(b"%x\r\n%s\r\n" % (len(event), event))
                await writer.drain()
                await asyncio.sleep(pause_s)
                # A write to a connection that the client has closed fails at the second attempt.
                if writer.transport.is_closing():
                    raise ConnectionResetError
            writer.write(b"0\r\n\r\n")

        return reply


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.split("\r\n")
    method, path, _ = first.split(" ")
    headers = {
        name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, json.loads(body) if body else None)


async def end_all(tasks: Iterable[asyncio.Task[None] | None]) -> None:
    there = [task for task in tasks if task is not None]
    for task in there:
        task.cancel()
    await asyncio.gather(*there, return_exceptions=True)


class Listener(Protocol):
    url: str

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, /
    ) -> None: ...

    async def hang_up(self) -> None: ...


L = TypeVar("L", bound=Listener)


@asynccontextmanager
async def serving(server: L) -> AsyncIterator[L]:
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    host, port = listener.sockets[0].getsockname()[:2]
    server.url = f"http://{host}:{port}"
    try:
        yield server
    finally:
        listener.close()
        await server.hang_up()


Answer = Callable[[str], str]
"""From the text behind the last marker to what the model writes next."""


def tokens_of(text: str, *, markers: bool, bos: bool = False) -> list[int]:
    ids = [BOS] if bos else []
    while text:
        found = next((s for s in MARKERS if markers and text.startswith(s)), "")
        ids.append(MARKERS[found] if found else ord(text[0]))
        text = text[len(found) or 1 :]
    return ids


def typed_of(prompt: list[int] | str) -> str:
    ids = tokens_of(prompt, markers=True) if isinstance(prompt, str) else prompt
    return "".join(map(chr, ids[ids.index(MIDDLE) + 1 :]))


def sse(event: Any) -> bytes:
    return b"data: " + json.dumps(event).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def _openai_events(answer: Answer, *, logprobs: bool) -> Callable[[Request], Iterable[bytes]]:
    def events(request: Request) -> Iterable[bytes]:
        text = answer(typed_of(request.body["prompt"]))
        scores = {"token_logprobs": [-0.5]} if logprobs else None
        for c in text:
            yield sse({"choices": [{"text": c, "logprobs": scores, "finish_reason": None}]})
        yield sse({"choices": [{"text": "", "finish_reason": "stop"}]})
        yield DONE

    return events


def _openai(owner: str, tokenizer: str, answer: Answer, pause_s: float) -> FakeServer:
    server = FakeServer()
    models = [{"id": MODEL, "owned_by": owner, "max_model_len": 4096}]

    async def tokenize(request: Request, writer: asyncio.StreamWriter) -> None:
        body = request.body
        text, bos = body.get("prompt", body.get("input")), body.get("add_special_tokens", True)
        await json_reply({"tokens": tokens_of(text, markers=True, bos=bos)})(request, writer)

    server.routes = {
        "/v1/models": json_reply({"object": "list", "data": models}),
        tokenizer: tokenize,
        "/v1/completions": server.stream(_openai_events(answer, logprobs=owner != "me"), pause_s),
    }
    return server


def vllm(
    answer: Answer,
    pause_s: float = 0.0,
    *,
    forced: Callable[[str], str] | int | None = None,
    owner: str = "vllm",
) -> FakeServer:
    """Serve as vLLM does; ``forced`` is what is written by a pattern, or the status of a server that refuses one."""
    server = _openai(owner, "/tokenize", answer, pause_s)
    return _forcing(server, forced, lambda body: body.get("structured_outputs", {}).get("regex"))


def sglang(
    answer: Answer, pause_s: float = 0.0, *, forced: Callable[[str], str] | int | None = None
) -> FakeServer:
    """Serve as SGLang does; ``forced`` is as for vLLM."""
    server = _openai("sglang", "/v1/tokenize", answer, pause_s)
    return _forcing(server, forced, lambda body: body.get("regex"))


def _forcing(
    server: FakeServer,
    forced: Callable[[str], str] | int | None,
    pattern_in: Callable[[dict[str, Any]], str | None],
) -> FakeServer:
    free = server.routes["/v1/completions"]

    async def complete(request: Request, writer: asyncio.StreamWriter) -> None:
        pattern = pattern_in(request.body)
        if pattern is None or forced is None:
            await free(request, writer)
        elif isinstance(forced, int):
            await json_reply({"error": {"message": "no patterns here"}}, forced)(request, writer)
        else:
            events = _openai_events(lambda _: forced(pattern), logprobs=True)
            await server.stream(events)(request, writer)

    server.routes["/v1/completions"] = complete
    return server


def llama_cpp_python(answer: Answer, pause_s: float = 0.0) -> FakeServer:
    return _openai("me", "/extras/tokenize", answer, pause_s)


def llama_server(answer: Answer, pause_s: float = 0.0) -> FakeServer:
    server = FakeServer()

    async def tokenize(request: Request, writer: asyncio.StreamWriter) -> None:
        body = request.body
        ids = tokens_of(body["content"], markers=body["parse_special"], bos=body["add_special"])
        await json_reply({"tokens": ids})(request, writer)

    def events(request: Request) -> Iterable[bytes]:
        for c in answer(typed_of(request.body["prompt"])):
            scores = [{"id": ord(c), "logprob": -0.5}]
            event = {"content": c, "tokens": [ord(c)], "stop": False}
            yield sse({**event, "completion_probabilities": scores})
        timings = {"prompt_n": 3, "cache_n": 40}
        yield sse({"content": "", "stop": True, "stop_type": "eos", "timings": timings})

    props = {
        "model_alias": f"/models/{MODEL}",
        "default_generation_settings": {"n_ctx": 4096},
    }
    server.routes = {
        "/v1/models": json_reply({"data": [{"id": MODEL, "owned_by": "llamacpp"}]}),
        "/props": json_reply(props),
        "/tokenize": tokenize,
        "/completion": server.stream(events, pause_s),
    }
    return server


def ollama(answer: Answer, pause_s: float = 0.0) -> FakeServer:
    server = FakeServer()

    def events(request: Request) -> Iterable[bytes]:
        for c in answer(typed_of(request.body["prompt"])):
            event = {"response": c, "done": False, "logprobs": [{"token": c, "logprob": -0.5}]}
            yield json.dumps(event).encode() + b"\n"
        end = {"response": "", "done": True, "done_reason": "stop", "prompt_eval_count": 9}
        yield json.dumps(end).encode() + b"\n"

    server.routes = {
        "/v1/models": json_reply({"data": [{"id": MODEL, "owned_by": "library"}]}),
        "/api/tags": json_reply({"models": [{"name": f"{MODEL}:latest"}]}),
        "/api/generate": server.stream(events, pause_s),
    }
    return server


INFO = EngineInfo(
    model_name=MODEL,
    context_tokens=4096,
    stop_ids=frozenset(MARKERS.values()),
    fim=FimTokens(FAMILY.name, FAMILY.order, PREFIX, SUFFIX, MIDDLE, BOS),
    tokens_stay_in_line=True,
)


class FakeVocabulary:
    """Stands for the engine process that tokenizes with a local file."""

    def __init__(self, options: EngineOptions) -> None:
        assert options.vocabulary_only

    async def start(self) -> EngineInfo:
        return INFO

    async def tokenize(
        self, texts: Sequence[str], *, reads_markers: bool = False
    ) -> list[tuple[int, ...]]:
        return [tuple(map(ord, text)) for text in texts]

    async def close(self) -> None:
        pass


def prompt_of(before: str, typed: str, after: str = "", fragment: str = "") -> Prompt:
    head = (BOS, PREFIX, *map(ord, before), SUFFIX, *map(ord, after), MIDDLE)
    return Prompt(
        (*head, *map(ord, typed)),
        len(head),
        fragment,
        "",
        (
            PromptPart("prefix", len(before), before),
            PromptPart("suffix", len(after), after),
            PromptPart("typed", len(typed), typed),
        ),
    )
