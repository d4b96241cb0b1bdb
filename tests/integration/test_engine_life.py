"""Tests of how engine processes start, are shared, crash and end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path

import psutil
import pytest

from bounds import WITHIN_S
from infill_ls.engine import CompletionRequest, process, wire
from infill_ls.engine.channel import connect_to
from infill_ls.engine.process import EngineProcess
from infill_ls.engine.rendezvous import (
    LOOPBACK_ENVIRONMENT_VARIABLE,
    EngineOptions,
    rendezvous_for,
)
from infill_ls.errors import EngineError, EngineTimeoutError, EngineUnavailableError, ModelError
from infill_ls.models.store import bundled_model_path
from infill_ls.types import Completion, Prompt, StopRule
from integration.conftest import MakeEngine, prompt_for
from unit.engine.hands import be_server

CODE = "import os\n\n\ndef read(path):\n    with open(path) as file:\n"
LINE = StopRule(20, 1)


async def ended(pid: int) -> bool:
    """Wait for the end of a process; a zombie has ended."""
    async with asyncio.timeout(WITHIN_S):
        while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.05)
    return True


def same(left: tuple[Completion, ...], right: tuple[Completion, ...]) -> bool:
    return [c.text for c in left] == [c.text for c in right]


pytestmark = pytest.mark.usefixtures("private_runtime", "way")


@pytest.fixture(params=["socket", "port"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test twice: engine and server connect by a Unix socket, then by a port."""
    monkeypatch.setenv(LOOPBACK_ENVIRONMENT_VARIABLE, str(int(request.param == "port")))


async def test_servers_share_one_engine_and_the_last_one_out_ends_it(
    make_engine: MakeEngine,
) -> None:
    engines = [make_engine() for _ in range(4)]
    await asyncio.gather(*(engine.start() for engine in engines))
    pids = {engine.pid for engine in engines}
    assert len(pids) == 1
    pid = pids.pop()
    assert pid is not None
    prompts = [await prompt_for(engine, CODE, typed="        ") for engine in engines]
    answers = await asyncio.gather(
        *(
            engine.complete(CompletionRequest(prompt=p, stop=LINE))
            for engine, p in zip(engines, prompts, strict=True)
        )
    )
    assert all(same(answer, answers[0]) for answer in answers)
    for engine in engines[:3]:
        await engine.close()
    assert same(
        await engines[3].complete(CompletionRequest(prompt=prompts[3], stop=LINE)), answers[0]
    )
    await engines[3].close()
    assert await ended(pid)


async def test_another_model_or_option_is_another_engine(make_engine: MakeEngine) -> None:
    one, two = make_engine(), make_engine(threads=2)
    await asyncio.gather(one.start(), two.start())
    assert one.pid != two.pid


async def test_killed_in_mid_completion(make_engine: MakeEngine) -> None:
    engine = make_engine()
    prompt = await prompt_for(engine, CODE)
    before = await engine.complete(CompletionRequest(prompt=prompt, stop=LINE))
    pid = engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)  # so that it surely is still at it when it is killed
    long = asyncio.create_task(engine.complete(CompletionRequest(prompt=prompt, stop=LINE)))
    await asyncio.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(EngineUnavailableError):
        await long
    with pytest.raises(EngineUnavailableError, match="started again in a moment"):
        await engine.complete(CompletionRequest(prompt=prompt, stop=LINE))
    async with asyncio.timeout(WITHIN_S):
        while engine.info is None:
            try:
                await engine.start()
            except EngineUnavailableError:
                await asyncio.sleep(0.05)
    assert engine.pid != pid
    assert same(await engine.complete(CompletionRequest(prompt=prompt, stop=LINE)), before)


async def test_suspended_engine_is_given_up(make_engine: MakeEngine) -> None:
    engine = make_engine(answer_within_s=0.5)
    prompt = await prompt_for(engine, CODE)
    pid = engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(EngineTimeoutError):
        await engine.complete(
            CompletionRequest(prompt=prompt, stop=StopRule(20, 1, time_budget_ms=100))
        )
    assert await ended(pid)


async def test_a_request_may_take_its_own_time(make_engine: MakeEngine) -> None:
    prompt = await make_prompt(make_engine())
    engine = make_engine(answer_within_s=0.0)
    (completion,) = await engine.complete(
        CompletionRequest(prompt=prompt, stop=StopRule(200, 200, time_budget_ms=60_000))
    )
    assert completion.text


async def make_prompt(engine: EngineProcess) -> Prompt:
    """Return a prompt at which the model goes on and on."""
    return await prompt_for(engine, "x = [\n" + "    1,\n" * 50)


