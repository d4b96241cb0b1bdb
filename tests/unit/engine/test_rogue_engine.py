"""Tests of an impostor on the engine's socket: nothing hangs, and nothing is revealed to it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bounds import WITHIN_S
from infill_ls.engine import process, wire
from infill_ls.engine.base import EngineInfo
from infill_ls.engine.handshake import Handshake
from infill_ls.engine.messages import Ready, SavePower
from infill_ls.engine.peer import Peer
from infill_ls.engine.process import EngineProcess
from infill_ls.engine.rendezvous import (
    EXIT_ANOTHER_RUNS,
    EXIT_FAILURE_TOLD,
    LOOPBACK_ENVIRONMENT_VARIABLE,
    EngineOptions,
    rendezvous_for,
)
from infill_ls.errors import EngineTimeoutError, EngineUnavailableError, ModelError
from infill_ls.models.fim import FimTokens, Order
from unit.engine.hands import be_engine, read_message

INFO = EngineInfo(
    model_name="m",
    context_tokens=512,
    stop_ids=frozenset({4}),
    fim=FimTokens("f", Order.PSM, 1, 2, 3, None),
    tokens_stay_in_line=True,
)
READY = wire.encode(Ready(info=INFO, pid=1))
BAD = [
    wire.HEADER.pack(2**32 - 1),
    wire.HEADER.pack(9) + b"\xff{garbage",
    wire.HEADER.pack(2) + b"[]",
    wire.HEADER.pack(100_000) + b"[" * 100_000,
    wire.encode({"op": "warmed", "id": [1]}),
    wire.encode({"neither": "id nor event"}),
    wire.encode({"op": "sofar", "id": 1, "written": {"text": "x", "tokens": []}}),
    wire.encode({"op": "tokens", "id": 1, "ids": 5}),
    wire.encode({"op": "warmed", "id": 1}),
    wire.encode({"op": "tokens", "id": 1}),
]


class Rogue:
    """Says what it is told to; the first part when it is connected to, the other when asked."""

    def __init__(self, first: bytes, then: bytes) -> None:
        self._first = first
        self._then = then
        self.heard = b""
        self.token = ""
        """With it, it is taken for an engine to begin with."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk to a language server until it leaves."""
        if self.token:
            await be_engine(reader, writer, self.token)
        writer.write(self._first)
        while data := await reader.read(65536):
            if self.heard or self.token:
                writer.write(self._then)
            self.heard += data
        writer.close()


@asynccontextmanager
async def listening(
    rogue: Rogue, folder: Path, *, answer_within_s: float = 30.0, knows_token: bool = True
) -> AsyncIterator[EngineProcess]:
    options = EngineOptions(folder / "model.gguf")
    meeting = rendezvous_for(options)
    rogue.token = meeting.read_token() if knows_token else ""
    if meeting.is_loopback:
        server = await asyncio.start_server(rogue.serve, "127.0.0.1", 0)
        meeting.address.write_text(str(server.sockets[0].getsockname()[1]))
    else:
        server = await asyncio.start_unix_server(rogue.serve, str(meeting.address))
    engine = EngineProcess(options, answer_within_s=answer_within_s)
    try:
        yield engine
    finally:
        async with asyncio.timeout(WITHIN_S):
            await engine.close()
        server.close()


@pytest.fixture(params=["socket", "port"])
def folder(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Path:
    """Return a runtime directory, once for Unix sockets and once for ports."""
    monkeypatch.setenv(LOOPBACK_ENVIRONMENT_VARIABLE, str(int(request.param == "port")))
    folder = tmp_path_factory.mktemp("rt")
    folder.chmod(0o700)
    monkeypatch.setenv("INFILL_LS_RUNTIME_DIR", str(folder))
    return folder


async def test_an_engine_hears_whether_to_save_power_once_for_each_change(folder: Path) -> None:
    rogue = Rogue(READY, b"")
    async with listening(rogue, folder) as engine, asyncio.timeout(WITHIN_S):
        engine.save_power(saves=True)
        await engine.start()
        for saves in (True, False, False, True, True):
            engine.save_power(saves=saves)
        said = b"".join(wire.encode(SavePower(saves=saves)) for saves in (True, False, True))
        while len(rogue.heard) < len(said):
            await asyncio.sleep(0.01)
    assert rogue.heard == said


@pytest.mark.parametrize("words", BAD, ids=range(len(BAD)))
async def test_nonsense_fails_who_waits(folder: Path, words: bytes) -> None:
    async with listening(Rogue(READY, words), folder) as engine, asyncio.timeout(WITHIN_S):
        await engine.start()
        with pytest.raises(EngineUnavailableError):
            await engine.tokenize(["x"])
        while engine.info is not None:  # its connection is given up as well
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("words", BAD[:6], ids=range(6))
async def test_nonsense_instead_of_a_model(folder: Path, words: bytes) -> None:
    async with listening(Rogue(words, b""), folder) as engine, asyncio.timeout(WITHIN_S):
        with pytest.raises(EngineUnavailableError):
            await engine.start()


async def test_a_model_that_is_described_wrongly(folder: Path) -> None:
    words = wire.encode({"op": "ready", "info": {"fim": 5}, "pid": "x"})
    async with listening(Rogue(words, b""), folder) as engine, asyncio.timeout(WITHIN_S):
        with pytest.raises(EngineUnavailableError):
            await engine.start()


async def test_the_process_to_kill_is_not_what_the_peer_says(folder: Path) -> None:
    async with listening(Rogue(READY, b""), folder) as engine:
        await engine.start()
        assert engine.pid == os.getpid()  # which is where this rogue lives


async def test_the_token_is_not_for_other_users(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "peer_of", lambda _: Peer(os.getuid() + 1, 1))
    rogue = Rogue(b"", b"")
    async with listening(rogue, folder) as engine:
        with pytest.raises(EngineUnavailableError, match="another user"):
            await engine.start()
    assert rogue.heard == b""


@pytest.mark.parametrize("words", [*BAD, b""], ids=range(len(BAD) + 1))
async def test_who_does_not_know_the_token_learns_nothing_of_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: bytes
) -> None:
    monkeypatch.setattr(process, "HANDSHAKE_TIMEOUT_S", 0.5)
    rogue = Rogue(words, b"")
    async with listening(rogue, folder, knows_token=False) as engine, asyncio.timeout(WITHIN_S):
        token = rendezvous_for(EngineOptions(folder / "model.gguf")).read_token()
        # A port may have been anybody's since an engine was killed: then a new one is started,
        # which finds no model here.
        with pytest.raises((EngineUnavailableError, ModelError)):
            await engine.start()
    assert rogue.heard.count(b"nonce") == len(rogue.heard.split(b"}")) - 1
    assert token.encode() not in rogue.heard
    assert b"proof" not in rogue.heard


