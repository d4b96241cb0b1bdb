"""What one of several servers wants of the engine that they share."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bounds import WITHIN_S
from infill_ls.engine import messages, wire
from infill_ls.engine.llama.host import Host
from infill_ls.engine.rendezvous import EngineOptions, rendezvous_for
from unit.engine.hands import be_server


async def until(host: Host, *, saves_power: bool) -> None:
    async with asyncio.timeout(WITHIN_S):
        while host.saves_power is not saves_power:
            await asyncio.sleep(0.001)


async def test_power_is_saved_as_long_as_one_server_wants_that(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("rt")
    folder.chmod(0o700)
    monkeypatch.setenv("INFILL_LS_RUNTIME_DIR", str(folder))
    meeting = rendezvous_for(EngineOptions(Path("model.gguf")))
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