async def test_a_deleted_socket_comes_back(make_engine: MakeEngine) -> None:
    engine = make_engine()
    await engine.start()
    meeting = rendezvous_for(EngineOptions(bundled_model_path(), threads=1))
    meeting.address.unlink()
    second = make_engine()
    await second.start()
    assert second.pid == engine.pid is not None


NO_SENSE: list[wire.Hello] = [
    {"id": [1], "op": "tokenize", "texts": []},
    {"op": "cancel", "target": [1]},
    {"id": 1, "op": "tokenize", "texts": 5},
    {"id": 1},
]


async def test_what_makes_no_sense_ends_that_connection_only(make_engine: MakeEngine) -> None:
    engine = make_engine()
    await engine.start()
    pid = engine.pid
    meeting = rendezvous_for(EngineOptions(bundled_model_path(), threads=1))
    for words in NO_SENSE:
        reader, writer = await be_server(meeting)
        writer.write(wire.encode(words))
        async with asyncio.timeout(WITHIN_S):
            await reader.read()
        writer.close()
        assert await engine.tokenize(["x"]), words
        assert "Traceback" not in meeting.log.read_text(), words
    assert engine.pid == pid


async def test_who_has_not_shown_the_token_may_say_little(make_engine: MakeEngine) -> None:
    await make_engine().start()
    meeting = rendezvous_for(EngineOptions(bundled_model_path(), threads=1))
    reader, writer = await connect_to(meeting)
    writer.write(wire.HEADER.pack(wire.MAX_HELLO_BYTES + 1))
    async with asyncio.timeout(WITHIN_S):
        assert await reader.read() == b""
    writer.close()
    assert "a connection broke: ValueError" in meeting.log.read_text(), "it waited for the rest"


async def test_engine_that_reads_a_long_prompt_does_not_hang(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "PREFILL_PATIENCE", 100.0)  # however busy the machine is meanwhile
    engine = make_engine(answer_within_s=0.5)
    prompt = await prompt_for(engine, CODE * 90)
    pid = engine.pid
    await engine.complete(CompletionRequest(prompt=prompt, stop=LINE))  # takes seconds
    assert engine.pid == pid


async def test_idle_engine_gives_its_memory_back_and_returns(make_engine: MakeEngine) -> None:
    engine = make_engine(idle_minutes=0.02)
    prompt = await prompt_for(engine, CODE)
    before = await engine.complete(CompletionRequest(prompt=prompt, stop=LINE))
    pid = engine.pid
    assert pid is not None
    assert await ended(pid)
    async with asyncio.timeout(WITHIN_S):
        while engine.info is not None:
            await asyncio.sleep(0.01)
    assert same(await engine.complete(CompletionRequest(prompt=prompt, stop=LINE)), before)
    assert engine.pid != pid


async def test_cancelling_a_request_while_the_model_loads_does_not_stop_the_loading(
    make_engine: MakeEngine,
) -> None:
    engine = make_engine()
    first = asyncio.create_task(engine.start())
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await engine.start()
    assert engine.info is not None


@pytest.mark.parametrize("content", [None, b"", b"GGUF", b"not a model at all"])
async def test_unusable_model(
    make_engine: MakeEngine, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    engine = make_engine(model_path=path)
    for _ in range(2):
        with pytest.raises(ModelError, match=r"model\.gguf"):
            await engine.start()


async def test_a_wrong_token_is_refused(make_engine: MakeEngine) -> None:
    engine = make_engine()
    await engine.start()
    meeting = rendezvous_for(EngineOptions(bundled_model_path(), threads=1))
    reader, writer = await be_server(meeting, "guess")
    async with asyncio.timeout(WITHIN_S):
        assert await reader.read() == b""
    writer.close()
    assert "refused a connection" in meeting.log.read_text()


async def test_a_folder_that_others_may_enter_is_refused(
    make_engine: MakeEngine, private_runtime: Path
) -> None:
    private_runtime.chmod(0o755)
    with pytest.raises(EngineError, match="must be yours alone"):
        await make_engine().start()


async def test_a_socket_left_behind_is_no_obstacle(
    make_engine: MakeEngine, private_runtime: Path
) -> None:
    meeting = rendezvous_for(EngineOptions(bundled_model_path(), threads=1))
    assert meeting.folder == private_runtime
    if meeting.is_loopback:
        meeting.address.write_text("1")  # nobody listens there
    else:
        with socket.socket(socket.AF_UNIX) as stream:
            stream.bind(str(meeting.address))
    await make_engine().start()
