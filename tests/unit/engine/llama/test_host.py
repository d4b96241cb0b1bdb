"""What one of several servers wants of the engine that they share."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from bounds import WITHIN_S
from infill_ls.engine import messages, wire
from infill_ls.engine.llama import host as host_module
from infill_ls.engine.llama.host import Host
from infill_ls.engine.llama.vocabulary_worker import VocabularyModel, VocabularyWorker
from infill_ls.engine.rendezvous import EngineOptions, Rendezvous, rendezvous_for
from unit.engine.hands import be_server, begin, read_message


async def until(host: Host, *, saves_power: bool) -> None:
    async with asyncio.timeout(WITHIN_S):
        while host.saves_power is not saves_power:
            await asyncio.sleep(0.001)


@pytest.fixture
def meeting(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Rendezvous:
    folder = tmp_path_factory.mktemp("rt")
    folder.chmod(0o700)
    monkeypatch.setenv("INFILL_LS_RUNTIME_DIR", str(folder))
    return rendezvous_for(EngineOptions(Path("model.gguf")))


async def test_power_is_saved_as_long_as_one_server_wants_that(meeting: Rendezvous) -> None:
    lock = meeting.try_lock()
    assert lock is not None
    host = Host(meeting, idle_s=60.0)
    try:
        (_, saver), (_, other) = [await be_server(meeting) for _ in range(2)]
        for saves in (True, False, True):
            saver.write(wire.encode(messages.SavePower(saves=saves)))
            await until(host, saves_power=saves)
        other.write(wire.encode(messages.SavePower(saves=True)))
        other.write(wire.encode(messages.SavePower(saves=False)))
        assert host.saves_power
        saver.close()
        await until(host, saves_power=False)
        other.close()
    finally:
        host.close()


async def test_who_comes_while_the_engine_ends_hears_nothing_and_so_looks_for_another(
    meeting: Rendezvous, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_module, "FIRST_CLIENT_S", 0.0)
    lock = meeting.try_lock()
    assert lock is not None
    host = Host(meeting, idle_s=60.0)
    try:
        (reader, writer), proof = await begin(meeting)
        model = cast(VocabularyModel, SimpleNamespace(vocab=None))
        async with asyncio.timeout(WITHIN_S):
            await asyncio.to_thread(host.serve, VocabularyWorker(model))
            writer.write(wire.encode(proof))
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await read_message(reader)
        writer.close()
    finally:
        host.close()
