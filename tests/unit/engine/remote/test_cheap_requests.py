"""Tests of what a run of keystrokes costs a server, in requests and connections of a session."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bounds import WITHIN_S
from infill_ls.engine import CompletionRequest
from infill_ls.engine.remote import RemoteEngine
from infill_ls.engine.remote.answer_clock import AnswerClock
from infill_ls.engine.remote.dialect import Chunk
from infill_ls.engine.remote.pacing import FULL_RATE_PER_S
from infill_ls.engine.remote.stream_reader import StreamReader
from infill_ls.errors import RemoteError
from infill_ls.session import Session, Superseded
from infill_ls.settings import settings_with
from infill_ls.types import Report, StopReason, StopRule, Written
from unit.documents import snapshot
from unit.engine.remote import fakes
from unit.engine.remote.conftest import Connect
from unit.engine.remote.fakes import DONE, FakeServer, Request, prompt_of, serving, sse

LINE = "return sum(price.net for price in prices)"
RULE = StopRule(max_tokens=90, max_lines=1, time_budget_ms=20_000)


class Held:
    """A server that writes on when the test says so."""

    def __init__(self, text: str) -> None:
        self.server = fakes.vllm(lambda _: text)
        self.text = (
            f"    {text}"  # what is typed so far is left out where it is inside a word or an indent
        )
        self.go_on = asyncio.Semaphore(0)
        self.server.routes["/v1/completions"] = self._reply

    @property
    def asked(self) -> int:
        return len(self.server.asked("/v1/completions"))

    async def _reply(self, request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        typed = fakes.typed_of(request.body["prompt"])
        end = {"choices": [{"text": "", "finish_reason": "stop"}]}
        rest = self.text[len(typed) :] if self.text.startswith(typed) else "other(1)"
        texts = [{"choices": [{"text": c, "logprobs": {"token_logprobs": [-0.01]}}]} for c in rest]
        for event in (*map(sse, [*texts, end]), DONE):
            await self.go_on.acquire()
            writer.write(b"%x\r\n%s\r\n" % (len(event), event))
            await writer.drain()
            if writer.transport.is_closing():
                raise ConnectionResetError
        writer.write(b"0\r\n\r\n")

    def write(self, pieces: int = 1000) -> None:
        for _ in range(pieces):
            self.go_on.release()


@asynccontextmanager
async def session_on(server: FakeServer, *, think_ahead: bool = False) -> AsyncIterator[Session]:
    async with serving(server):
        settings = settings_with(
            remote_url=server.url, snippet_tokens=0, think_ahead=think_ahead, cursor_hints="never"
        )
        session = Session(settings)
        await session.load_model()
        yield session
        await session.close()


def press(session: Session, typed: str) -> asyncio.Task[Report]:
    now = snapshot(f"def total(prices):\n    {typed}‸\n")
    session.document_changed(now.uri, None, now.text, now.language_id)
    task = asyncio.ensure_future(session.suggest(now))
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


async def until_asked(held: Held, number: int) -> None:
    async with asyncio.timeout(WITHIN_S):
        while held.asked < number:
            await asyncio.sleep(0.005)


async def test_a_run_of_keys_has_its_answer_from_one_request() -> None:
    held = Held(LINE)
    async with session_on(held.server) as session:
        first = press(session, "")
        await until_asked(held, 1)
        second = press(session, "r")  # nothing has come yet: it may well be what comes
        await asyncio.sleep(0)
        held.write(8)
        third = press(session, "ret")
        await asyncio.sleep(0)
        held.write()
        report = await third
        assert report.suggestion is not None
        assert report.suggestion.text == LINE[3:]
        for superseded in (first, second):
            with pytest.raises(Superseded):
                await superseded
        for end in range(4, 20):  # typed through what is shown
            report = await press(session, LINE[:end])
            assert report.suggestion is not None
        assert held.asked == 1
        assert held.server.hung_up == 0


async def test_a_key_that_contradicts_takes_it_back_and_asks_anew() -> None:
    held = Held(LINE)
    async with session_on(held.server) as session:
        press(session, "")
        await until_asked(held, 1)
        answer = press(session, "x")
        await asyncio.sleep(0)
        held.write(3)
        await until_asked(held, 2)
        held.write()  # without the x in the prompt it writes the same as before
        report = await answer
        assert report.suggestion is not None
        assert report.suggestion.text == "other(1)"
        assert (
            held.asked == 4
        )  # so it is asked once more, with a pattern, which this one ignores, then with it


async def test_who_listens_hears_each_piece(connect: Connect) -> None:
    engine = await connect(fakes.vllm(lambda _: "abc"))
    heard: list[Written] = []
    request = CompletionRequest(prompt=prompt_of("", ""), stop=RULE)
    (found,) = await engine.complete(request, heard.append)
    assert [one.text for one in heard] == ["a", "ab", "abc"]
    assert [one.tokens for one in heard] == [1, 2, 3]
    assert found.text == "abc"


async def test_nothing_is_heard_before_the_typed_fragment_is_reproduced(connect: Connect) -> None:
    engine = await connect(fakes.vllm(lambda typed: "mounts" if typed.endswith(".") else "zz"))
    heard: list[Written] = []
    prompt = prompt_of("", "self.", fragment="mo")
    await engine.complete(CompletionRequest(prompt=prompt, stop=RULE), heard.append)
    assert [one.text for one in heard if one.text] == ["u", "un", "unt", "unts"]


@pytest.mark.parametrize("make", [fakes.vllm, fakes.llama_server, fakes.llama_cpp_python])
async def test_answers_come_over_one_connection(make: type, connect: Connect) -> None:
    server: FakeServer = make(lambda _: "abc")
    connections = 0
    serve = server.serve

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await serve(reader, writer)

    server.serve = counted  # type: ignore[method-assign]
    engine = await connect(server)
    await engine.start()
    before = connections
    for number in range(10):
        request = CompletionRequest(prompt=prompt_of("", f"{number}"), stop=RULE)
        await engine.complete(request)
    assert connections - before <= 1


async def test_a_prompt_is_sent_without_blanks(connect: Connect) -> None:
    lengths: list[int] = []
    server = fakes.vllm(lambda _: "a")
    works = server.routes["/v1/completions"]

    async def reply(request: Request, writer: asyncio.StreamWriter) -> None:
        lengths.append(int(request.headers["content-length"]))
        await works(request, writer)

    server.routes["/v1/completions"] = reply
    engine = await connect(server)
    await engine.complete(CompletionRequest(prompt=prompt_of("x" * 500, ""), stop=RULE))
    (request,) = server.asked("/v1/completions")
    assert lengths == [len(json.dumps(request.body, separators=(",", ":")))]


async def test_the_way_to_a_server_is_no_fault_of_it(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await connect(fakes.vllm(lambda _: LINE))
    ways: list[float] = []
    monkeypatch.setattr(engine.pacing, "way", ways.append)
    await engine.complete(CompletionRequest(prompt=prompt_of("def f():\n    ", ""), stop=RULE))
    assert len(ways) == 1
    assert 0 < ways[0] < WITHIN_S, "as long as the connection took to open"


async def test_a_hint_is_not_sent_to_a_server_that_is_full(connect: Connect) -> None:
    server = fakes.vllm(lambda _: "a")
    engine: RemoteEngine = await connect(server)
    await engine.complete(CompletionRequest(prompt=prompt_of("", ""), stop=RULE))
    engine.pacing.refused(engine._clock(), 60.0)
    await engine.warm(prompt_of("x", ""))
    assert len(server.asked("/v1/completions")) == 1


async def test_a_hint_is_not_sent_to_a_server_that_is_left_to_others(connect: Connect) -> None:
    server = fakes.vllm(lambda _: "a")
    engine: RemoteEngine = await connect(server)
    await engine.complete(CompletionRequest(prompt=prompt_of("", ""), stop=RULE))
    engine.pacing._rate_per_s = FULL_RATE_PER_S
    while not engine.out_s():
        engine.admission.unserved(engine._clock(), rate_per_s=0.5)
    await engine.warm(prompt_of("x", ""))
    assert len(server.asked("/v1/completions")) == 1


@pytest.mark.parametrize("is_late", [True, False])
async def test_how_long_an_answer_took_decides_about_turns(
    is_late: bool, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await connect(fakes.vllm(lambda _: "abcdefgh"))
    heard: list[str] = []
    monkeypatch.setattr(engine.admission, "served", lambda _: heard.append("served"))
    monkeypatch.setattr(engine.admission, "unserved", lambda *_: heard.append("unserved"))
    monkeypatch.setattr("infill_ls.engine.remote.pacing.CROWD_BEST_S", WITHIN_S)
    monkeypatch.setattr("infill_ls.engine.remote.pacing.LATE_S", 0.0 if is_late else WITHIN_S)
    monkeypatch.setattr("infill_ls.engine.remote.engine.Pacing.way", lambda *_: None)
    await engine.complete(CompletionRequest(prompt=prompt_of("", ""), stop=RULE))
    await engine.complete(CompletionRequest(prompt=prompt_of("", ""), stop=RULE))
    assert heard[-1] == ("unserved" if is_late else "served")


async def test_one_refusal_sends_nobody_away(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = fakes.vllm(lambda _: "abc")
    engine = await connect(server)
    monkeypatch.setattr(engine.admission, "_draw", lambda: 0.0)  # whoever may leave does
    await engine.start()
    server.routes["/v1/completions"] = fakes.json_reply({"error": "full"}, 503)
    with pytest.raises(RemoteError):
        await engine.complete(CompletionRequest(prompt=prompt_of("", ""), stop=RULE))
    assert engine.out_s() == 0
    assert engine.pacing.rate_per_s < FULL_RATE_PER_S


async def test_a_request_that_a_new_server_did_not_answer_counts_as_unserved(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held("abc")
    engine = await connect(held.server)
    heard: list[float] = []
    monkeypatch.setattr(
        engine.admission, "unserved", lambda _, rate_per_s: heard.append(rate_per_s)
    )
    asked = asyncio.ensure_future(
        engine.complete(CompletionRequest(prompt=prompt_of("", ""), stop=RULE))
    )
    await until_asked(held, 1)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert heard == [engine.pacing.rate_per_s]


async def judged(connect: Connect, monkeypatch: pytest.MonkeyPatch, text: str) -> list[float]:
    """Return what pacing hears of an answer whose first token takes 100 ms and each other one 20."""
    now_s = 0.0
    engine = await connect(fakes.vllm(lambda _: text))
    await engine.start()
    take, heard = StreamReader.take, list[float]()

    def timed(reader: StreamReader, chunk: Chunk) -> StopReason | None:
        nonlocal now_s
        now_s += 0.02 * bool(chunk.text)
        return take(reader, chunk)

    def begin(clock: AnswerClock) -> float:
        nonlocal now_s
        now_s += 0.1
        clock.began_s = now_s
        now_s -= 0.02  # which the first one does not take
        return clock.began_s

    monkeypatch.setattr(StreamReader, "take", timed)
    monkeypatch.setattr(AnswerClock, "begin", begin)
    monkeypatch.setattr(engine, "_clock", lambda: now_s)
    monkeypatch.setattr(engine.pacing, "answered", lambda _, latency_s: heard.append(latency_s))
    await engine.complete(CompletionRequest(prompt=prompt_of("", ""), stop=RULE))
    return heard


@pytest.mark.parametrize("text", ["abcdefgh", "abcdefghijklmn", "abc"])
async def test_an_answer_is_judged_by_the_same_number_of_tokens(
    text: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    (latency_s,) = await judged(connect, monkeypatch, text)
    assert latency_s == pytest.approx(0.1 + 7 * 0.02)


async def test_what_only_reads_a_prompt_is_not_judged_before_anything_was_written(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await judged(connect, monkeypatch, "a") == []


async def test_a_session_waits_for_a_pause_where_the_server_is_slow() -> None:
    held = Held(LINE)
    held.write(10_000)
    async with session_on(held.server) as session:
        await press(session, "x")
        asked = held.asked
        paced = session._engines.paced
        assert paced is not None
        paced.pacing._rate_per_s = 0.5
        for end in range(1, 12):  # faster than the quiet that it wants
            press(session, "y" * end)
            await asyncio.sleep(0)
        assert held.asked == asked


@pytest.mark.parametrize("is_full", [True, False])
async def test_thinking_ahead_goes_first(is_full: bool) -> None:
    held = Held(LINE)
    held.write(10_000)
    async with session_on(held.server, think_ahead=True) as session:
        paced = session._engines.paced
        assert paced is not None
        paced.pacing._rate_per_s = 1.0 if is_full else FULL_RATE_PER_S
        await press(session, "")
        asked = held.asked
        thinking = session._thinking
        assert thinking is not None
        async with asyncio.timeout(WITHIN_S):
            await thinking
        assert (held.asked > asked) is not is_full


async def lose(engine: RemoteEngine, server: FakeServer) -> None:
    """Have a request fail, so that the server is looked at again."""
    works = server.routes["/v1/completions"]
    server.routes["/v1/completions"] = fakes.json_reply({}, 500)
    with pytest.raises(RemoteError):
        await engine.complete(CompletionRequest(prompt=prompt_of("", ""), stop=RULE))
    server.routes["/v1/completions"] = works


async def test_a_server_that_is_back_as_it_was_is_asked_three_things(connect: Connect) -> None:
    server = fakes.vllm(lambda _: "a")
    engine = await connect(server)
    info = await engine.start()
    first = len(server.requests)
    await lose(engine, server)
    before = len(server.requests)
    assert await engine.start() is info  # so what was counted stays counted
    assert len(server.requests) - before <= 3 < first


async def test_another_model_by_the_same_name_is_looked_at_as_a_new_one(connect: Connect) -> None:
    server = fakes.vllm(lambda _: "a")
    engine = await connect(server)
    info = await engine.start()
    await lose(engine, server)
    works = server.routes["/tokenize"]

    async def tokenize(request: Request, writer: asyncio.StreamWriter) -> None:
        if "\n" in request.body["prompt"]:
            await fakes.json_reply({"tokens": [7] * 9})(request, writer)
        else:
            await works(request, writer)

    server.routes["/tokenize"] = tokenize
    assert await engine.start() is not info
