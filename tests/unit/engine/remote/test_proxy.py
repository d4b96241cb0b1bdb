"""Tests of proxies: requests to this machine never go through one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from infill_ls.engine import CompletionRequest
from infill_ls.engine.remote import RemoteEngine, RemoteOptions
from infill_ls.engine.remote.credentials import Headers
from infill_ls.engine.remote.dialect import HttpCall
from infill_ls.engine.remote.proxy import proxy_for, shown_proxy
from infill_ls.engine.remote.transport import Transport
from infill_ls.errors import RemoteError
from infill_ls.types import StopRule
from infill_ls.urls import is_on_this_machine
from unit.engine.remote import fakes
from unit.engine.remote.fakes import prompt_of

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
RULE = StopRule(max_tokens=50, max_lines=1, time_budget_ms=20_000)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@asynccontextmanager
async def fake_proxy(answer: bytes = b"") -> AsyncIterator[tuple[str, list[bytes]]]:
    """Run a proxy that says ``answer`` to all; yield its address and what it was told."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.read(65_536))
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", seen


LOCAL = [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "a.localhost",
    "127.0.0.1",
    "127.1.2.3",
    "127.1",
    "2130706433",
    "0x7f000001",
    "::1",
    "0:0:0:0:0:0:0:1",
    "::ffff:127.0.0.1",
    "0.0.0.0",
    "::",
]
ELSEWHERE = ["host", "localhost.example.com", "10.0.0.1", "128.0.0.1", "::2", "", "127.0.0.1.a"]


def test_what_this_machine_is() -> None:
    assert [host for host in LOCAL if not is_on_this_machine(host)] == []
    assert [host for host in ELSEWHERE if is_on_this_machine(host)] == []


@pytest.mark.parametrize("name", [*VARIABLES[:3], *map(str.upper, VARIABLES[:3])])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_server_on_this_machine_is_asked_directly(
    monkeypatch: pytest.MonkeyPatch, name: str, host: str
) -> None:
    server = fakes.vllm(lambda _: "answer")
    async with fake_proxy() as (address, seen), fakes.serving(server):
        for scheme in ("http://", "socks5://", "nonsense://", ""):
            monkeypatch.setenv(name, scheme + address)
            url = server.url.replace("127.0.0.1", host)
            engine = RemoteEngine(RemoteOptions(url))
            (completion,) = await engine.complete(
                CompletionRequest(prompt=prompt_of("a", "b"), stop=RULE)
            )
            assert completion.text == "answer"
            await engine.close()
        assert seen == []


def test_other_machines_are_asked_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://one:1")
    monkeypatch.setenv("ALL_PROXY", "two:2")
    monkeypatch.setenv("NO_PROXY", "left.out,10.0.0.1,with.port:80")
    assert proxy_for("http://host:8000") == "http://one:1"
    assert proxy_for("https://host") == "http://two:2"
    for url in ("http://left.out", "http://a.left.out:5", "http://10.0.0.1", "http://with.port:80"):
        assert proxy_for(url) is None
    assert proxy_for("http://[::1]:8000") is None


async def fault(url: str = "http://elsewhere.invalid:8000") -> RemoteError:
    transport = Transport(url, Headers(()))
    with pytest.raises(RemoteError) as caught:
        await transport.fetch(HttpCall("/v1/models"))
    await transport.close()
    assert "secret" not in str(caught.value)
    return caught.value


async def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async with fake_proxy() as (address, _):
        pass
    monkeypatch.setenv("HTTP_PROXY", f"http://user:secret@{address}")
    error = await fault()
    assert f"the proxy http://{address} on the way to http://elsewhere.invalid:8000" in str(error)
    assert "does not answer" in str(error)
    assert error.is_busy


@pytest.mark.parametrize(
    ("status", "url", "said"),
    [
        (b"407", "http://elsewhere.invalid:8000", "needs a password"),
        (b"403", "https://elsewhere.invalid:8000", "refused to connect"),
        (b"502", "https://elsewhere.invalid:8000", "refused to connect"),
        (b"502", "http://elsewhere.invalid:8000", "asked through the proxy"),
    ],
)
async def test_a_proxy_that_refuses_is_named(
    monkeypatch: pytest.MonkeyPatch, status: bytes, url: str, said: str
) -> None:
    answer = b"HTTP/1.1 %s X\r\nContent-Length: 0\r\n\r\n" % status
    async with fake_proxy(answer) as (address, seen):
        monkeypatch.setenv("ALL_PROXY", f"http://user:secret@{address}")
        message = str(await fault(url))
        assert len(seen) == 1
    assert f"the proxy http://{address}" in message
    assert said in message


@pytest.mark.parametrize("proxy", ["nonsense://host:1", "http://host:port"])
async def test_a_proxy_of_another_kind_is_named(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    error = await fault()
    assert f"the proxy {proxy}" in str(error)
    assert error.is_lasting


async def test_without_a_proxy_none_is_named() -> None:
    assert "proxy" not in str(await fault())


async def test_the_authorities_of_the_environment_are_read_on_this_machine_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    assert "SSL_CERT_FILE" in str(await fault("https://127.0.0.1:1"))


def test_a_password_of_a_proxy_is_not_shown() -> None:
    assert shown_proxy("http://a:b@c@host:1/path") == "http://host:1"
