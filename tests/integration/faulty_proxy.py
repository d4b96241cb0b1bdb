"""HTTP proxy in front of a real server that corrupts its answers on demand."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from unit.engine.remote.fakes import end_all

Fault = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Passes an answer on from the server to the client, more or less."""

PIECE = 64 << 10


async def as_it_is(answer: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
    while data := await answer.read(PIECE):
        client.write(data)
        await client.drain()


def slowly(pause_s: float, piece: int) -> Fault:
    async def pass_on(answer: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while data := await answer.read(piece):
            client.write(data)
            await client.drain()
            await asyncio.sleep(pause_s)

    return pass_on


def half(pieces: int) -> Fault:
    """Break off after some of the pieces that the server streams, without an end."""

    async def pass_on(answer: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        for _ in range(pieces):
            client.write(await answer.readuntil(b"\n\n"))
        await client.drain()
        client.transport.abort()

    return pass_on


async def half_an_event(answer: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
    client.write(await answer.readuntil(b"\r\n\r\n"))
    client.write(b'20\r\ndata: {"choices": [{"text": "wro\r\n0\r\n\r\n')
    await client.drain()


async def never(_: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
    await client.drain()
    await asyncio.sleep(3600)


def sized(size: int) -> Fault:
    """Say another size than the answer has: more never comes, or less is read."""

    async def pass_on(answer: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        await answer.readuntil(b"\r\n\r\n")
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {size}\r\n\r\n"
        )
        client.write(head.encode())
        body = b""
        while data := await answer.read(PIECE):
            body += data
        events = re.findall(rb"data: .*?\r?\n\r?\n", body, re.DOTALL)
        client.write(b"".join(events))
        await client.drain()

    return pass_on


def status(code: int, more: str = "") -> Fault:
    async def pass_on(_: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        client.write(f"HTTP/1.1 {code} X\r\nContent-Length: 2\r\n{more}\r\n{{}}".encode())
        await client.drain()

    return pass_on


@dataclass
class FaultyProxy:
    """Passes requests on to ``upstream``; answers to ``path`` are passed on by ``fault``."""

    upstream: str
    path: str = "/v1/completions"
    fault: Fault = as_it_is
    url: str = ""
    asked: int = 0
    """Requests for ``path``."""
    is_away: bool = False
    """Whether connections are closed at once."""
    _serving: set[asyncio.Task[None] | None] = field(default_factory=set)

    async def serve(self, client_in: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self._serving.add(task := asyncio.current_task())
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                if not self.is_away:
                    await self._pass_on(client_in, client)
        finally:
            client.close()
            self._serving.discard(task)

    async def _pass_on(self, client_in: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        head = await client_in.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        body = await client_in.readexactly(int(length[1])) if length else b""
        path = head.split(b" ", 2)[1].decode()
        self.asked += path == self.path
        server = urlsplit(self.upstream)
        answer, to_server = await asyncio.open_connection(server.hostname, server.port)
        # One request for each connection, so that the end of the answer is the end of it.
        head = re.sub(rb"(?i)\r\nconnection: [^\r]*", b"", head)
        to_server.write(head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) + body)
        try:
            await (self.fault if path == self.path else as_it_is)(answer, client)
        finally:
            to_server.close()

    async def hang_up(self) -> None:
        """End all connections."""
        await end_all(self._serving)
