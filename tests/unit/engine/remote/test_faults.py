"""Tests of server errors: one clear message for each, without secrets."""

from __future__ import annotations

import asyncio
import logging
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from infill_ls.engine import CompletionRequest, EngineOptions
from infill_ls.engine.remote import RemoteEngine, RemoteOptions
from infill_ls.engine.remote.transport import Transport, retry_after_s
from infill_ls.errors import ModelError, RemoteError
from infill_ls.types import StopRule
from unit.engine.remote import fakes
from unit.engine.remote.conftest import Connect
from unit.engine.remote.fakes import FakeServer, json_reply, prompt_of, raw_reply, sse

KEY = "sk-very-secret-1234567890"
RULE = StopRule(max_tokens=50, max_lines=1, time_budget_ms=20_000)
PAGE = b"<!doctype html><html><title>Welcome to nginx</title></html>"


@pytest.fixture(autouse=True)
def nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    assert KEY not in caplog.text
    assert "hidden-header" not in caplog.text


async def fault_of(engine: RemoteEngine) -> str:
    with pytest.raises(RemoteError) as caught:
        await engine.complete(CompletionRequest(prompt=prompt_of("", ""), stop=RULE))
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def vllm() -> FakeServer:
    return fakes.vllm(lambda _: "answer")


async def test_nobody_is_there() -> None:
    async with fakes.serving(FakeServer()) as server:
        pass
    engine = RemoteEngine(RemoteOptions(server.url))
    assert await fault_of(engine) == (
        f"the inference server {server.url} does not answer: is it running, and is remoteUrl right?"
    )
    await engine.close()


async def test_a_host_that_does_not_exist() -> None:
    engine = RemoteEngine(RemoteOptions("http://nowhere.invalid:1"))
    assert "does not answer" in await fault_of(engine)
    await engine.close()