async def test_an_engines_own_words_are_no_proof(folder: Path) -> None:
    """Neither what it says to somebody else at another port, nor an echo of what it hears."""

    class Echo(Rogue):
        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonce = (await read_message(reader))["nonce"]
            elsewhere = Handshake(real_token, "127.0.0.1:1", nonce, nonce, 1)
            proof = elsewhere.engine_proof()
            writer.write(wire.encode({"nonce": nonce, "pid": 1, "proof": proof}))
            self.heard += await reader.read()
            writer.close()

    real_token = rendezvous_for(EngineOptions(folder / "model.gguf")).read_token()
    rogue = Echo(b"", b"")
    async with listening(rogue, folder, knows_token=False) as engine, asyncio.timeout(WITHIN_S):
        with pytest.raises((EngineUnavailableError, ModelError)):
            await engine.start()
    assert rogue.heard == b""


@pytest.mark.parametrize("knows_token", [True, False])
async def test_who_never_answers_does_not_hold_up_the_end(folder: Path, knows_token: bool) -> None:
    async with listening(Rogue(b"", b""), folder, knows_token=knows_token) as engine:
        starting = asyncio.create_task(engine.start())
        await asyncio.sleep(0.1)
        async with asyncio.timeout(WITHIN_S):
            await engine.close()
        with pytest.raises(EngineUnavailableError):
            await starting


@pytest.mark.parametrize(
    ("answer", "is_killed"),
    [
        pytest.param(
            {"op": "served", "is_served": False}, False, id="it is at another server's request"
        ),
        pytest.param(
            {"op": "served", "is_served": True}, True, id="it does not give up what it is at"
        ),
        pytest.param(None, True, id="it does not answer at all"),
    ],
)
async def test_a_late_engine_is_killed_only_if_it_hangs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, answer: wire.Hello | None, is_killed: bool
) -> None:
    killed: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, _: killed.append(pid))
    monkeypatch.setattr(process, "PATIENCE_S", 0.2)
    # The request has the number 1, the ping after it the number 2.
    words = wire.encode({"id": 2, **answer}) if answer is not None else b""
    rogue = Patient(READY, words)
    async with listening(rogue, folder, answer_within_s=0.1) as engine:
        await engine.start()
        with pytest.raises(EngineTimeoutError):
            await engine.tokenize(["x"])
        while b'"op":"cancel","target":1' not in rogue.heard or (is_killed and not killed):
            await asyncio.sleep(0.01)
        if not is_killed:
            await asyncio.sleep(1)  # several times its patience
        assert bool(killed) == is_killed


class Patient(Rogue):
    """Answers the ping only."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk to a language server until it leaves."""
        await be_engine(reader, writer, self.token)
        writer.write(self._first)
        while data := await reader.read(65536):
            self.heard += data
            if b'"ping"' in data:
                writer.write(self._then)
        writer.close()


class Ending(Rogue):
    """Hangs up on who comes first, as an engine does that is just ending; then one is there."""

    came = 0
    shakes_hands = False
    """Whether it does so after the handshake, before it has said how its model is."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk to a language server until it leaves."""
        self.came += 1
        if self.came == 1:
            if self.shakes_hands:
                await be_engine(reader, writer, self.token)
            writer.close()
        else:
            await super().serve(reader, writer)


@pytest.mark.parametrize("status", [EXIT_ANOTHER_RUNS, EXIT_FAILURE_TOLD])
@pytest.mark.parametrize("shakes_hands", [False, True])
async def test_an_engine_that_hangs_up_is_ending_and_another_is_waited_for(
    status: int, folder: Path, monkeypatch: pytest.MonkeyPatch, *, shakes_hands: bool
) -> None:
    class NotStarted:
        """What would be started instead finds another engine in its place, or has told its failure."""

        def poll(self) -> int:
            return status

    monkeypatch.setattr(EngineProcess, "_spawn", lambda *_: NotStarted())
    rogue = Ending(READY, b"")
    rogue.shakes_hands = shakes_hands
    async with listening(rogue, folder) as engine, asyncio.timeout(WITHIN_S):
        assert await engine.start() == INFO
    assert rogue.came == 2
