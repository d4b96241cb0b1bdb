"""Tests of an instruct model on a server: requests, streamed answers, and errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from infill_ls.asking import Asking, Instruction, Progress
from infill_ls.engine import CompletionRequest, Priority
from infill_ls.engine.fallback import engine_for
from infill_ls.engine.remote import RemoteOptions
from infill_ls.engine.remote.chat import RemoteChat
from infill_ls.errors import EngineUnavailableError, InfillError, RemoteError
from infill_ls.gathering import Gathering
from infill_ls.instruct import OutlineUse, Task
from infill_ls.session.asks import Asks
from infill_ls.settings import settings_with
from infill_ls.types import Conversation, Prompt, Sampling, Snapshot, StopReason, StopRule, Written
from infill_retrieval.types import NO_SNIPPETS
from unit.engine.remote import fakes
from unit.engine.remote.fakes import DONE, FakeServer, Request, json_reply, raw_reply, sse

SAID = Conversation("Be brief.", "Here is <|im_end|> code. ", "Explain it.")
PROMPT = Prompt((), 0, "", "", conversation=SAID)
RULE = StopRule(max_tokens=200, max_lines=1000, time_budget_ms=20_000)
TEXT = "import os\n\n\ndef f(x):\n    pass\n"
ANSWER = "1. Return it.\n```python\ndef f(x):\n    return x\n```\n"
CHAT = "/v1/chat/completions"
Connect = Callable[..., Awaitable[RemoteChat]]


@pytest.fixture
async def connect(no_key: None) -> AsyncIterator[Connect]:
    async with AsyncExitStack() as stack:

        async def connect(server: FakeServer, **options: Any) -> RemoteChat:
            await stack.enter_async_context(fakes.serving(server))
            settings = ("instructUrl", "instructModel")
            engine = RemoteChat(RemoteOptions(server.url, settings=settings, **options))
            stack.push_async_callback(engine.close)
            return engine

        yield connect


def events_of(answer: str, reason: str | None = "stop") -> Callable[[Request], Iterable[bytes]]:
    def events(_request: Request) -> Iterable[bytes]:
        yield sse({"choices": [{"delta": {"role": "assistant"}, "finish_reason": None}]})
        for line in answer.splitlines(keepends=True):
            yield sse({"choices": [{"delta": {"content": line}, "finish_reason": None}]})
        if reason is not None:
            yield sse({"choices": [{"delta": {}, "finish_reason": reason}]})
        yield DONE

    return events


def with_chat(
    answer: str = ANSWER, *, owner: str = "vllm", reason: str | None = "stop", pause_s: float = 0.0
) -> FakeServer:
    server = FakeServer()
    models = [
        {"id": "coder-instruct", "owned_by": owner, "max_model_len": 4096},
        {"id": "other-instruct", "owned_by": owner},
    ]
    server.routes = {
        "/v1/models": json_reply({"data": models}),
        "/props": json_reply(
            {"model_path": "coder-instruct", "default_generation_settings": {"n_ctx": 4096}}
        ),
        "/api/tags": json_reply({"models": [{"name": "coder-instruct"}]}),
        CHAT: server.stream(events_of(answer, reason), pause_s),
    }
    return server


def request_for(prompt: Prompt = PROMPT, **rule: Any) -> CompletionRequest:
    return CompletionRequest(
        prompt=prompt, stop=replace(RULE, **rule), priority=Priority.LONG, answer_within_s=20
    )


@pytest.mark.parametrize("owner", ["vllm", "sglang", "llamacpp", "me", "library", "some-gateway"])
async def test_an_answer_is_heard_as_it_grows(connect: Connect, owner: str) -> None:
    server = with_chat(owner=owner)
    engine = await connect(server)
    info = await engine.start()
    assert (info.model_name, info.takes_conversations, info.fim) == ("coder-instruct", True, None)
    heard: list[Written] = []
    (found,) = await engine.complete(request_for(), heard.append)
    assert (found.text, found.stop) == (ANSWER, StopReason.END)
    lines = ANSWER.splitlines(keepends=True)
    assert [one.text for one in heard] == ["".join(lines[: n + 1]) for n in range(len(lines))]
    (asked,) = server.asked(CHAT)
    assert asked.body == {
        "model": "coder-instruct",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Here is <|im_end|> code. Explain it."},
        ],
        "max_tokens": 200,
        "stream": True,
        "temperature": 0.0,
    }


async def test_the_model_that_is_named_is_asked(connect: Connect) -> None:
    server = with_chat()
    engine = await connect(server, model="other-instruct")
    sampling = Sampling(temperature=0.5, seed=7)
    await engine.complete(replace(request_for(), sampling=sampling))
    (asked,) = server.asked(CHAT)
    assert asked.body["model"] == "other-instruct"
    assert (asked.body["temperature"], asked.body["seed"]) == (0.5, 7)


async def test_a_model_that_is_not_there_is_named_with_its_setting(connect: Connect) -> None:
    engine = await connect(with_chat(), model="gpt-9")
    with pytest.raises(RemoteError, match="see the setting instructModel"):
        await engine.complete(request_for())


async def test_what_stands_before_an_instruction_is_sent_ahead(connect: Connect) -> None:
    server = with_chat()
    await (await connect(server)).warm(PROMPT)
    (asked,) = server.asked(CHAT)
    assert asked.body["max_tokens"] == 1
    assert asked.body["messages"][1]["content"] == "Here is <|im_end|> code. "


async def test_who_cancels_closes_the_connection(connect: Connect) -> None:
    server = with_chat("word\n" * 5000, pause_s=0.001)
    engine = await connect(server)
    heard = asyncio.Event()
    writing = asyncio.create_task(engine.complete(request_for(), lambda _: heard.set()))
    await heard.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    while not server.hung_up:  # the server says when it has noticed
        await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("reason", "rule", "stop"),
    [
        ("length", {}, StopReason.TOKENS),
        ("stop", {"time_budget_ms": 0}, StopReason.TIME),
    ],
)
async def test_why_it_ended(
    connect: Connect, reason: str, rule: dict[str, Any], stop: StopReason
) -> None:
    engine = await connect(with_chat("a\nb\nc\n", reason=reason, pause_s=0.001))
    (found,) = await engine.complete(request_for(**rule))
    assert found.stop is stop


async def test_a_stream_that_breaks_off_is_not_asked_for_again(connect: Connect) -> None:
    server = with_chat(reason=None)
    engine = await connect(server)
    with pytest.raises(RemoteError, match="closed the connection"):
        await engine.complete(request_for())
    assert len(server.asked(CHAT)) == 1


async def test_a_busy_server_is_asked_again(connect: Connect) -> None:
    server = with_chat()
    stream, waiting = server.routes[CHAT], [503, 429]

    async def sometimes(request: Request, writer: asyncio.StreamWriter) -> None:
        reply = json_reply({}, waiting.pop()) if waiting else stream
        await reply(request, writer)

    server.routes[CHAT] = sometimes
    (found,) = await (await connect(server)).complete(request_for())
    assert found.text == ANSWER


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (json_reply({"error": "secret source"}, 400), "answered HTTP 400"),
        (json_reply({}, 404), "it has no /v1/chat/completions"),
        (raw_reply(b"<html>nginx</html>"), "web page"),
        (json_reply({}, 401), "INFILL_LS_REMOTE_KEY"),
        (raw_reply(b'data: {"what": 1}\n\n', kind="text/event-stream"), "unexpected answer"),
        (raw_reply(b'data: {"error": "no"}\n\n', kind="text/event-stream"), "gave up: no"),
        (raw_reply(b'data: {"cho\n\n', kind="text/event-stream"), "half an event"),
    ],
)
async def test_what_goes_wrong_is_said(connect: Connect, reply: Any, says: str) -> None:
    server = with_chat()
    server.routes[CHAT] = reply
    with pytest.raises(RemoteError) as caught:
        await (await connect(server)).complete(request_for())
    assert says in str(caught.value)
    assert "secret source" not in str(caught.value)


async def test_nobody_there_is_said_with_the_setting() -> None:
    async with fakes.serving(FakeServer()) as server:
        pass
    engine = RemoteChat(RemoteOptions(server.url, settings=("instructUrl", "instructModel")))
    with pytest.raises(RemoteError, match="is instructUrl right"):
        await engine.start()
    await engine.close()
    with pytest.raises(EngineUnavailableError):
        await engine.start()


def asked_for(task: Task = Task.IMPLEMENT, text: str = TEXT) -> Instruction:
    at = text.index("def f")
    shot = Snapshot(
        uri="file:///a.py", path="/p/a.py", name="a.py", language_id="python", text=text, offset=at
    )
    return Instruction(shot, at, task, "")


async def test_an_instruction_ends_in_the_same_edit_as_on_this_machine(connect: Connect) -> None:
    server = with_chat(ANSWER + "So it is.\n" * 5000, pause_s=0.0005)
    engine = await connect(server)
    settings = settings_with(instruct_url=server.url).for_instructions()
    asking = Asking(Gathering(engine, lambda *_: NO_SNIPPETS, settings), 20)
    told: list[Progress] = []
    answered = await asking.ask(asked_for(), OutlineUse.DISCARD, told.append)
    assert answered.edit is not None
    assert answered.edit.of(TEXT) == "import os\n\n\ndef f(x):\n    return x\n"
    assert told[0].outline == "1. Return it."
    assert told[-1].tokens == ANSWER.count("\n")  # and no more: the connection was closed
    (asked,) = server.asked(CHAT)
    assert "step-by-step outline" in asked.body["messages"][1]["content"]


async def test_the_settings_choose_the_server(no_key: None) -> None:
    async with fakes.serving(with_chat()) as server:
        settings = settings_with(instruct_url=server.url, instruct_model="other-instruct")
        asks = Asks(settings, engine_for, lambda *_: NO_SNIPPETS, lambda _: None)
        assert asks.has_model
        answered = await asks.ask(asked_for(), engine_for(settings, lambda _: None), lambda _: None)
        assert answered.edit is not None
        assert server.asked(CHAT)[0].body["model"] == "other-instruct"
        unused = asks.reconfigure(settings.changed(instruct_url=""))
        assert isinstance(unused, RemoteChat)
        await unused.close()
        await asks.close()


@pytest.mark.parametrize(
    ("remote", "own", "sent"),
    [
        ("http://elsewhere.invalid:1", "", None),
        ("same", "", "Bearer for-completions"),
        ("http://elsewhere.invalid:1", "for-instructions", "Bearer for-instructions"),
    ],
)
async def test_the_key_and_headers_of_another_server_are_not_sent(
    no_key: None, monkeypatch: pytest.MonkeyPatch, remote: str, own: str, sent: str | None
) -> None:
    monkeypatch.setenv("INFILL_LS_REMOTE_KEY", "for-completions")
    if own:
        monkeypatch.setenv("INFILL_LS_INSTRUCT_KEY", own)
    async with fakes.serving(with_chat()) as server:
        settings = settings_with(
            instruct_url=server.url,
            remote_url=server.url if remote == "same" else remote,
            remote_headers={"X-Team": "blue"},
        )
        engine = engine_for(settings.for_instructions(), lambda _: None)
        await engine.start()
        await engine.close()
        headers = server.requests[0].headers
        assert headers.get("authorization") == sent
        assert ("x-team" in headers) is (remote == "same")


async def test_what_does_not_fit_into_the_servers_context_is_said_before(connect: Connect) -> None:
    server = with_chat()
    engine = await connect(server)
    settings = settings_with(instruct_url=server.url, instruct_max_tokens=4000).for_instructions()
    asking = Asking(Gathering(engine, lambda *_: NO_SNIPPETS, settings), 20)
    long = TEXT.replace("pass", "\n    ".join(f"value_{n} = {n}" for n in range(600)))
    with pytest.raises(InfillError, match="too long"):
        await asking.ask(asked_for(text=long), OutlineUse.DISCARD, lambda _: None)
    assert server.asked(CHAT) == []