@pytest.mark.parametrize("status", [401, 403])
async def test_a_wrong_key(connect: Connect, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    monkeypatch.setenv("INFILL_LS_REMOTE_KEY", KEY)
    server = vllm()
    server.routes["/v1/models"] = json_reply({"error": f"Incorrect API key: {KEY}"}, status)
    engine = await connect(server)
    assert "refused the API key" in await fault_of(engine)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


async def test_a_missing_key(connect: Connect) -> None:
    server = vllm()
    server.routes["/v1/models"] = json_reply({}, 401)
    assert "needs an API key" in await fault_of(await connect(server))
    assert "authorization" not in server.requests[0].headers


async def test_a_server_that_repeats_the_key(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFILL_LS_REMOTE_KEY", KEY)
    server = vllm()
    said = {"error": {"message": f"no quota for {KEY}"}}
    server.routes["/v1/completions"] = json_reply(said, 402)
    assert await fault_of(await connect(server)) == (
        f"the inference server {server.url} answered HTTP 402: no quota for ***"
    )


@pytest.mark.parametrize("key", [f"{KEY}\nX-Evil: 1", f"{KEY}\u00e9"])
async def test_a_key_that_no_header_can_hold(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("INFILL_LS_REMOTE_KEY", key)
    assert "an HTTP header cannot carry" in await fault_of(await connect(vllm()))


async def test_the_key_of_the_keyring(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def get_password(service: str, host: str) -> str:
        asked.append((service, host))
        return KEY

    keyring = types.ModuleType("keyring")
    monkeypatch.setattr(keyring, "get_password", get_password, raising=False)
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    server = vllm()
    engine = await connect(server)
    await engine.start()
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert asked == [("infill-ls", server.url.removeprefix("http://"))]


async def test_a_header_that_cannot_be_sent(connect: Connect) -> None:
    engine = await connect(vllm(), headers=(("X-A", "hidden-header\r\nX-B: 1"),))
    assert "remoteHeaders" in await fault_of(engine)


async def test_the_options_do_not_show_headers() -> None:
    assert "hidden-header" not in repr(RemoteOptions("u", headers=(("X", "hidden-header"),)))


async def test_a_model_without_fim(connect: Connect) -> None:
    server = vllm()
    server.routes["/tokenize"] = json_reply({"tokens": [1, 2, 3]})
    assert "cannot fill in the middle" in await fault_of(await connect(server))


async def test_a_model_that_it_does_not_have(connect: Connect) -> None:
    engine = await connect(vllm(), model="gpt-9")
    fault = await fault_of(engine)
    assert f"no model 'gpt-9'; it has {fakes.MODEL}" in fault


async def test_a_server_without_models(connect: Connect) -> None:
    server = FakeServer({"/v1/models": json_reply({"data": []})})
    assert "no model loaded" in await fault_of(await connect(server))


async def test_ollama_wants_a_vocabulary(connect: Connect) -> None:
    assert "set remoteVocabulary" in await fault_of(await connect(fakes.ollama(lambda _: "")))


async def test_a_vocabulary_that_is_none(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    async def start(_self: object) -> None:
        raise ModelError("model file v.gguf does not exist")

    engine = await connect(vllm(), vocabulary=EngineOptions(Path("v.gguf"), vocabulary_only=True))
    monkeypatch.setattr(fakes.FakeVocabulary, "start", start)
    assert await fault_of(engine) == "remoteVocabulary: model file v.gguf does not exist"


@pytest.mark.parametrize("status", [200, 404, 500])
async def test_a_web_page(connect: Connect, status: int) -> None:
    server = FakeServer({"/v1/models": raw_reply(PAGE, status)})
    fault = await fault_of(await connect(server))
    assert "web page" in fault
    assert "nginx" not in fault


async def test_a_web_page_in_place_of_a_completion(connect: Connect) -> None:
    server = vllm()
    server.routes["/v1/completions"] = raw_reply(PAGE)
    assert "web page" in await fault_of(await connect(server))


async def test_another_api(connect: Connect) -> None:
    fault = await fault_of(await connect(vllm(), api="llama-server"))
    assert "it has no /props; is the setting remoteApi correct?" in fault


@pytest.mark.parametrize("body", [b"[]", b"7", b'"x"', b"{}", b"null"])
async def test_json_of_another_form(connect: Connect, body: bytes) -> None:
    for api in ("vllm", "llama-server", "ollama"):
        path = {"vllm": "/v1/models", "llama-server": "/props", "ollama": "/api/tags"}[api]
        server = FakeServer({path: raw_reply(body, kind="application/json")})
        assert "unexpected answer" in await fault_of(await connect(server, api=api))


async def test_events_of_another_form(connect: Connect) -> None:
    for event in ({"choices": 7}, {"choices": [7]}, {"x": 1}, {"choices": [{"text": 7}]}):
        server = vllm()
        server.routes["/v1/completions"] = server.stream(lambda _, e=event: [sse(e)])  # type: ignore[misc]
        assert "unexpected answer" in await fault_of(await connect(server))


@pytest.mark.parametrize(
    "events",
    [
        [],
        [sse({"choices": [{"text": "ans", "finish_reason": None}]})],
        [b'data: {"choices": [{"te'],
        [b'data: {"choices": [{"te\n\n'],
    ],
)
async def test_half_an_answer(connect: Connect, events: list[bytes]) -> None:
    server = vllm()
    server.routes["/v1/completions"] = server.stream(lambda _: events)
    fault = await fault_of(await connect(server))
    assert "closed the connection in the middle" in fault or "sent half an event" in fault


async def test_a_connection_that_breaks(connect: Connect) -> None:
    async def cut(_request: fakes.Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + sse({"choices": []}))
        await writer.drain()
        writer.transport.abort()

    server = vllm()
    server.routes["/v1/completions"] = cut
    assert "closed the connection in the middle" in await fault_of(await connect(server))
    assert len(server.asked("/v1/completions")) == 3  # twice more, in vain


async def test_an_error_in_the_stream(connect: Connect) -> None:
    server = vllm()
    event = {"error": {"message": "out of memory", "code": 500}}
    server.routes["/v1/completions"] = server.stream(lambda _: [sse(event)])
    assert "gave up: out of memory" in await fault_of(await connect(server))


async def test_a_line_that_does_not_end(connect: Connect) -> None:
    server = vllm()
    server.routes["/v1/completions"] = server.stream(lambda _: [b"data: " + b"x" * 300_000] * 9)
    assert "a line without an end" in await fault_of(await connect(server))


async def test_a_server_that_says_nothing(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infill_ls.engine.remote.engine.FIRST_TOKEN_TIMEOUT_S", 0.3)

    async def silence(_request: fakes.Request, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    server = vllm()
    server.routes["/v1/completions"] = silence
    assert "did not answer in" in await fault_of(await connect(server))


async def test_a_slow_loris(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then keeps each read alive, but not the request."""
    monkeypatch.setattr("infill_ls.engine.remote.transport.REPLY_TIMEOUT_S", 0.4)
    monkeypatch.setattr("infill_ls.engine.remote.engine.FIRST_TOKEN_TIMEOUT_S", 0.4)

    async def drip(_request: fakes.Request, writer: asyncio.StreamWriter) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" * 20:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.05)

    assert "did not answer in" in await fault_of(await connect(FakeServer({"/v1/models": drip})))
    server = vllm()
    server.routes["/v1/completions"] = drip
    assert "did not answer in" in await fault_of(await connect(server))


async def test_a_redirect_is_not_followed(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFILL_LS_REMOTE_KEY", KEY)
    elsewhere = vllm()
    async with fakes.serving(elsewhere):
        more = f"Location: {elsewhere.url}/v1/models\r\n"
        server = FakeServer({"/v1/models": raw_reply(b"", 302, more=more)})
        assert "another address" in await fault_of(await connect(server))
    assert elsewhere.requests == []


async def test_source_is_not_quoted(connect: Connect) -> None:
    server = fakes.llama_cpp_python(lambda _: "x")
    server.routes["/v1/completions"] = json_reply({"error": {"message": "bad: my = source"}}, 422)
    fault = await fault_of(await connect(server))
    assert fault.endswith("answered HTTP 422")


async def test_a_busy_server_is_asked_again(connect: Connect) -> None:
    server = vllm()
    works = server.routes["/v1/completions"]
    busy = iter([502, 504])

    async def reply(request: fakes.Request, writer: asyncio.StreamWriter) -> None:
        status = next(busy, None)
        await (works if status is None else json_reply({}, status))(request, writer)

    server.routes["/v1/completions"] = reply
    engine = await connect(server)
    (found,) = await engine.complete(CompletionRequest(prompt=prompt_of("", ""), stop=RULE))
    assert found.text == "answer"


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_without_time_is_not_asked_before_the_time_it_names(
    connect: Connect, status: int
) -> None:
    server = vllm()
    server.routes["/v1/completions"] = raw_reply(b"{}", status, more="Retry-After: 30\r\n")
    engine = await connect(server)
    assert "is busy or not ready" in await fault_of(engine)
    assert len(server.asked("/v1/completions")) == 1
    assert not engine.is_given_up  # it is there: no other model steps in for that
    assert 29 < engine.turn_s(in_word=False) < 40
    assert not engine.may_think_ahead()


async def test_a_server_that_never_has_time_is_given_up(connect: Connect) -> None:
    server = vllm()
    server.routes["/v1/completions"] = json_reply({}, 429)
    engine = await connect(server)
    for _ in range(4):
        await fault_of(engine)
    assert not engine.is_given_up
    await fault_of(engine)
    assert engine.is_given_up


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("7", 7.0), ("0", 0.0), ("", None), ("-1", None), ("soon", None), ("9" * 40, None)],
)
def test_when_to_come_back(said: str, seconds: float | None) -> None:
    assert retry_after_s(said) == seconds


async def test_a_refused_request_is_not_repeated(connect: Connect) -> None:
    server = vllm()
    server.routes["/v1/completions"] = json_reply({"message": "too long"}, 400)
    assert "HTTP 400: too long" in await fault_of(await connect(server))
    assert len(server.asked("/v1/completions")) == 1


async def test_the_breaker_leaves_a_server_in_peace_and_tries_again(connect: Connect) -> None:
    now = 0.0
    server = vllm()
    works = server.routes["/v1/completions"]
    server.routes["/v1/completions"] = json_reply({}, 500)
    await connect(server)
    engine = RemoteEngine(RemoteOptions(server.url), clock=lambda: now)
    faults = [await fault_of(engine) for _ in range(2)]
    was_given_up = engine.is_given_up
    assert was_given_up
    asked = len(server.requests)
    faults.append(await fault_of(engine))
    assert len(server.requests) == asked
    assert len(set(faults)) == 1  # the same words, so that the user is told once
    now = 1.5
    server.routes["/v1/completions"] = works
    assert (await engine.complete(CompletionRequest(prompt=prompt_of("", ""), stop=RULE)))[
        0
    ].text == "answer"
    assert not engine.is_given_up
    await engine.close()


async def test_an_untrusted_certificate() -> None:
    import httpx

    from infill_ls.engine.remote.credentials import Headers

    transport = Transport("https://example.invalid", Headers(()))
    error = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
    assert "SSL_CERT_FILE" in str(transport._connect_error(error))
