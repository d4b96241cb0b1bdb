"""Tests of remote engines on real servers: the same text as the local engine writes.

The servers are xllamacpp's build of llama-server and llama-cpp-python's own, both from PyPI.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from bounds import WITHIN_S
from infill_ls.engine import CompletionRequest, Engine, EngineOptions
from infill_ls.engine.remote import RemoteEngine, RemoteOptions
from infill_ls.gathering import Gathering
from infill_ls.models.store import bundled_model_path
from infill_ls.pipeline import Pipeline
from infill_ls.settings import settings_with
from infill_ls.types import Completion, Prompt, Report, Snapshot, StopRule, Trigger
from infill_retrieval import NO_SNIPPETS
from integration.conftest import MakeEngine

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "server" / "infill_ls" / "document" / "cut.py"
SETTINGS = settings_with(
    candidates=1,
    time_budget_ms=60_000,
    prefix_tokens=200,
    suffix_tokens=100,
    max_lines=3,
    max_tokens=32,
    cold_target_ms=0,
)
"""No prompt is cut because this machine is slow: both sides are to get the same. Short ones: 18
or 19 of 20 texts were equal with these, 32 of 40 with prompts three times as long."""


def xllamacpp_command(port: int) -> list[str]:
    pytest.importorskip("xllamacpp")
    return [str(HERE / "serve_xllamacpp.py"), str(bundled_model_path()), str(port)]


def llama_cpp_command(port: int) -> list[str]:
    pytest.importorskip("uvicorn")
    model = ("--model", str(bundled_model_path()), "--n_ctx", "2048", "--n_threads", "1")
    return ["-m", "llama_cpp.server", *model, "--port", str(port)]


SERVERS = {"llama-server": xllamacpp_command, "llama-cpp-python": llama_cpp_command}


@pytest.fixture(scope="module", params=SERVERS)
def api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def url(api: str) -> Iterator[str]:
    """Start a server and return its address."""
    with served(SERVERS[api]) as address:
        yield address


@contextmanager
def served(command: Callable[[int], list[str]]) -> Iterator[str]:
    """Run a server; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, *command(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        asyncio.run(_until_up(address, process))
        yield address
    finally:
        process.kill()
        process.communicate()


async def _until_up(address: str, process: subprocess.Popen[bytes]) -> None:
    async with asyncio.timeout(WITHIN_S), httpx.AsyncClient() as client:
        while process.poll() is None:
            try:
                if (await client.get(f"{address}/v1/models")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
    raise AssertionError("the server ended")


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise the time limits, as the machine may be busy and only answers are tested."""
    monkeypatch.setattr("infill_ls.engine.remote.engine.FIRST_TOKEN_TIMEOUT_S", WITHIN_S)
    monkeypatch.setattr("infill_ls.engine.remote.transport.REPLY_TIMEOUT_S", WITHIN_S)


@pytest.fixture
async def remote(url: str) -> AsyncIterator[RemoteEngine]:
    engine = RemoteEngine(RemoteOptions(url))
    yield engine
    await engine.close()


async def test_the_tokens_are_the_same(
    remote: RemoteEngine, make_engine: MakeEngine, api: str
) -> None:
    local = make_engine()
    ours, theirs = await local.start(), await remote.start()
    assert theirs.fim_tokens().family == ours.fim_tokens().family
    assert theirs.fim_tokens().bos == ours.fim_tokens().bos
    assert theirs.fim_tokens().markers == ours.fim_tokens().markers
    assert theirs.tokens_stay_in_line == ours.tokens_stay_in_line
    text = SOURCE.read_text("utf-8")
    texts = [text, "", "\n", "x", "a\n\n\n  b", "é — ü\r\n", "<｜fim▁end｜>", f"m = '{text[:9]}'"]
    assert await remote.tokenize(texts) == await local.tokenize(texts)


async def test_a_local_vocabulary_counts_the_same(url: str, make_engine: MakeEngine) -> None:
    vocabulary = EngineOptions(bundled_model_path(), vocabulary_only=True)
    engine = RemoteEngine(RemoteOptions(url, vocabulary=vocabulary))
    local = make_engine()
    text = SOURCE.read_text("utf-8")
    assert await engine.tokenize([text]) == await local.tokenize([text])
    info = await engine.start()
    assert info.fim == (await local.start()).fim
    await engine.close()


async def test_the_text_is_the_same(
    remote: RemoteEngine, make_engine: MakeEngine, api: str
) -> None:
    """Kernels and batches differ, so near ties may fall otherwise; most holes have none."""
    local = make_engine(draft="never")
    pairs = [
        (await complete_at(local, offset), await complete_at(remote, offset))
        for offset in range(700, 2400, 155)
    ]
    same = 0
    for ours, theirs in pairs:
        assert ours.prompt is not None
        assert theirs.prompt is not None
        assert ours.prompt.token_ids == theirs.prompt.token_ids
        same += completion_of(ours).text == completion_of(theirs).text
    # llama-cpp-python writes on after some tokens that end a completion for us.
    needed = 0.8 if api == "llama-server" else 0.5
    assert same >= needed * len(pairs), [
        (completion_of(ours).text, completion_of(theirs).text) for ours, theirs in pairs
    ]


async def complete_at(engine: Engine, offset: int) -> Report:
    text = SOURCE.read_text("utf-8")
    holed = text[:offset] + text[offset + 8 :]
    snapshot = Snapshot(
        uri="file:///x.py",
        path="",
        name="x.py",
        language_id="python",
        text=holed,
        offset=offset,
        trigger=Trigger.INVOKED,
    )
    return await Pipeline(Gathering(engine, lambda *_: NO_SNIPPETS, SETTINGS)).run(snapshot)


def completion_of(report: Report) -> Completion:
    assert report.completion is not None
    return report.completion


async def test_the_server_sees_a_cancellation(remote: RemoteEngine, url: str, api: str) -> None:
    if api != "llama-server":
        pytest.skip("the server does not say what it is doing")
    # A list that goes on and on, without an end that the model could see.
    text = "".join(f"value_{n} = {n}\n" for n in range(30))
    (ids,) = await remote.tokenize([text])
    prompt = Prompt(ids, len(ids), "", text)
    rule = StopRule(max_tokens=1500, max_lines=5000, time_budget_ms=600_000)
    call = asyncio.create_task(remote.complete(CompletionRequest(prompt=prompt, stop=rule)))
    async with asyncio.timeout(WITHIN_S), httpx.AsyncClient(base_url=url) as client:
        while not (busy := await busy_slots(client)):
            await asyncio.sleep(0.02)
        assert not call.done()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        while await busy_slots(client):
            await asyncio.sleep(0.02)
        ended = [
            slot for slot in (await client.get("/slots")).json() if slot["id"] == busy[0]["id"]
        ]
    assert decoded(ended[0]) < 1500, json.dumps(ended)


async def busy_slots(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    slots = (await client.get("/slots")).json()
    return [slot for slot in slots if slot["is_processing"]]


def decoded(slot: dict[str, Any]) -> int:
    after = slot.get("next_token") or [{}]
    first = after[0] if isinstance(after, list) else after
    return int(first.get("n_decoded", 0))
